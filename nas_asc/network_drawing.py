"""The drawing of networks, by matplotlib: blocks, shapes, shares of parameters and work.

The same networks give the same bytes. Coordinates are in lines of text, y downwards.
"""

import io
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas_asc.block_drawing import BAR, LANE, PERCENT, SHAPE, SMALL, Column, draw_node
from nas_asc.diagram import Diagram
from nas_asc.diagram_layout import connections, height, in_columns, lanes
from nas_asc.palette import DARK, ORANGE, SOFT
from nas_asc.plots import own_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_LINE = 0.195
_DPI = 140
_MARGIN, _LEGEND, _BETWEEN = 1.2, 1.4, 2.4
_TITLE, _SUBTITLE, _HEADINGS = 1.4, 1.15, 1.5  # heights, of a line each
_LETTER, _SMALL_LETTER = 0.395, 0.36  # lines a letter is wide, on average and a little more
_TITLE_LETTER, _SUBTITLE_LETTER = 0.56, 0.41
_HELD = "\N{NO-BREAK SPACE}"
_SIGNS = {
    "input": "input",
    "conv": "convolution or linear layer",
    "gate": "squeeze-excite",
    "other": "other layer",
    "add": "sum",
    "skip": "skip connection",
    "branch": "branch",
}
# Where the first is missing, a viewer takes one that is as wide; the last are narrower.
_FONTS = "font-family: 'DejaVu Sans', Verdana, 'Bitstream Vera Sans', sans-serif"


def network_svg(*shown: Diagram) -> bytes:
    """Draw networks, one below the other, as SVG."""
    return _drawn(shown, "svg", {"Date": None})


def network_png(*shown: Diagram) -> bytes:
    """Draw networks, one below the other, as PNG."""
    return _drawn(shown, "png", {})


