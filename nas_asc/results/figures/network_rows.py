"""What a drawing of a network shows: its blocks, their rows, and how the rows are connected.

Conventions: a row is a convolution or linear layer with the normalisation and activation that go
with it, or a layer that stands for itself. Rows of a block are numbered from 0; ENTRY is what
enters the block. Parameters are those that the counting rule counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_asc.architectures import (
    Activation,
    Architecture,
    Conv,
    Dropout,
    Input,
    Layer,
    Linear,
    Norm,
    Shape,
    describe,
    front_end,
    readers,
)
from nas_asc.complexity import CountingRule, LayerRow, layer_table

ENTRY = -1
_ARROW = "\N{RIGHTWARDS ARROW}"
_SQUEEZE_EXCITE = ".se."


@dataclass(frozen=True)
class Row:
    """One line of a block.

    Attributes:
        kind: name of its main layer's operator, or "gate" for squeeze-and-excitation.
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
    params: int
    macs: int

    def beside(self, row: int) -> bool:
        """Return whether a row stands beside the main path: a shortcut or a second input.

        It does if the next row reads it and the one in front of it, and nothing else.
        """
        if not 0 < row < len(self.rows) - 1 or row - 1 in self.rows[row].sources:
            return False
        return {row - 1, row} == set(self.rows[row + 1].sources)

    def previous(self, row: int) -> int:
        """Return the row, or ENTRY, that stands in front of a row on the main path."""
        return row - 2 if row > 0 and self.beside(row - 1) else row - 1


@dataclass(frozen=True)
class Diagram:
    """A network as it is drawn, front to back."""

    title: str
    subtitle: str
    blocks: tuple[DrawnBlock, ...] = ()
    params: int = 0
    macs: int = 0


@dataclass(frozen=True)
class Connection:
    """A connection beside the main path: from a row, or ENTRY, to a later row.

    Attributes:
        via: a row on the way that stands beside the main path, such as a shortcut's convolution.
        lane: the vertical track that it runs in; lane 1 is next to the main path.
        skips: whether it carries a block's input to a sum.
    """

    source: int
    target: int
    via: int | None
    lane: int
    skips: bool


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
    table = layer_table(architecture, n_classes, clip_s, rule)
    read_by = readers([entry.layer for entry in table])

    def position(entry: LayerRow) -> float:
        """Put every input but the first in front of the layer that reads it."""
        index = entry.layer.index
        return read_by[index][0] - 0.5 if _is_later_input(entry.layer) else index

    blocks: dict[str, list[list[LayerRow]]] = {}
    place: dict[int, tuple[str, int]] = {}  # of each layer: its block and row
    for entry in sorted(table, key=position):
        layer = entry.layer
        name = _block_name(layer, last=next(reversed(blocks), ""))
        rows = blocks.setdefault(name, [])
        if rows and _joins(layer, [[e.layer for e in row] for row in rows], read_by):
            rows[-1].append(entry)
        else:
            rows.append([entry])
        place[layer.index] = name, len(rows) - 1

    def drawn(name: str, members: Sequence[LayerRow]) -> Row:
        layers = [member.layer for member in members]
        inside = {layer.index for layer in layers}
        sources = [place[s] for layer in layers for s in layer.inputs if s not in inside]
        kind, text, detail = _words(layers)
        feeding = dict.fromkeys(row if block == name else ENTRY for block, row in sources)
        return Row(kind, text, detail, layers[-1].shape, *_costs(members), tuple(feeding))

    found = []
    for name, rows in blocks.items():
        costs = _costs([member for row in rows for member in row])
        drawn_rows = tuple(drawn(name, row) for row in rows)
        found.append(DrawnBlock(name, _what(architecture, name), drawn_rows, *costs))
    return Diagram(title, subtitle, tuple(found), *_costs(table))


def _costs(members: Sequence[LayerRow]) -> tuple[int, int]:
    return sum(member.counted for member in members), sum(member.macs for member in members)


