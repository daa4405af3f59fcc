"""`nas-asc count`: what one architecture or ensemble costs, layer by layer too."""

from collections.abc import Iterator, Sequence
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
    Counted,
    CountingRule,
    LayerRow,
    count,
    counting_holes,
    counting_rule,
    layer_table,
)
from nas_asc.errors import ConfigError
from nas_asc.reports import Ensemble, count_ensemble, count_members, resolve
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
_Found = ReportModel | Ensemble


@click.command("count")
@click.argument("target", metavar="MODEL|FILE|RUN:TRIAL|SPACE.toml:MODEL")
@click.option("--rule", help="Counting rule, or all; default: the one the target was made for.")
@classes_option("the target's own")
@clip_option("the target's own")
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
    found = _adapted(resolve(target), classes, clip_s)
    rules = list(RULES) if rule == "all" else [counting_rule(rule or found.rule, "all").id]
    counts = [_count(found, rule_id) for rule_id in rules]
    kept = _count(found, "plain").nonzero_params  # whatever the rule, as the module holds them
    if as_json:
        values = [_to_dict(found, counted, kept, layers) for counted in counts]
        print_json(values if rule == "all" else values[0])
        return
    _print_heading(found, counts[0], kept)
    click.echo()
    _print_counts(counts)
    warned: dict[str, list[str]] = {}
    for counted in counts:
        for line in _warnings(found, counted):
            warned.setdefault(line, []).append(counted.rule.id)
    for line, ids in warned.items():
        remark(f"warning: {', '.join(ids)}: {line}")
    if layers:
        shown = counting_rule(found.rule if rule == "all" else rules[0])
        for name, rows in _layers(found, shown).items():
            click.echo(f"\n{name}" if isinstance(found, Ensemble) else "")
            print_layers(rows, shown)


def _adapted(found: _Found, classes: int | None, clip_s: float | None) -> _Found:
    if isinstance(found, ReportModel):
        return found.adapted(classes, clip_s)
    names = None if classes in (None, len(found.classes)) else list(map(str, range(classes or 0)))
    if names is not None and found.untrainable():
        raise ConfigError(
            f"--classes: expected none for an ensemble with a class map, its classes are "
            f"{', '.join(found.classes)}; got {classes} - count its members"
        )
    return found.adapted(names, clip_s or found.clip_s)


def _count(found: _Found, rule: str) -> Counted:
    if isinstance(found, Ensemble):
        return count_ensemble(found, rule)
    return count(found.architecture, found.classes, found.clip_s, rule)


def _layers(found: _Found, rule: CountingRule) -> dict[str, list[LayerRow]]:
    """Return the layers of each network that differs, by name."""
    models = [m.model for m in found.members] if isinstance(found, Ensemble) else [found]
    return {m.id: layer_table(m.architecture, m.classes, found.clip_s, rule) for m in models}


def _to_dict(found: _Found, counted: Counted, kept: int, layers: bool) -> dict[str, object]:
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
            for name, rows in _layers(found, counted.rule).items()
            for layer in layers_json(rows)
        ]
    return value


def _print_heading(found: _Found, counted: Counted, kept: int) -> None:
    if isinstance(found, Ensemble):
        what = f"{len(found.classes)} classes, {len(found.networks)} networks ({found.described})"
    else:
        zeros = f", kernels with {100 * counted.sparsity:.3g} % zeros" if counted.sparsity else ""
        what = f"{found.classes} classes, {counted.precision}{zeros}"
    shapes = ", ".join(map(format_shape, counted.input_shapes))
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


def _print_counts(counts: list[Counted]) -> None:
    rows = []
    for c in counts:
        limited = c.rule.max_bytes or c.rule.max_params or c.rule.max_macs
        over: dict[int, list[str]] = {}  # a byte for each parameter makes two limits one
        for excess in _excess(c):
            over.setdefault(excess["over"], []).append(_WORDS[excess["measure"]])
        exceeded = [f"{excess:,} {' and '.join(words)} over" for excess, words in over.items()]
        rows.append(
            (
                c.rule.id,
                f"{c.counted_params:,}",
                f"{c.nonzero_params:,}",
                f"{c.size_bytes:,}",
                f"{c.size_bytes / c.rule.kb:,.1f}",
                "same" if c.stored_bytes == c.size_bytes else f"{c.stored_bytes:,}",
                f"{c.counted_macs:,}" if c.rule.max_macs else "-",
                "\n".join(exceeded) or ("within" if limited else "-"),
            )
        )
    numbers = (">parameters", ">non-zero", ">bytes", ">KB", ">stored B", ">MACs judged")
    print_table(("rule", *numbers, "limits of the rule"), rows)


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


def _warnings(found: _Found, counted: Counted) -> list[str]:
    """Return what to know of a count: the same of all networks once, then the holes of each."""
    if isinstance(counted, Complexity):
        networks = {"": counted}
    else:
        assert isinstance(found, Ensemble)
        each = [f"{f'each of {m.number} ' * (m.number > 1)}{m.model.id}: " for m in found.members]
        networks = dict(zip(each, count_members(found, counted.rule.id), strict=True))
    lines = [line for complexity in networks.values() for line in _remarks(complexity)]
    holes = [f"{name}{hole}" for name, one in networks.items() for hole in counting_holes(one)]
    return [*dict.fromkeys(lines), *holes]


def _remarks(complexity: Complexity) -> Iterator[str]:
    rule = complexity.rule
    if complexity.shrunk:
        names = ", ".join(complexity.shrunk)
        yield f"windows larger than what is left of an axis were cut to it: {names}"
    if complexity.precision not in rule.precisions:
        yield (
            f"the rule admits {' and '.join(rule.precisions)} only, this model is stored as "
            f"{complexity.precision}; its size is what it would be"
        )
    if clips := rule.clip_remark(complexity.clip_s):
        yield clips


def print_layers(rows: Sequence[LayerRow], rule: CountingRule) -> None:
    """Print a row per layer, input first, and below them what the short words mean."""
    left_out = any(row.nonzero and not row.summed for row in rows)
    pruned = left_out or any(row.nonzero != row.counted for row in rows)
    table = []
    for row in rows:
        nonzero = in_brackets(f"{row.nonzero:,}", row.summed) if row.counted else ""
        cells = (row.name, format_shape(row.shape), f"{row.counted:,}" if row.counted else "")
        work = (f"{row.macs:,}" if row.macs else "", f"{row.op} {row.what}".rstrip())
        table.append((*cells, *([nonzero] * pruned), *work))
    nonzero_head = [">non-zero"] * pruned
    print_table(("layer", ">output", f">{rule.id}", *nonzero_head, ">MACs", "operator"), table)
    if left_out:
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    used = {row.op for row in rows} | {
        row.layer.operator.padding for row in rows if isinstance(row.layer.operator, Conv | Pool)
    }
    meanings = [meaning for word, meaning in _MEANINGS.items() if word in used]
    print_text(f"({'; '.join(['after the slash: the stride', *meanings])})")


def in_brackets(number: str, summed: bool) -> str:
    """Write a number in brackets unless the rule's non-zero count has it."""
    return number if summed else f"({number})"


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
