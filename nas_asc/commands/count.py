"""`nas-asc count`: what one architecture costs."""

import click

from nas_asc.assembly import build_graph
from nas_asc.commands.output import console, json_option, print_json, print_table, remark
from nas_asc.complexity import Complexity, count
from nas_asc.rules import RULES, counting_rule
from nas_asc.targets import Target, resolve


@click.command("count")
@click.argument("target", metavar="MODEL|FILE|RUN:TRIAL")
@click.option("--rule", help="Counting rule, or all; default: the one the target was made for.")
@click.option("--layers", is_flag=True, help="Show every layer.")
@json_option
def command(target: str, rule: str | None, layers: bool, as_json: bool) -> None:
    """Count one architecture: parameters, bytes, multiply-accumulates, peak memory.

    The target is a report model (nas-asc models), an architecture.json, or a trial of a run.
    """
    found = resolve(target)
    rules = list(RULES) if rule == "all" else [rule or found.rule]
    counts = [
        count(found.architecture, found.classes, found.clip_s, counting_rule(r)) for r in rules
    ]
    if as_json:
        values = [_to_dict(found, complexity, layers) for complexity in counts]
        print_json(values if rule == "all" else values[0])
        return
    first = counts[0]
    shapes = ", ".join("x".join(map(str, shape)) for shape in first.input_shapes)
    console().print(
        f"{found.id}: input {shapes}, {found.classes} classes, clips of {found.clip_s:g} s, "
        f"{first.precision}" + (f", sparsity {first.sparsity:g}" if first.sparsity else "")
    )
    print_table(
        (
            "rule",
            ">parameters",
            ">non-zero",
            ">counted",
            ">bytes",
            ">KB",
            ">MACs",
            ">MACs judged",
            ">peak memory B",
            "limits of the rule",
        ),
        [_row(complexity) for complexity in counts],
    )
    for complexity in counts:
        for line in _remarks(complexity):
            remark(line)
    if layers:
        print_table(
            ("layer", "operator", "output", ">parameters", ">MACs"),
            [
                (
                    layer.name,
                    layer.op,
                    "x".join(map(str, layer.shape)),
                    layer.params or "",
                    layer.macs or "",
                )
                for layer in build_graph(found.architecture, found.classes, found.clip_s).layers
            ],
        )


def _to_dict(found: Target, complexity: Complexity, layers: bool) -> dict[str, object]:
    value = {"id": found.id, **complexity.to_dict()}
    if layers:
        graph = build_graph(found.architecture, found.classes, found.clip_s)
        value["layers"] = [
            {
                "name": layer.name,
                "op": layer.op,
                "inputs": [graph.layers[i].name for i in layer.inputs],
                "shape": list(layer.shape),
                "params": layer.params,
                "macs": layer.macs,
            }
            for layer in graph.layers
        ]
    return value


def _row(complexity: Complexity) -> tuple[object, ...]:
    excess = _excess(complexity)
    limited = complexity.rule.max_bytes or complexity.rule.max_macs
    return (
        complexity.rule.id,
        f"{complexity.params:,}",
        f"{complexity.nonzero_params:,}",
        f"{complexity.counted_params:,}",
        f"{complexity.size_bytes:,}",
        f"{complexity.size_bytes / complexity.rule.kb:.1f}",
        f"{complexity.macs:,}",
        f"{complexity.counted_macs:,}",
        f"{complexity.peak_activation_bytes:,}",
        "; ".join(excess) if excess else "within" if limited else "-",
    )


def _excess(complexity: Complexity) -> list[str]:
    rule = complexity.rule
    pairs = (
        ("bytes", complexity.size_bytes, rule.max_bytes),
        ("parameters", complexity.counted_params, rule.max_params),
        ("MACs", complexity.counted_macs, rule.max_macs),
    )
    return [
        f"{value - limit:,} {word} over" for word, value, limit in pairs if limit and value > limit
    ]


def _remarks(complexity: Complexity) -> list[str]:
    lines = []
    if complexity.shrunk:
        lines.append(
            f"note: windows larger than what is left of an axis were cut to it: "
            f"{', '.join(complexity.shrunk)}"
        )
    rule = complexity.rule
    if complexity.precision not in rule.precisions:
        lines.append(
            f"note: {rule.id} admits {' and '.join(rule.precisions)} only, this model is stored as "
            f"{complexity.precision}; its size is what it would be"
        )
    if rule.clip_s and rule.clip_s != complexity.clip_s:
        lines.append(
            f"note: the limits of {rule.id} are meant for clips of {rule.clip_s:g} s, "
            f"this count is for {complexity.clip_s:g} s"
        )
    return lines
