"""The layers of a network as a table and as JSON, with what a counting rule counts of each."""

from collections.abc import Mapping, Sequence

from nas_asc.architecture import Architecture
from nas_asc.assembly import build_graph
from nas_asc.commands.output import print_table, print_text
from nas_asc.layer_table import LayerRow, layer_table
from nas_asc.rules import CountingRule

_PADDINGS: Mapping[str, str] = {
    "half": "padded by half the window on every side",
    "same": "padded so that only the stride makes it smaller",
    "valid": "not padded",
}
_OPERATORS: Mapping[str, str] = {
    "norm": "norm: batch normalisation",
    "act": "act: activation",
    "mul": "mul: product with the gate",
}


def print_layers(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> None:
    """Print a row per layer, input first, and below them what the short words mean."""
    rows = layer_table(architecture, n_classes, clip_s, rule)
    left_out = any(row.nonzero and not row.summed for row in rows)
    pruned = left_out or any(row.nonzero != row.counted for row in rows)
    print_table(
        (
            "layer",
            ">output",
            f">{rule.id}",
            *((">non-zero",) if pruned else ()),
            ">MACs",
            "operator",
        ),
        [
            (
                row.name,
                "x".join(map(str, row.shape)),
                f"{row.counted:,}" if row.counted else "",
                *((_nonzero(row),) if pruned else ()),
                f"{row.macs:,}" if row.macs else "",
                f"{row.op} {row.what}".rstrip(),
            )
            for row in rows
        ],
    )
    if left_out:
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    print_text(f"({'; '.join(_meanings(rows))})")


def _meanings(rows: Sequence[LayerRow]) -> list[str]:
    """Explain the words that stand in the table."""
    used = {word for row in rows if row.op in ("conv", "pool") for word in row.what.split()}
    return [
        "after the slash: the stride",
        *(f"{word}: {meaning}" for word, meaning in _PADDINGS.items() if word in used),
        *(meaning for op, meaning in _OPERATORS.items() if any(row.op == op for row in rows)),
    ]


def _nonzero(row: LayerRow) -> str:
    if not row.counted:
        return ""
    return f"{row.nonzero:,}" if row.summed else f"({row.nonzero:,})"


def layers_json(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> list[dict[str, object]]:
    """Give the layers as JSON: what the module holds (`params`) and what the rule counts."""
    layers = build_graph(architecture, n_classes, clip_s).layers
    rows = layer_table(architecture, n_classes, clip_s, rule)
    return [
        {
            "name": row.name,
            "op": row.op,
            "inputs": list(row.inputs),
            "what": row.what,
            "shape": list(row.shape),
            "params": layer.params,
            "counted": row.counted,
            "nonzero": row.nonzero,
            "macs": row.macs,
        }
        for layer, row in zip(layers, rows, strict=True)
    ]
