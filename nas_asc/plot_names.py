"""Names on a picture of a front: beside the markers, and on the strip above a panel."""

import math
from typing import TYPE_CHECKING

from nas_asc.captions import shorten_name
from nas_asc.chart import Chart, Panel
from nas_asc.chart_names import LONGEST_NAME, named_markers, place_names
from nas_asc.label_placement import Box
from nas_asc.palette import ORANGE, STRIP
from nas_asc.untrained_strip import LABEL, StripName, strip_names

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_NAME_SIZE, _CHARACTER, _ASIDE = 9.5, 5.9, 8.0
_POINTS_PER_INCH = 72


def draw_names(axis: "Axes", panel: Panel, shown: Chart) -> None:
    """Write the names of the trained report models beside their markers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patheffects import withStroke

    figure = axis.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib 3.11
    points_per_pixel = _POINTS_PER_INCH / figure.dpi

    def on_page(size_bytes: float, value: float) -> tuple[float, float]:
        x, y = axis.transData.transform((size_bytes, value)) * points_per_pixel
        return float(x), float(y)

    def box(artist: "Artist") -> Box:
        extents = artist.get_window_extent(renderer).extents
        left, bottom, right, top = (float(e) * points_per_pixel for e in extents)
        return left, bottom, right, top

    taken = [box(text) for text in axis.texts]
    texts = [
        axis.annotate(
            "\n".join(shorten_name(name, LONGEST_NAME) for name in marker.names),
            (marker.size_bytes, marker.value),
            xytext=(0, 0),
            textcoords="offset points",
            size=_NAME_SIZE,
            ha="center",
            va="center",
            linespacing=1.25,
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
            zorder=5,
        )
        for marker in named_markers(shown, panel)
    ]
    boxes = [box(text) for text in texts]
    extents = [(right - left + 2, top - bottom + 2) for left, bottom, right, top in boxes]
    for text, name in zip(
        texts, place_names(shown, panel, on_page, extents, box(axis), taken), strict=True
    ):
        text.set_position(name.anchor)
        text.set_horizontalalignment(name.align)
        text.set_multialignment(name.align)
        if name.far:
            axis.annotate(
                "",
                text.xy,
                xytext=name.anchor,
                textcoords="offset points",
                arrowprops={
                    "arrowstyle": "-",
                    "color": ORANGE,
                    "lw": 0.7,
                    "shrinkA": 0,
                    "shrinkB": 3,
                },
            )


def names_of_strip(shown: Chart, width: float) -> list[StripName]:
    """Give the names on a strip that is so many inches wide."""
    width *= _POINTS_PER_INCH
    low, high = (math.log2(limit) for limit in shown.x_limits)

    def x_of(size_bytes: float) -> float:
        return width * (math.log2(size_bytes) - low) / (high - low)

    return strip_names(shown, x_of, _CHARACTER, _ASIDE, width)


def draw_strip(axis: "Axes", names: list[StripName], rows: float, shown: Chart) -> None:
    """Draw the models that were not trained, each at its size and in its row.

    Args:
        axis: what to draw on.
        names: the models; their rows are in the middle.
        rows: how many there is room for.
        shown: the chart.
    """
    middle = max(name.row for name in names) / 2
    axis.set_xscale("log", base=2)
    axis.set_xlim(shown.x_limits)
    axis.set_ylim(middle - rows / 2, middle + rows / 2)
    axis.set_facecolor(STRIP)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_xticks([])
    axis.minorticks_off()
    axis.set_yticks([middle], ["not\ntrained"])
    axis.tick_params(length=0, labelsize=9)
    axis.plot(
        [name.size_bytes for name in names],
        [name.row for name in names],
        linestyle="none",
        marker="D",
        markersize=6.5,
        color="white",
        markeredgecolor=ORANGE,
        markeredgewidth=1.5,
        label=LABEL,
    )
    for name in names:
        on_right = name.side == "right"
        axis.annotate(
            name.text,
            (name.size_bytes, name.row),
            xytext=(_ASIDE if on_right else -_ASIDE, 0),
            textcoords="offset points",
            size=_NAME_SIZE,
            ha="left" if on_right else "right",
            va="center_baseline",
        )
