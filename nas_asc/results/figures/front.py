"""Pictures of a front, drawn with matplotlib: the same front gives the same bytes.

Report models carry their names; where names have no room, the numbers of their trials stand there,
and a key below says which model each is. Nothing here touches the screen or the user's matplotlib
settings.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas_asc.results.figures.front_chart import UNTRAINED, Chart, Panel, chart
from nas_asc.results.figures.style import (
    BLUE,
    DARK,
    DEEP_ORANGE,
    GREY,
    ORANGE,
    PALE_RED,
    RED,
    SOFT,
    STRIP,
    own_settings,
    saved,
)
from nas_asc.results.formatting import shorten_name
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

# In inches, from the left and from the top or bottom of the figure.
_WIDTH, _LEFT, _PANEL_WIDTH, _BETWEEN = 12.0, 0.72, 5.13, 0.84
_BOTTOM, _PANEL_HEIGHT, _TITLES, _ABOVE_PANEL = 1.1, 3.5, 0.72, 0.28
_ROW = 0.18  # of the strip
_KEY_LINE = 0.175
_DPI = 160
_NAME_SIZE, _CLEAR, _FARTHEST = 9.5, 7.0, 45.0  # points: letters; from a marker to its name
_LONGEST_NAME, _KEY_CHARACTERS = 32, 150
_GREY = {"color": GREY, "markersize": 4.5, "alpha": 0.55, "markeredgewidth": 0, "zorder": 1.8}
_MODEL = {"marker": "D", "color": ORANGE, "markersize": 7.5, "markeredgecolor": "white"}
_PART = {"color": "white", "markersize": 4.5, "markeredgewidth": 0.9, "zorder": 1.7}
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "resting": {"marker": "o", **_PART, "markeredgecolor": GREY, "alpha": 0.7},
    "resting model": {"marker": "D", **_PART, "markeredgecolor": ORANGE},
    "dominated": {"marker": "o", **_GREY},
    "beyond": {"marker": "^", **_GREY},
    "front": {"marker": "o", "color": BLUE, "markersize": 7, "markeredgecolor": "white"},
    "model": {**_MODEL, "zorder": 4},
    "front model": {**_MODEL, "markeredgecolor": BLUE, "markeredgewidth": 1.6, "zorder": 4},
    "ensemble": {**_GREY, "marker": "s", "markersize": 6.5},
    "front ensemble": {"marker": "s", "color": BLUE, "markersize": 7, "markeredgecolor": "white"},
}
# By whether they are tied; above the markers, which they are close to.
_BARS: Mapping[bool, Mapping[str, Any]] = {
    tied: {
        "fmt": "s" if tied else "_",
        "color": DARK,
        "markersize": 4.5 if tied else 9,
        "markerfacecolor": "white",
        "elinewidth": 1.2,
        "capsize": 3,
        "zorder": 4.5,
    }
    for tied in (False, True)
}
_UNTRAINED: Mapping[str, Any] = {
    **_MODEL,
    "color": "white",
    "markersize": 6.5,
    "markeredgecolor": ORANGE,
    "markeredgewidth": 1.5,
}


def front_pictures(summary: Summary) -> dict[str, bytes]:
    """Draw the front as "svg" and "png", 1920 pixels wide; models not trained make it higher."""
    with own_settings():
        svg, png = saved(front_figure(chart(summary)), ("svg", "png"), _DPI)
    return {"svg": svg, "png": png}


def front_figure(shown: Chart) -> "Figure":
    """Draw a chart: log loss on the left, accuracy on the right, both against bytes."""
    from matplotlib.figure import Figure

    strip = _ROW * (1 + len(shown.over_budget)) if shown.over_budget else 0.0
    names = [_placed_names(panel, shown) for panel in shown.panels]
    key = _key({point for _, numbered in names for point in numbered})
    bottom = _BOTTOM + _KEY_LINE * len(key)
    height = bottom + _PANEL_HEIGHT + _ABOVE_PANEL + strip + _TITLES
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
    for number, panel in enumerate(shown.panels):
        left = (_LEFT + number * (_PANEL_WIDTH + _BETWEEN)) / _WIDTH
        width = _PANEL_WIDTH / _WIDTH
        axis = figure.add_axes((left, bottom / height, width, _PANEL_HEIGHT / height))
        _draw_frame(axis, panel, shown)
        _draw_points(axis, panel, shown)
        _draw_names(axis, panel, shown, *names[number])
        if strip:
            at = (bottom + _PANEL_HEIGHT + _ABOVE_PANEL) / height
            _draw_strip(figure.add_axes((left, at, width, strip / height)), shown)
    left = _LEFT / _WIDTH
    figure.text(left, 1 - 0.25 / height, shown.title, size=13, weight="bold", va="center")
    figure.text(left, 1 - 0.53 / height, shown.subtitle, size=10, color=SOFT, va="center")
    handles = {}
    for axis in figure.axes:
        handles.update(dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True)))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="upper center",
        bbox_to_anchor=(0.5, (bottom - 0.52) / height),
        ncol={6: 3, 7: 4, 8: 4}.get(len(handles), 6),  # two rows at most
        frameon=False,
        fontsize=9,
        columnspacing=1.6,
        handletextpad=0.5,
    )
    for line, text in enumerate(reversed(key)):
        figure.text(left, (0.1 + _KEY_LINE * line) / height, text, size=9, color=DEEP_ORANGE)
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
    axis.annotate(
        panel.chance_label,
        (0, panel.chance),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        size=9,
        color=SOFT,
    )


def _draw_points(axis: "Axes", panel: Panel, shown: Chart) -> None:
    if panel.front:
        x, y = _places(panel.front, panel)
        end = max(shown.budget_bytes or shown.x_limits[1], x[-1])
        axis.plot(
            [*x, end], [*y, y[-1]], color=BLUE, linewidth=1.6, alpha=0.8, drawstyle="steps-post"
        )
    for kind, (label, points) in panel.series().items():
        x, y = _places(points, panel)
        axis.plot(x, y, linestyle="none", clip_on=False, label=label, **_LOOKS[kind])
    for tied, (label, bars) in panel.bar_series().items():
        sizes, means = [bar.size_bytes for bar in bars], [bar.mean for bar in bars]
        axis.errorbar(sizes, means, [bar.sd for bar in bars], label=label, **_BARS[tied])


def _places(points: Sequence[Point], panel: Panel) -> tuple[list[float], list[float]]:
    return [p.size_bytes for p in points], [panel.shown(p) for p in points]


def _placed_names(panel: Panel, shown: Chart) -> "tuple[dict[Point, tuple[str, Bbox]], set[Point]]":
    """Return what stands beside each report model and where, and which have a number instead."""
    every = (*panel.front, *panel.others, *panel.resting)
    models = [point for point in every if point.model is not None]
    models.sort(key=lambda point: point.trial)
    numbered: set[Point] = set()
    while True:
        texts = [str(p.trial) if p in numbered else _name(p) for p in models]
        boxes, without_room = _moved_apart(texts, models, panel, shown)
        if without_room <= numbered:
            return dict(zip(models, zip(texts, boxes, strict=True), strict=True)), numbered
        numbered |= without_room


def _draw_names(
    axis: "Axes",
    panel: Panel,
    shown: Chart,
    names: "dict[Point, tuple[str, Bbox]]",
    numbered: set[Point],
) -> None:
    from matplotlib.patheffects import withStroke

    line = {"arrowstyle": "-", "color": ORANGE, "lw": 0.9, "shrinkA": 1, "shrinkB": 3}
    for point, (text, box) in names.items():
        x, y = _on_page(point, panel, shown)
        axis.annotate(
            text,
            (point.size_bytes, panel.shown(point)),
            xytext=((box.x0 + box.x1) / 2 - x, (box.y0 + box.y1) / 2 - y),
            textcoords="offset points",
            size=_NAME_SIZE,
            color=DEEP_ORANGE if point in numbered else DARK,
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
            arrowprops=line if _distance(box, (x, y)) > _CLEAR + 3 else None,
            zorder=5,
        )


def _moved_apart(
    texts: Sequence[str], models: Sequence[Point], panel: Panel, shown: Chart
) -> "tuple[list[Bbox], set[Point]]":
    """Let adjustText move names off each other and what is drawn, on an empty sheet.

    Returns:
        The places of the texts, in points from the left bottom corner of the panel, and the models
        whose texts have no room: on another, on the budget, beside the panel or far off.
    """
    from adjustText import adjust_text
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    if not models:
        return [], set()
    width, height = 72 * _PANEL_WIDTH, 72 * _PANEL_HEIGHT
    figure = Figure(figsize=(_PANEL_WIDTH, _PANEL_HEIGHT), dpi=72)  # one pixel is one point
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axis.set_axis_off()
    budget = width if shown.budget_bytes is None else width * shown.across(shown.budget_bytes)
    markers = [_on_page(point, panel, shown) for point in models]
    written = [
        axis.text(
            x + (_CLEAR if x < budget / 2 else -_CLEAR),
            y + (0, 1, -1)[number % 3] * _CLEAR,
            text,
            size=_NAME_SIZE,
            ha="left" if x < budget / 2 else "right",
            va=("center", "bottom", "top")[number % 3],
        )
        for number, (text, (x, y)) in enumerate(zip(texts, markers, strict=True))
    ]
    chance = height * panel.across(panel.chance)
    taken = [
        Bbox([[2, chance - 2], [6 + 5.6 * len(panel.chance_label), chance + 13]]),
        Bbox([[budget - 1, 0], [budget + 1, height]]),
    ]
    found = [p for p in (*panel.front, *panel.others) if p.model is None]
    others = [_on_page(point, panel, shown) for point in found]
    adjust_text(
        written,
        x=[x for x, _ in others],
        y=[y for _, y in others],
        objects=[*taken, *(Bbox([[x - 5, y - 5], [x + 5, y + 5]]) for x, y in markers)],
        target_x=[x for x, _ in markers],
        target_y=[y for _, y in markers],
        avoid_self=False,
        ax=axis,
        force_text=(0.3, 0.4),
        force_explode=(0, 0),
        expand=(1.05, 1.1),
        max_move=5,
        pull_threshold=5,
        iter_lim=60,
    )
    boxes = [text.get_window_extent() for text in written]
    return boxes, {
        point
        for point, marker, box in zip(models, markers, boxes, strict=True)
        if any(box.overlaps(other) for other in (*boxes, *taken) if other is not box)
        or min(box.x0, box.y0, width - box.x1) < 0
        or _distance(box, marker) > _FARTHEST
        or any(_distance(box, other) < _CLEAR / 3 for other in markers)
    }


def _distance(box: "Bbox", place: tuple[float, float]) -> float:
    aside = max(box.x0 - place[0], 0, place[0] - box.x1)
    return math.hypot(aside, max(box.y0 - place[1], 0, place[1] - box.y1))


def _on_page(point: Point, panel: Panel, shown: Chart) -> tuple[float, float]:
    """Return where a point stands on its panel, in points from the left bottom corner."""
    across = 72 * _PANEL_WIDTH * shown.across(point.size_bytes)
    return across, 72 * _PANEL_HEIGHT * panel.across(panel.shown(point))


def _draw_strip(axis: "Axes", shown: Chart) -> None:
    """Draw the models that were not trained, each at its size and in its row."""
    low, high = -1.0, float(len(shown.over_budget))
    axis.set(xscale="log", xlim=shown.x_limits, ylim=(low, high), facecolor=STRIP, xticks=[])
    axis.spines[:].set_visible(False)
    axis.minorticks_off()
    axis.set_yticks([(low + high) / 2], ["not\ntrained"])
    axis.tick_params(length=0, labelsize=9)
    for row, (model, size_bytes) in enumerate(shown.over_budget):
        axis.plot(size_bytes, row, linestyle="none", label=UNTRAINED, **_UNTRAINED)
        on_right = shown.across(size_bytes) < 0.5
        axis.annotate(
            shorten_name(model, _LONGEST_NAME),
            (size_bytes, row),
            xytext=(8 if on_right else -8, 0),
            textcoords="offset points",
            size=_NAME_SIZE,
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
