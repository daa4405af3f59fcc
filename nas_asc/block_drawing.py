"""How the blocks of a network are drawn, one column of them, by matplotlib.

Coordinates are in lines of text, y downwards.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nas_asc.diagram import ENTRY, Diagram, DrawnBlock, Row
from nas_asc.diagram_layout import GAP, HEADER, Connection, connections, height, previous
from nas_asc.palette import BLOCK, BLUE, DARK, EDGE, ORANGE, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

LANE, SHAPE, BAR, PERCENT = 0.75, 5.6, 5.6, 3.3  # widths
SIZE, SMALL, HEAD = 8.4, 7.6, 8.8  # points
_APART = 9  # points between two texts: room for a viewer's font that is a little wider


class Column:
    """One column of a drawing."""

    def __init__(
        self,
        axis: "Axes",
        shown: Diagram,
        left: float,
        path: float,
        width: float,
        largest: float,
    ) -> None:
        self.axis = axis
        self.shown = shown
        self.left = left
        self.path = left + path
        self.width = width
        self.largest = largest
        first = left + width - 2 * (BAR + PERCENT) - 0.6 + PERCENT
        self.bars = (first, first + BAR + PERCENT)
        self.shape_end = first - PERCENT

    def draw(self, blocks: Sequence[DrawnBlock], top: float) -> None:
        """Draw the blocks, and the names of what stands beside them above `top`."""
        for start, word, colour in zip(
            self.bars, ("parameters", "MACs"), (BLUE, ORANGE), strict=True
        ):
            self.axis.text(start, top - 0.55, word, size=SMALL, color=colour, va="center")
        self.axis.text(
            self.shape_end, top - 0.55, "output", size=SMALL, color=SOFT, va="center", ha="right"
        )
        y = top
        for number, block in enumerate(blocks):
            self._draw_block(block, y)
            bottom = y + HEADER + len(block.rows)
            if number + 1 < len(blocks):
                self._line([(self.path, bottom - 0.5), (self.path, bottom + GAP + 0.1)], DARK)
            y += height(block)

    def _draw_block(self, block: DrawnBlock, top: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        tall = HEADER + len(block.rows)
        self.axis.add_patch(
            FancyBboxPatch(
                (self.left, top + 0.05),
                self.width,
                tall - 0.05,
                boxstyle="round,pad=0,rounding_size=0.35",
                facecolor=BLOCK,
                edgecolor=EDGE,
                linewidth=0.8,
            )
        )
        middle = top + HEADER / 2 + 0.05
        name = self.axis.annotate(
            block.name, (self.path + 0.9, middle), size=HEAD, weight="bold", va="center"
        )
        self._write_beside(name, block.what)
        for start, part, whole in self._parts(block):
            if part:
                self.axis.text(
                    start - 0.35,
                    middle,
                    percent(part / whole),
                    size=SMALL,
                    weight="bold",
                    va="center",
                    ha="right",
                )
        self._draw_path(block, top + HEADER)
        for number, row in enumerate(block.rows):
            self._draw_row(row, top + HEADER + number + 0.5)

    def _write_beside(self, text: "Annotation", detail: str) -> None:
        """Write a detail, small, behind a text."""
        self.axis.annotate(
            detail,
            (1, 0),
            xycoords=text,
            xytext=(_APART, 0),
            textcoords="offset points",
            size=SMALL,
            color=SOFT,
            va="bottom",
        )

    def _parts(self, of: DrawnBlock | Row) -> list[tuple[float, int, int]]:
        wholes = (self.shown.params, self.shown.macs)
        return list(zip(self.bars, (of.params, of.macs), wholes, strict=True))

    def _draw_row(self, row: Row, y: float) -> None:
        text = self.axis.annotate(row.text, (self.path + 0.9, y), size=SIZE, va="center")
        if row.detail:
            self._write_beside(text, row.detail)
        shape = "x".join(map(str, row.shape))
        self.axis.text(self.shape_end, y, shape, size=SMALL, color=SOFT, va="center", ha="right")
        for (start, part, whole), colour in zip(self._parts(row), (BLUE, ORANGE), strict=True):
            if part:
                share = part / whole
                self.axis.barh(y, BAR * share / self.largest, left=start, height=0.6, color=colour)
                self.axis.text(
                    start - 0.35,
                    y,
                    percent(share),
                    size=SMALL,
                    color=SOFT,
                    va="center",
                    ha="right",
                )

    def _draw_path(self, block: DrawnBlock, first: float) -> None:
        """Draw the main path through a block, the connections beside it, and the nodes."""
        entry = first - 0.35

        def y_of(row: int) -> float:
            return entry if row == ENTRY else first + row + 0.5

        for number, row in enumerate(block.rows):
            before = previous(block, number)
            if not block.beside(number) and before in row.sources:
                self._line([(self.path, y_of(before)), (self.path, y_of(number))], DARK)
        if any(ENTRY in row.sources for row in block.rows):
            self._line([(self.path, first - HEADER + 0.1), (self.path, entry)], DARK)
        nodes = dict.fromkeys(range(len(block.rows)), self.path)
        for connection in connections(block):
            x = self.path - LANE * connection.lane
            self._connect(connection, x, y_of)
            if connection.via is not None:
                nodes[connection.via] = x
        for number, x in nodes.items():
            draw_node(self.axis, block.rows[number].kind, x, y_of(number))

    def _connect(self, connection: Connection, x: float, y_of: Callable[[int], float]) -> None:
        colour = ORANGE if connection.skips else DARK
        start, end = y_of(connection.source), y_of(connection.target)
        points = [(self.path, start), (x, start), (x, end), (self.path, end)]
        if connection.via == connection.source:  # a second input begins in its lane
            points = points[1:]
        self._line(points, colour)
        if connection.source != ENTRY and connection.lane > 1:  # a bridge over the inner lanes
            self._line([(self.path - 0.3, start), (x + 0.25, start)], BLOCK, 4.5, 1.7)
            self._line([(self.path, start), (x, start)], colour, zorder=1.8)
        self.axis.annotate(
            "",
            (self.path - 0.22, end),
            xytext=(self.path - 0.5, end),
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 0, "mutation_scale": 6,
                        "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip

    def _line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        wide: float = 1.1,
        zorder: float = 1.6,
    ) -> None:
        x, y = zip(*points, strict=True)
        self.axis.plot(
            x, y, color=colour, linewidth=wide, solid_joinstyle="round", zorder=zorder,
            solid_capstyle="butt",
        )  # fmt: skip


def draw_node(axis: "Axes", kind: str, x: float, y: float) -> None:
    """Draw the sign of a row on its path."""
    looks = {
        "conv": ("s", DARK, DARK),
        "linear": ("s", DARK, DARK),
        "gate": ("D", "white", DARK),
        "add": ("o", "white", ORANGE),
        "input": (">", DARK, DARK),
    }
    marker, face, edge = looks.get(kind, ("o", "white", DARK))
    size = 7.5 if kind == "add" else 4.2
    axis.plot(
        [x], [y], marker=marker, markersize=size, markerfacecolor=face, markeredgecolor=edge,
        markeredgewidth=1.1, zorder=3,
    )  # fmt: skip
    if kind == "add":
        axis.plot([x], [y], marker="+", markersize=5, color=edge, zorder=4)


def percent(share: float) -> str:
    """Write a share with two digits: "33 %", "3.1 %", "<0.1 %"."""
    percent = 100 * share
    if percent < 0.1:
        return "<0.1 %"
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:.0f} %"
