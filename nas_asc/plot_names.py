"""Names on a picture of a front: beside the markers, and on the strip above a panel."""

import math
from typing import TYPE_CHECKING

from nas_asc.chart import Chart, Panel
from nas_asc.chart_names import place_names
from nas_asc.label_placement import Box
from nas_asc.palette import DARK, DEEP_ORANGE, ORANGE, STRIP
from nas_asc.untrained_strip import LABEL, StripName, strip_names

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_NAME_SIZE, _CHARACTER, _ASIDE = 9.5, 5.9, 8.0
_LINE_SPACING = 1.25
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

    def extent(text: str) -> tuple[float, float]:
        measured = axis.text(0, 0, text, size=_NAME_SIZE, linespacing=_LINE_SPACING)
        left, bottom, right, top = box(measured)
        measured.remove()
        return right - left + 2, top - bottom + 2

    taken = [box(text) for text in axis.texts]
    names, key = place_names(shown, panel, on_page, extent, box(axis), taken)
    halo = [withStroke(linewidth=2.5, foreground="white", alpha=0.85)]
    for name in names:
        at = (name.marker.size_bytes, name.marker.value)
        text = axis.annotate(
            name.text,
            at,
            xytext=name.anchor,
            textcoords="offset points",
            size=_NAME_SIZE,
            ha=name.align,
            va="center",
            linespacing=_LINE_SPACING,
            color=DEEP_ORANGE if name.is_number else DARK,
            path_effects=halo,
            zorder=5,
        )
        text.set_multialignment(name.align)
        if name.far:
            axis.annotate(
                "",
                at,
                xytext=name.anchor,
                textcoords="offset points",
                arrowprops={
                    "arrowstyle": "-",
                    "color": ORANGE,
                    "lw": 0.9,
                    "shrinkA": 0,
                    "shrinkB": 3,
                },
            )
    if key is not None:
        left, _, _, top = key.box
        axis.annotate(
            key.text,
            (left / points_per_pixel + 1, top / points_per_pixel - 1),
            xycoords="figure pixels",
            size=_NAME_SIZE,
            ha="left",
            va="top",
            linespacing=_LINE_SPACING,
            color=DEEP_ORANGE,
            path_effects=halo,
            zorder=5,
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
