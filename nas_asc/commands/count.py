"""`nas-asc count`: what one architecture or ensemble costs, layer by layer too."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from nas_asc.architectures import Conv, Pool
from nas_asc.commands.console import (
    classes_option,
    clip_option,
    json_option,
    print_json,
    print_table,
    print_text,
    remark,
)
from nas_asc.complexity import (
    MEASURES,
    RULES,
    Complexity,
    CountingRule,
    LayerRow,
    count,
    counting_holes,
    counting_rule,
    layer_table,
)
from nas_asc.errors import ConfigError
from nas_asc.reports import Counted, Ensemble, count_ensemble, count_members, resolve
from nas_asc.spaces import ReportModel
from nas_asc.units import format_shape

_MEANINGS = {
    "half": "half: padded by half the window on every side",
    "same": "same: padded so that only the stride makes it smaller",
    "valid": "valid: not padded",
    "norm": "norm: batch normalisation",
    "act": "act: activation",
    "mul": "mul: product with the gate",
}
_WORDS = {measure.attribute: measure.short for measure in MEASURES.values()}


@click.command("count")
@click.argument("target", metavar="MODEL|FILE|RUN:TRIAL|SPACE.toml:MODEL")
@click.option("--rule", help="Counting rule, or all; default: the one the target was made for.")
@classes_option(help="Number of classes; default: the target's own.")
@clip_option(help="Clip length in seconds; default: the target's own.")
@click.option("--layers", is_flag=True, help="Show every layer.")
@json_option
def command(
    target: str,
    rule: str | None,
    classes: int | None,
    clip_s: float | None,
    layers: bool,
    as_json: bool,
) -> None:
    """Count one architecture: parameters, bytes, multiply-accumulates, peak memory.

    The target is a report model or ensemble (nas-asc models) or one of your own space, an
    architecture.json or its folder, or a trial of a run. What the rule says stands beside what a
    compact file really holds; where the rule's counter has a known hole that the architecture
    falls into, a warning says so. For other classes or clips it is counted as a search has it
    there: the classifier of a report model is then not pruned.
    """
    found = _on(resolve(target), classes, clip_s)
    rules = list(RULES) if rule == "all" else [counting_rule(rule or found.rule, "all").id]
    counts = [_count(found, rule_id) for rule_id in rules]
    kept = _kept(found)
    if as_json:
        values = [_to_dict(found, counted, kept, layers) for counted in counts]
        print_json(values if rule == "all" else values[0])
        return
    _show_heading(found, counts[0], kept)
    click.echo()
    _show_counts(counts)
    _show_warnings(found, counts)
    if layers:
        shown = counting_rule(found.rule if rule == "all" else rules[0])
        for name, part in _parts(found).items():
            click.echo(f"\n{name}" if isinstance(found, Ensemble) else "")
            print_layers(layer_table(part.architecture, part.classes, part.clip_s, shown), shown)


def _on(
    found: ReportModel | Ensemble, classes: int | None, clip_s: float | None
) -> ReportModel | Ensemble:
    """Return it for other classes and clips."""
    if isinstance(found, ReportModel):
        return found.adapted(classes, clip_s)
    names = None if classes in (None, len(found.classes)) else list(map(str, range(classes or 0)))
    if names is not None and found.untrainable is not None:
        raise ConfigError(
            f"--classes: expected none for an ensemble with a class map, its classes are "
            f"{', '.join(found.classes)}; got {classes} - count its members"
        )
    return found.adapted(names, clip_s or found.clip_s)


def _count(found: ReportModel | Ensemble, rule: str) -> Counted:
    if isinstance(found, Ensemble):
        return count_ensemble(found, rule)
    return count(found.architecture, found.classes, found.clip_s, counting_rule(rule))


def _kept(found: ReportModel | Ensemble) -> int:
    """Count the parameters that the network still has after pruning, whatever the rule."""
    return _count(found, "plain").nonzero_params  # every value that the module holds, once


def _parts(found: ReportModel | Ensemble) -> dict[str, ReportModel]:
    """Return the networks that differ, by name."""
    if isinstance(found, ReportModel):
        return {found.id: found}
    return {m.model.id: replace(m.model, clip_s=found.clip_s) for m in found.members}


def _networks(found: ReportModel | Ensemble, counted: Counted) -> dict[str, Complexity]:
    """Return one network of each kind with its complexity, by what it is called."""
    if isinstance(counted, Complexity):
        return {"": counted}
    assert isinstance(found, Ensemble)
    members = zip(found.members, count_members(found, counted.rule.id), strict=True)
    return {
        f"{f'each of {m.number} ' if m.number > 1 else ''}{m.model.id}": complexity
        for m, complexity in members
    }


def _to_dict(
    found: ReportModel | Ensemble, counted: Counted, kept: int, layers: bool
) -> dict[str, object]:
    value = {
        "id": found.id,
        **counted.to_dict(),
        "kept_params": kept,
        "counted_nonzero_params": counted.nonzero_params,
        "stored_bytes": counted.stored_bytes,
        "over": _excess(counted),
        "warnings": _warnings(found, counted),
    }
    if isinstance(found, Ensemble):
        value["members"] = [
            {"model": m.model.id, "number": m.number, "weight": m.weight} for m in found.members
        ]
    if layers:
        value["layers"] = [
            layer if isinstance(found, ReportModel) else {"model": name, **layer}
            for name, part in _parts(found).items()
            for layer in layers_json(
                layer_table(part.architecture, part.classes, part.clip_s, counted.rule)
            )
        ]
    return value


def _show_heading(found: ReportModel | Ensemble, counted: Counted, kept: int) -> None:
    shapes = ", ".join("x".join(map(str, shape)) for shape in counted.input_shapes)
    if isinstance(found, Ensemble):
        what = f"{len(found.classes)} classes, {len(found.networks)} networks ({found.described})"
    else:
        share = counted.sparsity
        sparsity = f", kernels with {100 * share:.3g} % zeros" if share else ""
        what = f"{found.classes} classes, {counted.precision}{sparsity}"
    print_text(f"{found.id}: input {shapes}, clips of {found.clip_s:g} s, {what}")
    pruned = f", {kept:,} after pruning" if kept != counted.params else ""
    print_text(
        f"{counted.params:,} parameters{pruned}; {counted.stored_bytes:,} B in a compact file; "
        f"peak activation memory {counted.peak_activation_bytes:,} B"
    )
    print_text(
        f"{counted.macs:,} multiply-accumulates (torchinfo {counted.macs_torchinfo:,}, fvcore's "
        f"raw total {counted.macs_fvcore_total:,})"
    )


def _show_counts(counts: list[Counted]) -> None:
    rows = []
    for c in counts:
        macs = f"{c.counted_macs:,}" if c.rule.max_macs else "-"
        limited = c.rule.max_bytes or c.rule.max_params or c.rule.max_macs
        rows.append(
            (
                c.rule.id,
                f"{c.counted_params:,}",
                f"{c.nonzero_params:,}",
                f"{c.size_bytes:,}",
                f"{c.size_bytes / c.rule.kb:,.1f}",
                "same" if c.stored_bytes == c.size_bytes else f"{c.stored_bytes:,}",
                macs,
                _excess_words(c) or ("within" if limited else "-"),
            )
        )
    numbers = (">parameters", ">non-zero", ">bytes", ">KB", ">stored B", ">MACs judged")
    print_table(("rule", *numbers, "limits of the rule"), rows)


def _show_warnings(found: ReportModel | Ensemble, counts: list[Counted]) -> None:
    rules: dict[str, list[str]] = {}
    for counted in counts:
        for line in _warnings(found, counted):
            rules.setdefault(line, []).append(counted.rule.id)
    for line, ids in rules.items():
        remark(f"warning: {', '.join(ids)}: {line}")


def _excess(counted: Counted) -> list[dict[str, Any]]:
    """Return the limits of the rule that are exceeded: which, the value, and by how much."""
    rule = counted.rule
    limits = {
        "size_bytes": rule.max_bytes,
        "counted_params": rule.max_params,
        "counted_macs": rule.max_macs,
    }
    return [
        {"measure": measure, "value": value, "limit": limit, "over": value - limit}
        for measure, limit in limits.items()
        if limit and (value := int(getattr(counted, measure))) > limit
    ]


def _excess_words(counted: Counted) -> str:
    measures: dict[int, list[str]] = {}  # a byte for each parameter makes two limits one
    for excess in _excess(counted):
        measures.setdefault(excess["over"], []).append(_WORDS[excess["measure"]])
    return "\n".join(f"{over:,} {' and '.join(words)} over" for over, words in measures.items())


def _warnings(found: ReportModel | Ensemble, counted: Counted) -> list[str]:
    networks = _networks(found, counted)
    lines = [line for complexity in networks.values() for line in _remarks(complexity)]
    return list(dict.fromkeys(lines)) + [
        f"{name}: {hole}" if name else hole
        for name, complexity in networks.items()
        for hole in counting_holes(complexity)
    ]


def _remarks(complexity: Complexity) -> list[str]:
    rule, lines = complexity.rule, []
    if complexity.shrunk:
        names = ", ".join(complexity.shrunk)
        lines.append(f"windows larger than what is left of an axis were cut to it: {names}")
    if complexity.precision not in rule.precisions:
        lines.append(
            f"the rule admits {' and '.join(rule.precisions)} only, this model is stored as "
            f"{complexity.precision}; its size is what it would be"
        )
    if clips := rule.clip_remark(complexity.clip_s):
        lines.append(clips)
    return lines


def print_layers(rows: Sequence[LayerRow], rule: CountingRule) -> None:
    """Print a row per layer, input first, and below them what the short words mean."""
    left_out = any(row.nonzero and not row.summed for row in rows)
    pruned = left_out or any(row.nonzero != row.counted for row in rows)
    print_table(
        (
            *("layer", ">output", f">{rule.id}"),
            *((">non-zero",) if pruned else ()),
            *(">MACs", "operator"),
        ),
        [
            (
                *(row.name, format_shape(row.shape), f"{row.counted:,}" if row.counted else ""),
                *((_nonzero(row),) if pruned else ()),
                *(f"{row.macs:,}" if row.macs else "", f"{row.op} {row.what}".rstrip()),
            )
            for row in rows
        ],
    )
    if left_out:
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    used = {row.op for row in rows} | {
        row.layer.operator.padding for row in rows if isinstance(row.layer.operator, Conv | Pool)
    }
    meanings = [meaning for word, meaning in _MEANINGS.items() if word in used]
    print_text(f"({'; '.join(['after the slash: the stride', *meanings])})")


def _nonzero(row: LayerRow) -> str:
    if not row.counted:
        return ""
    return f"{row.nonzero:,}" if row.summed else f"({row.nonzero:,})"


def layers_json(rows: Sequence[LayerRow]) -> list[dict[str, object]]:
    """Return the layers as JSON: what the module holds (`params`) and what the rule counts.

    `in_nonzero_count` says whether the rule's non-zero count has the layer's `nonzero`.
    """
    return [
        {
            "name": row.name,
            "op": row.op,
            "inputs": list(row.inputs),
            "what": row.what,
            "shape": list(row.shape),
            "params": row.layer.params,
            "counted": row.counted,
            "nonzero": row.nonzero,
            "in_nonzero_count": row.summed,
            "macs": row.macs,
        }
        for row in rows
    ]
