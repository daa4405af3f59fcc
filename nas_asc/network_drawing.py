"""The drawing of a network, by matplotlib: blocks, shapes, shares of parameters and work.

The same network gives the same bytes. Coordinates are in lines of text, y downwards.
"""

import io
from typing import TYPE_CHECKING

from nas_asc.block_drawing import BAR, LANE, PERCENT, SHAPE, SMALL, SOFT, Column
from nas_asc.diagram import Diagram
from nas_asc.diagram_layout import height, in_columns, lanes
from nas_asc.plots import DARK, ORANGE, own_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_LINE = 0.195
_DPI = 140
_MARGIN, _TOP, _LEGEND, _BETWEEN = 1.2, 4.2, 1.4, 2.4
_LETTER, _SMALL_LETTER = 0.395, 0.36  # lines a letter is wide, on average and a little more


def network_svg(shown: Diagram) -> bytes:
    """Draw a network as SVG."""
    return _drawn(shown, "svg", {"Date": None})


def network_png(shown: Diagram) -> bytes:
    """Draw a network as PNG."""
    return _drawn(shown, "png", {})


def _drawn(shown: Diagram, kind: str, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    with own_settings():
        network_figure(shown).savefig(file, format=kind, dpi=_DPI, metadata=metadata)
    return file.getvalue()


def network_figure(shown: Diagram) -> "Figure":
    """Draw a network: columns of blocks, a row per layer, bars for its shares."""
    from matplotlib.figure import Figure

    path = 1.2 + LANE * lanes(shown)
    column_width = path + _text_width(shown) + SHAPE + 2 * (BAR + PERCENT) + 1.2
    columns = in_columns(shown, column_width + _BETWEEN)
    tallest = max(sum(map(height, column)) for column in columns)
    wide = 2 * _MARGIN + len(columns) * (column_width + _BETWEEN) - _BETWEEN
    wide = max(
        wide, 0.43 * len(shown.subtitle) + 2 * _MARGIN, 0.56 * len(shown.title) + 2 * _MARGIN
    )
    high = _TOP + tallest + _LEGEND
    figure = Figure(figsize=(wide * _INCHES_PER_LINE, high * _INCHES_PER_LINE), dpi=_DPI)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set_xlim(0, wide)
    axis.set_ylim(high, 0)
    axis.set_axis_off()
    axis.text(_MARGIN, 1.1, shown.title, size=13, weight="bold", va="center")
    axis.text(_MARGIN, 2.45, shown.subtitle, size=9.5, color=SOFT, va="center")
    largest = _largest_share(shown)
    for number, blocks in enumerate(columns):
        left = _MARGIN + number * (column_width + _BETWEEN)
        Column(axis, shown, left, path, column_width, largest).draw(blocks, _TOP)
        if number:
            _lead_over(axis, left, path, column_width, sum(map(height, columns[number - 1])))
    _draw_legend(axis, shown, high - 0.8)
    return figure


def _text_width(shown: Diagram) -> float:
    """Estimate the room that the longest row or heading needs."""
    rows = [
        _LETTER * len(row.text) + _SMALL_LETTER * len(row.detail)
        for block in shown.blocks
        for row in block.rows
    ]
    heads = [1.1 * _LETTER * len(b.name) + _SMALL_LETTER * len(b.what) for b in shown.blocks]
    return 2.0 + max(*rows, *(head - SHAPE for head in heads))


def _largest_share(shown: Diagram) -> float:
    shares = [
        part / whole
        for block in shown.blocks
        for row in block.rows
        for part, whole in ((row.params, shown.params), (row.macs, shown.macs))
        if whole
    ]
    return max(shares, default=0.0) or 1.0


def _lead_over(axis: "Axes", left: float, path: float, width: float, tall: float) -> None:
    """Lead the main path from the foot of a column to the head of the next."""
    from matplotlib.patches import Polygon

    foot = _TOP + tall - 0.75
    before = left - _BETWEEN - width + path
    channel = left - _BETWEEN / 2
    x = [before, before, channel, channel, left + path, left + path]
    y = [foot - 0.5, foot + 0.45, foot + 0.45, _TOP - 1.3, _TOP - 1.3, _TOP + 0.15]
    axis.plot(x, y, color=DARK, linewidth=1.1, solid_joinstyle="round", zorder=1.2)
    tip = (left + path, _TOP + 0.1)
    corners = [tip, (tip[0] - 0.2, tip[1] - 0.45), (tip[0] + 0.2, tip[1] - 0.45)]
    axis.add_patch(Polygon(corners, facecolor=DARK, edgecolor="none"))


def _draw_legend(axis: "Axes", shown: Diagram, y: float) -> None:
    kinds = {row.kind for block in shown.blocks for row in block.rows}
    words = [
        ("s", DARK, DARK, "convolution or linear layer"),
        *([("D", "white", DARK, "squeeze-excite")] if "gate" in kinds else []),
        ("o", "white", DARK, "no weights"),
        *([("o", "white", ORANGE, "sum, with its skip connection")] if "add" in kinds else []),
    ]
    x = _MARGIN + 0.3
    for marker, face, edge, word in words:
        axis.plot([x], [y], marker=marker, markersize=4.5, markerfacecolor=face,
                  markeredgecolor=edge, markeredgewidth=1.1)  # fmt: skip
        axis.text(x + 0.6, y, word, size=SMALL, color=SOFT, va="center")
        x += 2.0 + _SMALL_LETTER * len(word)
