"""Pictures of a front, drawn with matplotlib: the same front gives the same bytes.

Report models carry their names; where names have no room, the numbers of their trials stand there,
and a key below says which model each is. Nothing here touches the screen or the user's matplotlib
settings.
"""

import io
import logging
import math
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nas_asc.results.figures.front_chart import UNTRAINED, Chart, Panel, chart
from nas_asc.results.figures.front_names import (
    NAME_SIZE,
    Label,
    Place,
    PlacedLabel,
    Surroundings,
    place_labels,
)
from nas_asc.results.figures.palette import (
    BLUE,
    DARK,
    DEEP_ORANGE,
    GREY,
    LINE,
    ORANGE,
    PALE_RED,
    RED,
    SOFT,
    STRIP,
)
from nas_asc.results.formatting import shorten_name
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches, from the left and from the top or bottom of the figure.
_WIDTH, _LEFT, _PANEL_WIDTH, _BETWEEN = 12.0, 0.72, 5.13, 0.84
_BOTTOM, _PANEL_HEIGHT, _TITLES, _ABOVE_PANEL = 1.1, 3.5, 0.72, 0.28
_ROW = 0.18  # of the strip
_KEY_LINE = 0.175
_DPI = 160
_LONGEST_NAME, _KEY_CHARACTERS = 32, 150
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
_GREY = {"color": GREY, "markersize": 4.5, "alpha": 0.55, "markeredgewidth": 0, "zorder": 1.8}
_MODEL = {"marker": "D", "color": ORANGE, "markersize": 7.5, "markeredgecolor": "white"}
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "dominated": {"marker": "o", **_GREY},
    "beyond": {"marker": "^", **_GREY},
    "front": {"marker": "o", "color": BLUE, "markersize": 7, "markeredgecolor": "white"},
    "model": {**_MODEL, "zorder": 4},
    "front model": {**_MODEL, "markeredgecolor": BLUE, "markeredgewidth": 1.6, "zorder": 4},
}
_UNTRAINED = {
    **_MODEL,
    "color": "white",
    "markersize": 6.5,
    "markeredgecolor": ORANGE,
    "markeredgewidth": 1.5,
}


def front_svg(summary: Summary) -> bytes:
    """Draw the front as SVG."""
    return _drawn(summary, "svg", {"Date": None})


def front_png(summary: Summary) -> bytes:
    """Draw the front as PNG, 1920 pixels wide; models that were not trained make it higher."""
    return _drawn(summary, "png", {})


def _drawn(summary: Summary, kind: str, metadata: Mapping[str, str | None]) -> bytes:
    file = io.BytesIO()
    with own_settings():
        figure = front_figure(chart(summary))
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

    names = [_names(panel, shown) for panel in shown.panels]
    key = _key({p for each in names for label, points in each if label.is_number for p in points})
    strip = _ROW * (1 + len(shown.over_budget)) if shown.over_budget else 0.0
    bottom = _BOTTOM + _KEY_LINE * len(key)
    height = bottom + _PANEL_HEIGHT + _ABOVE_PANEL + strip + _TITLES
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
    for number, panel in enumerate(shown.panels):
        left = (_LEFT + number * (_PANEL_WIDTH + _BETWEEN)) / _WIDTH
        width = _PANEL_WIDTH / _WIDTH
        axis = figure.add_axes((left, bottom / height, width, _PANEL_HEIGHT / height))
        _draw_frame(axis, panel, shown)
        _draw_points(axis, panel, shown)
        _draw_names(axis, panel, names[number])
        if strip:
            at = (bottom + _PANEL_HEIGHT + _ABOVE_PANEL) / height
            _draw_strip(figure.add_axes((left, at, width, strip / height)), shown)
    left = _LEFT / _WIDTH
    figure.text(left, 1 - 0.25 / height, shown.title, size=13, weight="bold", va="center")
    figure.text(left, 1 - 0.53 / height, shown.subtitle, size=10, color=SOFT, va="center")
    for line, text in enumerate(reversed(key)):
        at = (0.1 + _KEY_LINE * line) / height
        figure.text(left, at, text, size=9, color=DEEP_ORANGE)
    handles = {}
    for axis in figure.axes:
        handles.update(dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True)))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="upper center",
        bbox_to_anchor=(0.5, (bottom - 0.52) / height),
        ncol=6 if len(handles) < 6 else 3,
        frameon=False,
        fontsize=9,
        columnspacing=1.6,
        handletextpad=0.5,
    )
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
    axis.axhline(panel.chance, color=SOFT, linestyle=(0, (1, 2)), linewidth=1.3)
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
            ha="left" if shown.across(shown.budget_bytes) < 0.25 else "right",
        )


def _draw_points(axis: "Axes", panel: Panel, shown: Chart) -> None:
    if panel.front:
        x, y = _places(panel.front, panel)
        line = {"color": BLUE, "linewidth": 1.6, "alpha": 0.8, "drawstyle": "steps-post"}
        axis.plot([*x, max(_line_end(shown), x[-1])], [*y, y[-1]], **line)  # type: ignore[arg-type]
    for kind, (label, points) in panel.series().items():
        x, y = _places(points, panel)
        axis.plot(x, y, linestyle="none", clip_on=False, label=label, **_LOOKS[kind])