def connections(block: DrawnBlock) -> list[Connection]:
    """Return all connections of a block that the main path does not show.

    Each has the innermost lane that is free; those that share an end share one.
    """
    found: list[tuple[int, int, int | None]] = []
    for number, row in enumerate(block.rows):
        if block.beside(number):  # a second input begins in its lane
            found.append((row.sources[0] if row.sources else number, number + 1, number))
            continue
        for source in row.sources:
            if source != block.previous(number) and not block.beside(source):
                found.append((source, number, None))
    placed: list[Connection] = []
    for source, target, via in sorted(found, key=lambda f: (f[1] - f[0], f[0])):
        in_the_way = {
            other.lane
            for other in placed
            if other.source < target
            and source < other.target
            and not (
                via is other.via is None and (source == other.source or target == other.target)
            )
        }
        lane = next(lane for lane in range(1, len(found) + 1) if lane not in in_the_way)
        skips = source == ENTRY and block.rows[target].kind == "add"
        placed.append(Connection(source, target, via, lane, skips))
    return placed


def _is_modifier(layer: Layer) -> bool:
    return isinstance(layer.operator, Norm | Activation | Dropout)


def _is_later_input(layer: Layer) -> bool:
    return isinstance(layer.operator, Input) and layer.index > 0


def _block_name(layer: Layer, last: str) -> str:
    """Return the block that a layer belongs to; `last` is that of the layer in front of it."""
    if _is_later_input(layer):
        return "head"
    stage, *rest = layer.name.split(".")
    if len(rest) > 1 and rest[0].isdecimal():
        return f"{stage}.{rest[0]}"
    return last if last.split(".")[0] == stage else stage


def _joins(layer: Layer, rows: Sequence[Sequence[Layer]], read_by: Sequence[list[int]]) -> bool:
    """Return whether a layer belongs to the last of the rows in front of it."""
    row, last = rows[-1], rows[-1][-1]
    if _SQUEEZE_EXCITE in layer.name or _SQUEEZE_EXCITE in last.name:
        return _SQUEEZE_EXCITE in layer.name and _SQUEEZE_EXCITE in last.name
    if layer.inputs != (last.index,) or len(read_by[last.index]) != 1:
        return False
    if _is_modifier(layer):
        normalises_first = _is_modifier(rows[0][0])
        return not isinstance(last.operator, Input) and (not normalises_first or _is_modifier(last))
    return isinstance(layer.operator, Conv | Linear) and all(map(_is_modifier, row))


def _words(row: Sequence[Layer]) -> tuple[str, str, str]:
    """Return the kind of a row, what it does, and the norm and activation that go with it."""
    main = next((layer for layer in row if not _is_modifier(layer)), row[0])
    if _SQUEEZE_EXCITE in main.name:
        hidden = next(layer.shape[0] for layer in row if isinstance(layer.operator, Conv))
        channels = row[-1].shape[0]
        return "gate", f"squeeze-excite {channels}{_ARROW}{hidden}{_ARROW}{channels}", ""
    inside = [part for part in main.name.split(".")[1:] if not part.isdecimal()]
    words = [describe(layer.operator, drawn=True) for layer in row]
    place = row.index(main)
    if _is_later_input(main):
        words[place] = "second input: mean spectrum"
    if len(inside) > 1 or inside == ["shortcut"]:
        words[place] = f"{inside[0].replace('_', ' ')}: {words[place]}"
    return main.op, ", ".join(words[: place + 1]), ", ".join(words[place + 1 :])


def _what(architecture: Architecture, name: str) -> str:
    """Return what stands behind the name of a block: its kind, or what the front end gives."""
    section = architecture.sections.get(name.split(".")[0], {})
    if name != "input":
        return str(section.get("block", "conv" if name == "stem" else ""))
    frontend = front_end(architecture.sections["frontend"])
    if frontend.kind == "waveform":
        return f"waveform, {frontend.sample_rate_hz} Hz"
    second = f" and {frontend.second_window}" if frontend.second_window else ""
    return (
        f"log-mel, window {frontend.window}{second}, hop {frontend.hop}, "
        f"{frontend.sample_rate_hz} Hz"
    )
