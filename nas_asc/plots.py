"""Pictures of a front, drawn with matplotlib: the same front gives the same bytes.

Nothing here touches pyplot, the screen or the user's matplotlib settings.
"""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from nas_asc.chart import Chart, Panel, chart, steps
from nas_asc.palette import BLUE, DARK, GREY, LINE, ORANGE, PALE_RED, RED, SOFT
from nas_asc.pareto import Point
from nas_asc.plot_names import draw_names, draw_strip, names_of_strip
from nas_asc.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_INCHES = (12.0, 5.6)
_DPI = 160
# Of the panels: shares of the figure's width, and inches from its bottom.
_LEFT, _RIGHT, _BETWEEN = 0.06, 0.985, 0.16
_BOTTOM, _TOP = 1.036, 4.592
_TITLES = 0.72  # of the two lines on top
# Of a strip above a panel, in inches.
_STRIP_ROW, _ABOVE_PANEL = 0.2, 0.28
_FEWEST_ROWS = 1.7  # so that the words beside the strip have room
_SETTINGS: Mapping[str, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": DARK,
    "text.color": DARK,
    "text.parse_math": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "grid.color": LINE,
    "svg.hashsalt": "nas-asc",
}


def front_svg(summary: Summary, kb: int) -> bytes:
    """Draw the front as SVG.

    Args:
        summary: what to draw.
        kb: bytes in a KB, by the counting rule.
    """
    return _drawn(summary, kb, "svg", {"Date": None})


def front_png(summary: Summary, kb: int) -> bytes:
    """Draw the front as PNG, 1920 x 896 pixels, and higher with models that were not trained.

    Args:
        summary: what to draw.
        kb: bytes in a KB, by the counting rule.
    """
    return _drawn(summary, kb, "png", {})


def _drawn(summary: Summary, kb: int, kind: str, metadata: Mapping[str, str | None]) -> bytes:
    file = io.BytesIO()
    with own_settings():
        figure = front_figure(chart(summary, kb))
        figure.savefig(file, format=kind, dpi=_DPI, metadata=dict(metadata))
    return file.getvalue()


@contextmanager
def own_settings(others: Mapping[str, object] = MappingProxyType({})) -> Iterator[None]:
    """Draw with this project's settings and some others, whatever those of the caller are."""
    # Where no settings folder can be written it makes a temporary one, and says so at its import.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Names of data sets may hold signs that the font does not have.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, **others})  # type: ignore[dict-item]  # stubs want literals
        yield


def front_figure(shown: Chart) -> "Figure":
    """Draw a chart: log loss on the left, accuracy on the right, both against bytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI)
    figure.subplots_adjust(left=_LEFT, right=_RIGHT, wspace=_BETWEEN)
    axes = figure.subplots(1, 2)
    names = names_of_strip(shown, axes[0].get_position().width * _SIZE_INCHES[0])
    rows = max(_FEWEST_ROWS, 1 + max(name.row for name in names)) if names else 0.0
    strip_height = rows * _STRIP_ROW
    # The strip begins where the label of the budget stands otherwise.
    height = max(_SIZE_INCHES[1], _TOP + _ABOVE_PANEL + strip_height + _TITLES)
    figure.set_figheight(height)
    figure.text(_LEFT, 1 - 0.25 / height, shown.title, size=13, weight="bold", va="center")
    figure.text(_LEFT, 1 - 0.53 / height, shown.subtitle, size=10, color=SOFT, va="center")
    strips = []
    for axis, panel in zip(axes, shown.panels, strict=True):
        left, _, width, _ = axis.get_position().bounds
        axis.set_position((left, _BOTTOM / height, width, (_TOP - _BOTTOM) / height))
        if names:
            bottom = (_TOP + _ABOVE_PANEL) / height
            strips.append(figure.add_axes((left, bottom, width, strip_height / height)))
            draw_strip(strips[-1], names, rows, shown)
        _draw_frame(axis, panel, shown)
        _draw_points(axis, panel, shown)
    handles = {}
    for axis in (*axes, *strips):
        handles.update(dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True)))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="lower center",
        ncol=6,
        frameon=False,
        fontsize=9,
        columnspacing=1.6,
        handletextpad=0.5,
    )
    for axis, panel in zip(axes, shown.panels, strict=True):
        draw_names(axis, panel, shown)
    return figure


def _draw_frame(axis: "Axes", panel: Panel, shown: Chart) -> None:
    axis.set_xscale("log", base=2)
    axis.set_xlim(shown.x_limits)
    axis.set_ylim(panel.limits)
    axis.set_xticks([size for size, _ in shown.x_ticks], [label for _, label in shown.x_ticks])
    axis.minorticks_off()
    axis.grid(visible=True)
    axis.set_axisbelow(True)
    axis.set_xlabel(shown.x_label)
    axis.set_ylabel(panel.label)
    axis.axhline(panel.chance, color=SOFT, linestyle=(0, (1, 2)), linewidth=1.3, label="chance")
    axis.annotate(
        panel.chance_label,
        (0, panel.chance),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        size=9,
        color=SOFT,
    )
    if shown.budget_bytes is not None:
        at_left = shown.budget_bytes < shown.x_limits[0] ** 0.75 * shown.x_limits[1] ** 0.25
        axis.axvspan(shown.budget_bytes, shown.x_limits[1], color=PALE_RED, zorder=0, linewidth=0)
        axis.axvline(shown.budget_bytes, color=RED, linewidth=1.4, linestyle="--")
        axis.annotate(
            shown.budget_label,
            (shown.budget_bytes, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            size=10,
            color=RED,
            ha="left" if at_left else "right",
        )


def _draw_points(axis: "Axes", panel: Panel, shown: Chart) -> None:
    inside = [point for point in shown.dominated if panel.inside(point)]
    beyond = [point for point in shown.dominated if not panel.inside(point)]
    front, reference = shown.front, shown.reference
    if front:
        end = shown.budget_bytes or shown.x_limits[1]
        axis.plot(*steps(front, panel, end), color=BLUE, linewidth=1.6, alpha=0.8)
    grey = {"color": GREY, "markersize": 4.5, "alpha": 0.55, "markeredgewidth": 0, "zorder": 1.8}
    blue = {"color": BLUE, "markersize": 7, "markeredgecolor": "white"}
    full = {"color": ORANGE, "markersize": 7.5, "markeredgecolor": "white", "zorder": 4}
    series = (
        ("dominated trial", "o", grey, _places(inside, panel)),
        ("worse than the axis shows", "^", grey, _places(beyond, panel)),
        (shown.front_label, "o", blue, _places(front, panel)),
        ("report model", "D", full, _places(reference, panel)),
    )
    for label, marker, look, places in series:
        if places:
            x, y = zip(*places, strict=True)
            axis.plot(x, y, linestyle="none", marker=marker, clip_on=False, label=label, **look)  # type: ignore[arg-type]  # one look per series


def _places(points: Sequence[Point], panel: Panel) -> list[tuple[float, float]]:
    return [(point.size_bytes, panel.shown(point)) for point in points]