def _places(points: Sequence[Point], panel: Panel) -> tuple[list[float], list[float]]:
    return [p.size_bytes for p in points], [panel.shown(p) for p in points]


def _draw_strip(axis: "Axes", shown: Chart) -> None:
    """Draw the models that were not trained, each at its size and in its row."""
    low, high = -1.0, float(len(shown.over_budget))
    axis.set(xscale="log", xlim=shown.x_limits, ylim=(low, high), facecolor=STRIP, xticks=[])
    axis.spines[:].set_visible(False)
    axis.minorticks_off()
    axis.set_yticks([(low + high) / 2], ["not\ntrained"])
    axis.tick_params(length=0, labelsize=9)
    for row, (model, size_bytes) in enumerate(shown.over_budget):
        axis.plot(size_bytes, row, linestyle="none", label=UNTRAINED, **_UNTRAINED)  # type: ignore[arg-type]
        on_right = shown.across(size_bytes) < 0.5
        axis.annotate(
            shorten_name(model, _LONGEST_NAME),
            (size_bytes, row),
            xytext=(8 if on_right else -8, 0),
            textcoords="offset points",
            size=NAME_SIZE,
            ha="left" if on_right else "right",
            va="center_baseline",
        )


def _key(models: Iterable[Point]) -> list[str]:
    """Return lines that say which trial is which report model."""
    held = [
        f"{point.trial}: {_name(point)}".replace(" ", "\N{NO-BREAK SPACE}")
        for point in sorted(models, key=lambda point: point.trial)
    ]
    text = f"Report models by trial: {',  '.join(held)}"
    return textwrap.wrap(text, _KEY_CHARACTERS, break_on_hyphens=False) if held else []


def _name(point: Point) -> str:
    return shorten_name(point.model or "", _LONGEST_NAME)


def _names(panel: Panel, shown: Chart) -> list[tuple[PlacedLabel, list[Point]]]:
    """Place the names of report models, or the numbers of their trials, beside their markers."""
    groups = _groups(panel, shown)
    labels = tuple(
        Label(
            name="\n".join(map(_name, points)),
            number=textwrap.fill(", ".join(str(point.trial) for point in points), 9),
            marker=_on_page(points[0], panel, shown),
        )
        for points in groups
    )
    others = [p for p in (*panel.front, *panel.others) if p.model is None]
    chance = _up(panel.chance, panel)
    around = Surroundings(
        size=(72 * _PANEL_WIDTH, 72 * _PANEL_HEIGHT),
        points=tuple(_on_page(point, panel, shown) for point in others),
        line=tuple(_step_corners(panel, shown)),
        budget=shown.budget_bytes and _across(shown.budget_bytes, shown),
        words=(2, chance - 2, 6 + 5.6 * len(panel.chance_label), chance + 13),
    )
    return list(zip(place_labels(labels, around), groups, strict=True))


def _draw_names(
    axis: "Axes", panel: Panel, names: Sequence[tuple[PlacedLabel, Sequence[Point]]]
) -> None:
    from matplotlib.patheffects import withStroke

    line = {"arrowstyle": "-", "color": ORANGE, "lw": 0.9, "shrinkA": 1, "shrinkB": 3}
    for label, points in names:
        axis.annotate(
            label.text,
            (points[0].size_bytes, panel.shown(points[0])),
            xytext=label.middle,
            textcoords="offset points",
            size=NAME_SIZE,
            color=DEEP_ORANGE if label.is_number else DARK,
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
            arrowprops=line if label.far else None,
            zorder=5,
        ).set_multialignment("left" if label.middle[0] > 0 else "right")


def _step_corners(panel: Panel, shown: Chart) -> list[Place]:
    """Return the corners of the step line of the front, on the page."""
    places = [_on_page(point, panel, shown) for point in panel.front]
    places += [(_across(_line_end(shown), shown), y) for _, y in places[-1:]]
    return [corner for (x0, y0), (x1, y1) in pairwise(places) for corner in ((x0, y0), (x1, y0))]


def _line_end(shown: Chart) -> float:
    return shown.budget_bytes or shown.x_limits[1]


def _groups(panel: Panel, shown: Chart) -> list[list[Point]]:
    """Return the report models, those whose markers coincide together."""
    groups: list[list[Point]] = []
    models = [point for point in (*panel.front, *panel.others) if point.model is not None]
    for point in sorted(models, key=lambda point: point.trial):
        at = _on_page(point, panel, shown)
        near = (group for group in groups if math.dist(at, _on_page(group[0], panel, shown)) < 3)
        group = next(near, None)
        if group is None:
            groups.append([point])
        else:
            group.append(point)
    return groups


def _on_page(point: Point, panel: Panel, shown: Chart) -> Place:
    """Return where a point stands on its panel, in points from the left bottom corner."""
    return _across(point.size_bytes, shown), _up(panel.shown(point), panel)


def _across(size_bytes: float, shown: Chart) -> float:
    return 72 * _PANEL_WIDTH * shown.across(size_bytes)


def _up(value: float, panel: Panel) -> float:
    low, high = panel.limits
    return 72 * _PANEL_HEIGHT * (value - low) / (high - low)
