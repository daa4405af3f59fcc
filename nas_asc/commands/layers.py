"""The layers of a network as a table and as JSON, with what a counting rule counts of each."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from nas_asc.architectures import Architecture, Conv, Pool
from nas_asc.commands.console import is_wide, print_table, print_text
from nas_asc.complexity import CountingRule, LayerRow, layer_table
from nas_asc.units import format_count, format_shape

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
    """Print a row per layer, input first, and below them what the short words mean.

    In a narrow terminal names are shorter, multiply-accumulates rounded, and the padding that all
    windows have stands below the table.
    """
    rows = layer_table(architecture, n_classes, clip_s, rule)
    left_out = any(row.nonzero and not row.summed for row in rows)
    pruned = left_out or any(row.nonzero != row.counted for row in rows)
    narrow = not is_wide()
    cells = _under_their_blocks(rows) if narrow else [(row.name, row) for row in rows]
    paddings = _paddings(rows)
    same = paddings.pop() if narrow and len(paddings) == 1 else ""
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
            (name, *(_cells(row, pruned, narrow, same) if row else [""] * (4 + pruned)))
            for name, row in cells
        ],
    )
    if left_out:
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    print_text(f"({'; '.join(_meanings(rows, same))})")


def _cells(row: LayerRow, pruned: bool, narrow: bool, same: str) -> tuple[str, ...]:
    macs = format_count(row.macs) if narrow else f"{row.macs:,}"
    what = row.what.replace(f" {same}", "") if same else row.what
    return (
        format_shape(row.shape),
        f"{row.counted:,}" if row.counted else "",
        *((_nonzero(row),) if pruned else ()),
        macs if row.macs else "",
        f"{row.op} {what}".rstrip(),
    )


def _under_their_blocks(rows: Sequence[LayerRow]) -> list[tuple[str, LayerRow | None]]:
    """Return short names, indented below a heading with the name of their block, or its input."""
    cells: list[tuple[str, LayerRow | None]] = []
    for block, found in groupby(rows, lambda row: _block(row.name)):
        layers = list(found)
        if layers[0].name != block:
            cells.append((block, None))
        for layer in layers:
            inside = layer.name.removeprefix(f"{block}.")
            cells.append((block if layer.name == block else f"  {inside}", layer))
    return cells


def _block(name: str) -> str:
    """Return the block that a layer belongs to: "stage3.1" or "head"."""
    stage, _, rest = name.partition(".")
    number, _, inside = rest.partition(".")
    return f"{stage}.{number}" if inside and number.isdecimal() else stage


def _paddings(rows: Sequence[LayerRow]) -> set[str]:
    operators = [row.layer.operator for row in rows]
    return {each.padding for each in operators if isinstance(each, Conv | Pool)}


def _meanings(rows: Sequence[LayerRow], same: str) -> list[str]:
    """Return what the words in the table mean, and the padding that is left out of it."""
    used = _paddings(rows)
    return [
        "after the slash: the stride",
        *(
            f"{'all windows' if word == same else word}: {meaning}"
            for word, meaning in _PADDINGS.items()
            if word in used
        ),
        *(meaning for op, meaning in _OPERATORS.items() if any(row.op == op for row in rows)),
    ]


def _nonzero(row: LayerRow) -> str:
    if not row.counted:
        return ""
    return f"{row.nonzero:,}" if row.summed else f"({row.nonzero:,})"


def layers_json(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> list[dict[str, object]]:
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
        for row in layer_table(architecture, n_classes, clip_s, rule)
    ]
