"""The drawing of networks, by matplotlib: blocks, shapes, shares of parameters and work.

Coordinates are in lines of text, y downwards.
"""

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas_asc.results.figures.network_rows import (
    ENTRY,
    Connection,
    Diagram,
    DrawnBlock,
    Row,
    connections,
)
from nas_asc.results.figures.style import BLOCK, BLUE, DARK, EDGE, ORANGE, SOFT, own_settings, saved
from nas_asc.units import format_shape

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_LINE = 0.195
_DPI = 140
_MARGIN, _LANE, _SHAPE, _BAR, _PERCENT = 1.2, 0.75, 5.6, 5.6, 3.3  # widths
_HEADER, _GAP, _TITLE, _SUBTITLE, _HEADINGS = 1.35, 0.75, 1.4, 1.15, 1.5  # heights
_LETTER, _SMALL_LETTER = 0.395, 0.36  # lines that a letter is wide, on average and a little more
_TITLE_LETTER, _SUBTITLE_LETTER = 0.56, 0.41
_SIZE, _SMALL, _HEAD = 8.4, 7.6, 8.8  # points
_HELD = "\N{NO-BREAK SPACE}"
_APART = 9  # points between two texts: room for a viewer's font that is a little wider
# Where the first is missing, a viewer takes one that is as wide; the last are narrower.
_FONTS = "font-family: 'DejaVu Sans', Verdana, 'Bitstream Vera Sans', sans-serif"
# The sign of each kind of row: its name in the legend, marker, face, edge and size in points.
_OTHER = ("other layer", "o", "white", DARK, 4.2)
_SIGNS = {
    "input": ("input", ">", DARK, DARK, 4.2),
    "conv": ("convolution or linear layer", "s", DARK, DARK, 4.2),
    "linear": ("convolution or linear layer", "s", DARK, DARK, 4.2),
    "gate": ("squeeze-excite", "D", "white", DARK, 4.2),
    "add": ("sum", "o", "white", ORANGE, 7.5),
}


def network_picture(kind: str, *shown: Diagram) -> bytes:
    """Draw networks, one below the other, as "svg" or "png"."""
    with own_settings(**{"svg.fonttype": "none"}):  # text that can be searched and copied
        (content,) = saved(network_figure(*shown), [kind], _DPI)
    return content.replace(b"font-family: 'DejaVu Sans'", _FONTS.encode())


def network_figure(*shown: Diagram) -> "Figure":
    """Draw networks, one below the other; one without blocks is a heading of those that follow."""
    from matplotlib.figure import Figure

    figure = Figure(dpi=_DPI)
    sheet = _Sheet(figure.add_axes((0.0, 0.0, 1.0, 1.0)), shown)
    y = 0.35
    for number, each in enumerate(shown):
        y = sheet.draw(each, y + (1.0 if number else 0.0))
    y = sheet.legend(y)
    sheet.axis.set(xlim=(0, sheet.wide), ylim=(y, 0))
    sheet.axis.set_axis_off()
    figure.set_size_inches(sheet.wide * _INCHES_PER_LINE, y * _INCHES_PER_LINE)
    return figure


