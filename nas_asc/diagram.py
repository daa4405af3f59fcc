"""What a drawing of a network shows: its blocks, their rows, and how the rows are connected.

Conventions: a row is a convolution or linear layer with the normalisation and activation that go
with it, or a layer that stands for itself. Rows of a block are numbered from 0; ENTRY is what
enters the block. Parameters are those that the counting rule counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nas_asc.architecture import Architecture
from nas_asc.assembly import build_graph
from nas_asc.frontend import Shape
from nas_asc.graph import Layer
from nas_asc.layer_table import layer_table
from nas_asc.row_words import describe, describe_stage
from nas_asc.rules import CountingRule

ENTRY = -1
_MODIFIERS = frozenset({"norm", "act", "dropout"})
_KERNELS = frozenset({"conv", "linear"})
_SQUEEZE_EXCITE = ".se."


@dataclass(frozen=True)
class Row:
    """One line of a block.

    Attributes:
        kind: operator of its main layer, or "gate" for squeeze-and-excitation.
        text: what it does.
        detail: the normalisation and activation that go with it.
        shape: of its output.
        sources: rows that feed it, or ENTRY.
    """

    kind: str
    text: str
    detail: str
    shape: Shape
    params: int
    macs: int
    sources: tuple[int, ...]


@dataclass(frozen=True)
class DrawnBlock:
    """A block: one of those that make up a stage, the stem or the head."""

    name: str
    what: str
    rows: tuple[Row, ...]

    @property
    def params(self) -> int:
        """Parameters of all rows."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all rows."""
        return sum(row.macs for row in self.rows)

    def beside(self, row: int) -> bool:
        """Say whether a row stands beside the main path: a shortcut or a second input.

        It does if the next row reads it and the one in front of it, and nothing else.
        """
        if not 0 < row < len(self.rows) - 1 or row - 1 in self.rows[row].sources:
            return False
        return {row - 1, row} == set(self.rows[row + 1].sources)


@dataclass(frozen=True)
class Diagram:
    """A network as it is drawn, front to back."""

    title: str
    subtitle: str
    blocks: tuple[DrawnBlock, ...]

    @property
    def params(self) -> int:
        """Parameters of the network."""
        return sum(block.params for block in self.blocks)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network."""
        return sum(block.macs for block in self.blocks)


@dataclass
class _Group:
    name: str
    members: list[list[Layer]] = field(default_factory=list)


def diagram(
    architecture: Architecture,
    n_classes: int,
    clip_s: float,
    rule: CountingRule,
    title: str,
    subtitle: str,
) -> Diagram:
    """Arrange a network for a drawing.

    Raises:
        ConfigError: the architecture cannot be built on such clips.
    """
    layers = build_graph(architecture, n_classes, clip_s).layers
    counted = {row.name: row.counted for row in layer_table(architecture, n_classes, clip_s, rule)}
    groups = _grouped(_inputs_where_needed(layers), _readers(layers))
    blocks = []
    place: dict[int, tuple[int, int]] = {}  # of each layer: its group and row
    for number, group in enumerate(groups):
        for row, members in enumerate(group.members):
            place.update({layer.index: (number, row) for layer in members})
    for number, group in enumerate(groups):
        rows = []
        for members in group.members:
            inside = {layer.index for layer in members}
            sources = [s for layer in members for s in layer.inputs if s not in inside]
            text, detail = describe(members, [layers[s] for s in sources])
            rows.append(
                Row(
                    "gate" if _SQUEEZE_EXCITE in members[0].name else _main(members).op,
                    text,
                    detail,
                    members[-1].shape,
                    sum(counted[layer.name] for layer in members),
                    sum(layer.macs for layer in members),
                    tuple(
                        dict.fromkeys(
                            place[s][1] if place[s][0] == number else ENTRY for s in sources
                        )
                    ),
                )
            )
        what = describe_stage(architecture, group.name)
        blocks.append(DrawnBlock(group.name, what, tuple(rows)))
    return Diagram(title, subtitle, tuple(blocks))


def _readers(layers: Sequence[Layer]) -> list[int]:
    readers = [0] * len(layers)
    for layer in layers:
        for source in layer.inputs:
            readers[source] += 1
    return readers


def _inputs_where_needed(layers: Sequence[Layer]) -> list[Layer]:
    """Put every input but the first in front of the layer that reads it."""
    later = {
        source: layer.index
        for layer in layers
        for source in layer.inputs
        if layers[source].op == "input" and source > 0
    }
    ordered = []
    for layer in layers:
        ordered += [layers[source] for source, reader in later.items() if reader == layer.index]
        if layer.index not in later:
            ordered.append(layer)
    return ordered


def _grouped(layers: Sequence[Layer], readers: Sequence[int]) -> list[_Group]:
    groups: list[_Group] = []
    for layer in layers:
        name = _group_name(layer, groups)
        if not groups or groups[-1].name != name:
            groups.append(_Group(name))
        rows = groups[-1].members
        if rows and _joins(layer, rows, readers):
            rows[-1].append(layer)
        else:
            rows.append([layer])
    return groups


def _group_name(layer: Layer, groups: Sequence[_Group]) -> str:
    parts = layer.name.split(".")
    if layer.op == "input" and groups:
        return "head"
    if len(parts) > 2 and parts[1].isdecimal():
        return ".".join(parts[:2])
    same_stage = groups and groups[-1].name.split(".")[0] == parts[0]
    return groups[-1].name if same_stage else parts[0]


def _joins(layer: Layer, rows: Sequence[Sequence[Layer]], readers: Sequence[int]) -> bool:
    row = rows[-1]
    last = row[-1]
    if _SQUEEZE_EXCITE in layer.name:
        return _SQUEEZE_EXCITE in last.name
    if layer.inputs != (last.index,) or readers[last.index] != 1 or _SQUEEZE_EXCITE in last.name:
        return False
    normalises_first = rows[0][0].op in _MODIFIERS
    if layer.op in _MODIFIERS:
        return last.op != "input" and (not normalises_first or last.op in _MODIFIERS)
    return layer.op in _KERNELS and all(member.op in _MODIFIERS for member in row)


def _main(row: Sequence[Layer]) -> Layer:
    """Give the layer that a row is named after."""
    return next((layer for layer in row if layer.op not in _MODIFIERS), row[0])