def _drawn(shown: Sequence[Diagram], kind: str, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    with own_settings({"svg.fonttype": "none"}):  # text that can be searched and copied
        network_figure(*shown).savefig(file, format=kind, dpi=_DPI, metadata=metadata)
    drawn = file.getvalue()
    return drawn if kind == "png" else drawn.replace(b"font-family: 'DejaVu Sans'", _FONTS.encode())


def network_figure(*shown: Diagram) -> "Figure":
    """Draw networks, one below the other; one without blocks is a heading of those that follow."""
    from matplotlib.figure import Figure

    sheets = [_Sheet(each) for each in shown]
    wide = max(sheet.wide for sheet in sheets)
    high = sum(sheet.fit(wide) for sheet in sheets)
    figure = Figure(figsize=(wide * _INCHES_PER_LINE, high * _INCHES_PER_LINE), dpi=_DPI)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set_xlim(0, wide)
    axis.set_ylim(high, 0)
    axis.set_axis_off()
    y = 0.0
    for sheet in sheets:
        y = sheet.draw(axis, y)
    return figure


class _Sheet:
    """One network: columns of blocks, a row per layer, bars for its shares.

    Attributes:
        wide: the room that its blocks need, in lines of text.
    """

    def __init__(self, shown: Diagram) -> None:
        self._shown = shown
        self._path = 1.2 + LANE * lanes(shown)
        self._column = self._path + _text_width(shown) + SHAPE + 2 * (BAR + PERCENT) + 1.2
        self._columns = in_columns(shown, self._column + _BETWEEN) if shown.blocks else []
        self._signs = _legend(shown) if shown.blocks else []
        columns = len(self._columns) * (self._column + _BETWEEN) - _BETWEEN
        signs = sum(_sign_width(word) for _, word in self._signs)
        self.wide = 2 * _MARGIN + max(columns, signs)

    def fit(self, wide: float) -> float:
        """Break its words into lines of so much room, and give the height that it needs."""
        self._title = _lines(self._shown.title, (wide - 2 * _MARGIN) / _TITLE_LETTER)
        self._subtitle = _lines(self._shown.subtitle, (wide - 2 * _MARGIN) / _SUBTITLE_LETTER)
        self._head = 0.35 + _TITLE * len(self._title) + _SUBTITLE * len(self._subtitle)
        tallest = max((sum(map(height, column)) for column in self._columns), default=0.0)
        self._high = self._head + (_HEADINGS + tallest + _LEGEND if tallest else _TITLE)
        return self._high

    def draw(self, axis: "Axes", y: float) -> float:
        """Draw it from `y` on, and give where it ends."""
        top, bottom = y + self._head + _HEADINGS, y + self._high
        y += 0.35
        for line in self._title:
            axis.text(_MARGIN, y + _TITLE / 2, line, size=12, weight="bold", va="center")
            y += _TITLE
        for line in self._subtitle:
            axis.text(_MARGIN, y + _SUBTITLE / 2, line, size=9.5, color=SOFT, va="center")
            y += _SUBTITLE
        largest, path = _largest_share(self._shown), self._path
        for number, blocks in enumerate(self._columns):
            before = _MARGIN + (number - 1) * (self._column + _BETWEEN)
            left = _MARGIN + number * (self._column + _BETWEEN)
            Column(axis, self._shown, left, path, self._column, largest).draw(blocks, top)
            if number:
                foot = top + sum(map(height, self._columns[number - 1])) - 0.75
                _lead_over(axis, left + path, before + path, top, foot)
        _draw_legend(axis, self._signs, bottom - 0.8)
        return bottom


def _lines(text: str, letters: float) -> list[str]:
    """Break a text into as few lines as hold it, after signs where that is possible."""
    width = int(letters)
    held = re.sub(r"(?<![;,:]) (?!\()", _HELD, text)
    if max(map(len, held.split(" "))) > width:
        held = text
    fewest = len(textwrap.wrap(held, width))
    while width > 1 and len(textwrap.wrap(held, width - 1)) == fewest:
        width -= 1
    return [line.replace(_HELD, " ") for line in textwrap.wrap(held, width)]


def _text_width(shown: Diagram) -> float:
    """Estimate the room that the longest row or heading needs."""
    rows = [
        _LETTER * len(row.text) + _SMALL_LETTER * len(row.detail)
        for block in shown.blocks
        for row in block.rows
    ]
    heads = [1.1 * _LETTER * len(b.name) + _SMALL_LETTER * len(b.what) for b in shown.blocks]
    return 2.0 + max([*rows, *(head - SHAPE for head in heads)], default=0.0)


def _largest_share(shown: Diagram) -> float:
    shares = [
        part / whole
        for block in shown.blocks
        for row in block.rows
        for part, whole in ((row.params, shown.params), (row.macs, shown.macs))
        if whole
    ]
    return max(shares, default=0.0) or 1.0


def _lead_over(axis: "Axes", path: float, before: float, top: float, foot: float) -> None:
    """Lead the main path from the foot of the column before to the head of this one."""
    from matplotlib.patches import Polygon

    channel = path - before
    x = [before, before, channel, channel, path, path]
    y = [foot - 0.5, foot + 0.45, foot + 0.45, top - 1.1, top - 1.1, top + 0.15]
    axis.plot(x, y, color=DARK, linewidth=1.1, solid_joinstyle="round", zorder=1.2)
    corners = [(path, top + 0.1), (path - 0.2, top - 0.35), (path + 0.2, top - 0.35)]
    axis.add_patch(Polygon(corners, facecolor=DARK, edgecolor="none"))


def _legend(shown: Diagram) -> list[tuple[str, str]]:
    """Give the signs that the drawing has, and what they mean."""
    kinds = {row.kind for block in shown.blocks for row in block.rows}
    lines = [line for block in shown.blocks for line in connections(block)]
    has = {
        "input": "input" in kinds,
        "conv": True,
        "gate": "gate" in kinds,
        "other": True,
        "add": "add" in kinds,
        "skip": any(line.skips for line in lines),
        "branch": any(line.via is None and not line.skips for line in lines),
    }
    return [(sign, _SIGNS[sign]) for sign, shows in has.items() if shows]


def _sign_width(word: str) -> float:
    return 2.2 + 0.33 * len(word)


def _draw_legend(axis: "Axes", signs: Sequence[tuple[str, str]], y: float) -> None:
    x = _MARGIN + 0.4
    for sign, word in signs:
        if sign in ("skip", "branch"):
            colour = ORANGE if sign == "skip" else DARK
            axis.plot([x - 0.4, x + 0.4], [y, y], color=colour, linewidth=1.1)
        else:
            draw_node(axis, sign, x, y)
        axis.text(x + 0.75, y, word, size=SMALL, color=SOFT, va="center")
        x += _sign_width(word)