class _Sheet:
    """The place of everything across, and what draws on it.

    Attributes:
        wide: the width of the drawing.
        path: where the main path runs.
        shape: where the shapes end.
        bars: where the bars of parameters and of multiply-accumulates begin.
        signs: what has been drawn, for the legend.
    """

    def __init__(self, axis: "Axes", shown: Sequence[Diagram]) -> None:
        blocks = [block for each in shown for block in each.blocks]
        lanes = max([c.lane for block in blocks for c in connections(block)], default=0)
        texts = [
            _LETTER * len(row.text) + _SMALL_LETTER * len(row.detail) + _SHAPE
            for block in blocks
            for row in block.rows
        ]
        heads = [1.1 * _LETTER * len(b.name) + _SMALL_LETTER * len(b.what) for b in blocks]
        self.axis = axis
        self.path = _MARGIN + 1.2 + _LANE * lanes
        self.shape = self.path + 2.0 + max([*texts, *heads], default=0.0)
        first = self.shape + _PERCENT
        self.bars = (first, first + _BAR + _PERCENT)
        self.wide = self.bars[1] + _BAR + 0.6 + _MARGIN
        self.signs: dict[str, Artist | tuple[Artist, ...]] = {}

    def write(
        self, x: float, y: float, text: str, size: float = _SMALL, color: str = SOFT,
        weight: str = "normal", ha: str = "left",
    ) -> None:  # fmt: skip
        """Write a text at half its height."""
        self.axis.text(x, y, text, size=size, color=color, weight=weight, ha=ha, va="center")

    def write_pair(self, y: float, text: str, detail: str, size: float, weight: str) -> None:
        """Write a text beside the main path and, smaller, what goes with it behind it."""
        place = (self.path + 0.9, y)
        first = self.axis.annotate(text, place, size=size, weight=weight, va="center")
        if detail:
            self.axis.annotate(
                detail, (1, 0), xycoords=first, xytext=(_APART, 0), textcoords="offset points",
                size=_SMALL, color=SOFT, va="bottom",
            )  # fmt: skip

    def line(
        self,
        points: Sequence[tuple[float, float]],
        color: str,
        wide: float = 1.1,
        zorder: float = 1.6,
    ) -> "Artist":
        """Draw a line through points."""
        x, y = zip(*points, strict=True)
        (line,) = self.axis.plot(
            x, y, color=color, linewidth=wide, zorder=zorder, solid_joinstyle="round",
            solid_capstyle="butt",
        )  # fmt: skip
        return line

    def sign(self, kind: str, x: float, y: float) -> None:
        """Draw the sign of a row on its path."""
        word, marker, face, edge, size = _SIGNS.get(kind, _OTHER)
        drawn = self.axis.plot(
            [x], [y], marker=marker, markersize=size, markerfacecolor=face, markeredgecolor=edge,
            markeredgewidth=1.1, linestyle="none", zorder=3,
        )  # fmt: skip
        if kind == "add":
            drawn += self.axis.plot([x], [y], "+", markersize=5, color=edge, zorder=4)
        self.signs[word] = tuple(drawn)

    def draw(self, shown: Diagram, y: float) -> float:
        """Draw a network from `y` on, and return where it ends."""
        for text, height, letter, size, color, weight in (
            (shown.title, _TITLE, _TITLE_LETTER, 12, DARK, "bold"),
            (shown.subtitle, _SUBTITLE, _SUBTITLE_LETTER, 9.5, SOFT, "normal"),
        ):
            for line in _lines(text, int((self.wide - 2 * _MARGIN) / letter)):
                self.write(_MARGIN, y + height / 2, line, size, color, weight)
                y += height
        if shown.blocks:
            y += _HEADINGS
            self.write(self.shape, y - 0.55, "output", ha="right")
            self.write(self.bars[0], y - 0.55, "parameters", color=BLUE)
            self.write(self.bars[1], y - 0.55, "MACs", color=ORANGE)
        for block in shown.blocks:
            if block is not shown.blocks[0]:
                self.line([(self.path, y - _GAP - 0.5), (self.path, y + 0.1)], DARK)
            self.draw_block(block, shown, y)
            y += _HEADER + len(block.rows) + _GAP
        return y

    def draw_block(self, block: DrawnBlock, shown: Diagram, top: float) -> None:
        """Draw a block from `top` on."""
        from matplotlib.patches import FancyBboxPatch

        largest = max(
            [s for b in shown.blocks for r in b.rows for s in _shares(r, shown)], default=0.0
        )
        self.axis.add_patch(
            FancyBboxPatch(
                (_MARGIN, top + 0.05), self.wide - 2 * _MARGIN, _HEADER + len(block.rows) - 0.05,
                boxstyle="round,pad=0,rounding_size=0.35", facecolor=BLOCK, edgecolor=EDGE,
                linewidth=0.8,
            )
        )  # fmt: skip
        middle = top + _HEADER / 2 + 0.05
        self.write_pair(middle, block.name, block.what, _HEAD, "bold")
        for x, share in zip(self.bars, _shares(block, shown), strict=True):
            self.write(x - 0.35, middle, _percent(share), color=DARK, weight="bold", ha="right")
        self.draw_path(block, top + _HEADER)
        for number, row in enumerate(block.rows):
            y = top + _HEADER + number + 0.5
            self.write_pair(y, row.text, row.detail, _SIZE, "normal")
            self.write(self.shape, y, format_shape(row.shape), ha="right")
            for x, share, color in zip(self.bars, _shares(row, shown), (BLUE, ORANGE), strict=True):
                if share:
                    self.axis.barh(y, _BAR * share / largest, left=x, height=0.6, color=color)
                    self.write(x - 0.35, y, _percent(share), ha="right")

    def draw_path(self, block: DrawnBlock, first: float) -> None:
        """Draw the main path through a block, the connections beside it, and the signs."""
        y = {number: first + number + 0.5 for number in range(len(block.rows))}
        y[ENTRY] = first - 0.35
        for number, row in enumerate(block.rows):
            before = block.previous(number)
            if not block.beside(number) and before in row.sources:
                self.line([(self.path, y[before]), (self.path, y[number])], DARK)
        if any(ENTRY in row.sources for row in block.rows):
            self.line([(self.path, first - _HEADER + 0.1), (self.path, y[ENTRY])], DARK)
        x = dict.fromkeys(range(len(block.rows)), self.path)
        for each in connections(block):
            lane = self.path - _LANE * each.lane
            self.connect(each, lane, y[each.source], y[each.target])
            if each.via is not None:
                x[each.via] = lane
        for number, row in enumerate(block.rows):
            self.sign(row.kind, x[number], y[number])

    def connect(self, connection: Connection, lane: float, start: float, end: float) -> None:
        """Draw a connection in its lane, with an arrow at its end."""
        path, color = self.path, ORANGE if connection.skips else DARK
        points = [(path, start), (lane, start), (lane, end), (path, end)]
        if connection.via == connection.source:  # a second input begins in its lane
            points = points[1:]
        word = "skip connection" if connection.skips else "branch"
        line = self.line(points, color)
        if connection.skips or connection.via is None:
            self.signs[word] = line
        if connection.source != ENTRY and connection.lane > 1:  # a bridge over the inner lanes
            self.line([(path - 0.3, start), (lane + 0.25, start)], BLOCK, 4.5, 1.7)
            self.line([(path, start), (lane, start)], color, zorder=1.8)
        self.axis.plot([path - 0.36], [end], ">", markersize=2.8, color=color, zorder=2)

    def legend(self, y: float) -> float:
        """Draw what the signs mean from `y` on, and return where it ends."""
        order = [*(word for word, *_ in (*_SIGNS.values(), _OTHER)), "skip connection", "branch"]
        words = [word for word in dict.fromkeys(order) if word in self.signs]
        if words:
            self.axis.legend(
                [self.signs[word] for word in words], words, loc="upper left", ncols=3,
                bbox_to_anchor=(_MARGIN, y), bbox_transform=self.axis.transData,
                borderpad=0, borderaxespad=0, frameon=False, fontsize=_SMALL, labelcolor=SOFT,
                handlelength=1.2, columnspacing=2, labelspacing=0.6,
            )  # fmt: skip
        return y + 0.35 + 1.1 * -(-len(words) // 3)


def _lines(text: str, width: int) -> list[str]:
    """Break a text into lines, after a sign or in front of a bracket where that is possible."""
    held = re.sub(r"(?<![;,:]) (?!\()", _HELD, text)
    if max(map(len, held.split(" "))) > width:
        held = text
    lines = textwrap.wrap(held, width, break_on_hyphens=False)
    return [line.replace(_HELD, " ") for line in lines]


def _shares(part: DrawnBlock | Row, whole: Diagram) -> tuple[float, float]:
    """Return a part's share of the parameters and of the multiply-accumulates."""
    return part.params / (whole.params or 1), part.macs / (whole.macs or 1)


def _percent(share: float) -> str:
    """Write a share with two digits: "33 %", "3.1 %", "<0.1 %"; nothing for none."""
    percent = 100 * share
    if percent < 0.1:
        return "<0.1 %" if share else ""
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:.0f} %"
