"""Where the parts of a drawn network stand: blocks in columns, connections in lanes.

Conventions: heights in lines of text, from the top. A lane is a vertical track beside the main
path; lane 1 is next to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from nas_asc.diagram import ENTRY, Diagram, DrawnBlock

HEADER, GAP = 1.35, 0.75  # lines
_WIDE_AS_HIGH = 1.45  # what a drawing should be
_MOST_COLUMNS = 4


@dataclass(frozen=True)
class Connection:
    """A connection that leaves the main path: from a row, or ENTRY, to a later row.

    Attributes:
        via: a row on the way that stands beside the main path, such as a shortcut's convolution.
        lane: that it runs in.
        skips: whether it carries a block's input to a sum.
    """

    source: int
    target: int
    via: int | None
    lane: int
    skips: bool


def connections(block: DrawnBlock) -> list[Connection]:
    """Give all connections of a block that the main path does not show."""
    found: list[tuple[int, int, int | None, bool]] = []
    for number, row in enumerate(block.rows):
        if block.beside(number):
            start = row.sources[0] if row.sources else number
            found.append((start, number + 1, number, block.rows[number + 1].kind == "add"))
            continue
        for source in row.sources:
            straight = source == previous(block, number)
            if not straight and not (source >= 0 and block.beside(source)):
                found.append((source, number, None, row.kind == "add"))
    return _in_lanes(found)


def previous(block: DrawnBlock, row: int) -> int:
    """Give the row, or ENTRY, that stands in front of a row on the main path."""
    return row - 2 if row > 0 and block.beside(row - 1) else row - 1


def _in_lanes(found: Sequence[tuple[int, int, int | None, bool]]) -> list[Connection]:
    """Give each connection the innermost lane that is free; those that share an end share one."""
    placed: list[Connection] = []
    for source, target, via, skips in sorted(found, key=lambda f: (f[1] - f[0], f[0])):
        lane = 1
        while any(
            other.lane == lane
            and other.source < target
            and source < other.target
            and not (via is None and other.via is None and source == other.source)
            and not (via is None and other.via is None and target == other.target)
            for other in placed
        ):
            lane += 1
        placed.append(Connection(source, target, via, lane, skips and source == ENTRY))
    return placed


def lanes(shown: Diagram) -> int:
    """Count the lanes that the busiest block needs."""
    used = [c.lane for block in shown.blocks for c in connections(block)]
    return max(used, default=0)


def height(block: DrawnBlock) -> float:
    """Give a block's height with the gap below it."""
    return HEADER + len(block.rows) + GAP


def in_columns(shown: Diagram, column_width: float) -> list[tuple[DrawnBlock, ...]]:
    """Break a network into columns, so that the drawing is a little wider than high.

    Args:
        shown: what to draw.
        column_width: in lines of text.
    """
    most = min(_MOST_COLUMNS, len(shown.blocks))
    choices = [_filled(shown.blocks, columns) for columns in range(1, most + 1)]

    def misfit(columns: Sequence[Sequence[DrawnBlock]]) -> float:
        tallest = max(sum(map(height, column)) for column in columns)
        return abs(log(len(columns) * column_width / tallest / _WIDE_AS_HIGH))

    return min(choices, key=misfit)


def _filled(blocks: Sequence[DrawnBlock], columns: int) -> list[tuple[DrawnBlock, ...]]:
    """Fill columns with blocks in order, the tallest as low as can be."""
    limits = sorted(
        {
            sum(map(height, blocks[start:end]))
            for start in range(len(blocks))
            for end in range(start + 1, len(blocks) + 1)
        }
    )
    return next(filled for limit in limits if len(filled := _broken(blocks, limit)) <= columns)


def _broken(blocks: Sequence[DrawnBlock], limit: float) -> list[tuple[DrawnBlock, ...]]:
    filled: list[list[DrawnBlock]] = [[]]
    for block in blocks:
        if filled[-1] and sum(map(height, filled[-1])) + height(block) > limit:
            filled.append([])
        filled[-1].append(block)
    return [tuple(column) for column in filled]
