"""Picture of an evaluation: the confusion matrix and, where devices are known, a bar for each.

Each cell is coloured by its share of the clips of its true class, and says how many those are; in
a large matrix only colours and names have room. The same evaluation gives the same bytes.
"""

from typing import TYPE_CHECKING

import numpy as np

from nas_asc.results.evaluation import Evaluation, Part
from nas_asc.results.figures.style import (
    BLUE,
    DARK,
    EDGE,
    ORANGE,
    SOFT,
    own_settings,
    saved,
)
from nas_asc.results.formatting import shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches.
_CELL, _SMALL_CELL, _LEAST_SIDE = 0.5, 0.19, 3.0
_LETTER, _TITLE_LETTER = 0.082, 0.112  # of a name and of the title, on average
_BAR, _BARS_WIDTH, _BETWEEN, _MARGIN = 0.3, 3.4, 0.5, 0.25
_TITLES, _TICK = 0.95, 0.12
_MOST_WITH_NUMBERS = 20  # classes
_LONGEST_NAME = 24  # letters
_GAP = 0.4  # rows between devices and groups of them
_DPI = 160
_DARK_FROM = 0.55  # share of a class from which letters are white


def evaluation_pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """Draw an evaluation as "svg" and "png"."""
    with own_settings():
        svg, png = saved(evaluation_figure(evaluation), ("svg", "png"), _DPI)
    return {"svg": svg, "png": png}


def evaluation_figure(evaluation: Evaluation) -> "Figure":
    """Draw the confusion matrix, and the accuracy of each device to its right."""
    from matplotlib.figure import Figure

    classes = [shorten_name(name, _LONGEST_NAME) for name in evaluation.classes]
    cell = _CELL if len(classes) <= _MOST_WITH_NUMBERS else _SMALL_CELL
    side = max(_LEAST_SIDE, cell * len(classes))
    longest = _LETTER * max(map(len, classes))
    names, below = _MARGIN + _TICK + longest, _TICK + _upright(longest, side / len(classes))
    devices = [*evaluation.of("device").values(), *evaluation.of("devices").values()]
    device_names = _TICK + _LETTER * max([len(_name(part)) for part in devices], default=0)
    more = _BETWEEN + device_names + _BARS_WIDTH if devices else 0.0
    width = max(names + side + more + _MARGIN, 7.0)
    bottom = _MARGIN + max(below, 0.3)
    height = bottom + side + _TITLES
    figure = Figure(figsize=(width, height), dpi=_DPI)
    place = (names / width, bottom / height, side / width, side / height)
    _draw_matrix(figure.add_axes(place), evaluation, classes)
    if devices:
        high = min(side, _BAR * (len(devices) + 1))
        left = names + side + _BETWEEN + device_names
        at = (left / width, (bottom + side - high) / height)
        _draw_bars(figure.add_axes((*at, _BARS_WIDTH / width, high / height)), devices)
    title, subtitle = _titles(evaluation)
    title = shorten_name(title, int((width - 2 * _MARGIN) / _TITLE_LETTER))
    left = _MARGIN / width
    figure.text(left, 1 - 0.28 / height, title, size=13, weight="bold", va="center")
    figure.text(left, 1 - 0.58 / height, subtitle, size=10, color=SOFT, va="center")
    return figure


def _titles(evaluation: Evaluation) -> tuple[str, str]:
    every = evaluation.overall
    which = "every clip" if evaluation.split == "all" else f"{evaluation.split} split"
    title = f"{shorten_name(evaluation.model, 40)} on {shorten_name(evaluation.data, 40)}, {which}"
    accuracy = f"accuracy {100 * every.accuracy:.1f} %"
    loss = f"log loss {every.log_loss:.3f}"
    if every.accuracy_interval and every.log_loss_interval:
        low, high = every.accuracy_interval.low, every.accuracy_interval.high
        accuracy += f" ({100 * low:.1f} to {100 * high:.1f})"
        loss += f" ({every.log_loss_interval.low:.3f} to {every.log_loss_interval.high:.3f})"
    return title, f"{every.clips:,} clips: {accuracy}, {loss}"


def _upright(length: float, cell: float) -> float:
    """Return how far names of a length, in inches, reach down below cells of a width."""
    if cell == _SMALL_CELL:
        return 0.8 * length  # in smaller letters, on end
    return 0.0 if length < cell else 0.71 * length + 0.1  # at half a right angle


def _draw_matrix(axis: "Axes", evaluation: Evaluation, classes: list[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.array(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = LinearSegmentedColormap.from_list("shares", ["white", BLUE])
    axis.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    small = len(classes) > _MOST_WITH_NUMBERS
    places = range(len(classes))
    axis.set_xticks(places, classes, size=8 if small else 10)
    if small:
        axis.tick_params(axis="x", rotation=90)
    elif _LETTER * max(map(len, classes)) >= max(_CELL, _LEAST_SIDE / len(classes)):
        for label in axis.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(places, classes, size=8 if small else 10)
    axis.tick_params(length=0, labelcolor=DARK)
    axis.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color=EDGE, linewidth=0.4 if small else 0.8)
    axis.tick_params(which="minor", length=0)
    axis.spines[:].set_visible(False)
    axis.set_title("clips by true class (rows) and predicted class", size=10, loc="left", pad=6)
    if small:
        return
    for (true, predicted), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[true, predicted] > _DARK_FROM else DARK
            size = 9 if count < 10_000 else 7.5
            axis.text(
                predicted, true, str(count), color=colour, size=size, ha="center", va="center"
            )


def _name(part: Part) -> str:
    return f"all {part.name}" if part.kind == "devices" else part.name


def _draw_bars(axis: "Axes", parts: list[Part]) -> None:
    """Draw the accuracy of each part with its interval; devices unseen in training in orange."""
    rows = [row + _GAP * (part.kind == "devices") for row, part in enumerate(parts)]
    for row, part in zip(rows, parts, strict=True):
        end = 100 * part.accuracy
        axis.barh(row, end, color=ORANGE if part.seen is False else BLUE, height=0.68)
        if part.accuracy_interval is not None:
            ends = [100 * part.accuracy_interval.low, 100 * part.accuracy_interval.high]
            axis.plot(ends, [row, row], color=DARK, linewidth=1.2)
            end = max(end, ends[1])
        axis.annotate(
            f"{100 * part.accuracy:.1f}",
            (end, row),
            xytext=(4, 0),
            textcoords="offset points",
            size=9,
            va="center",
        )
    axis.set_yticks(rows, [_name(part) for part in parts])
    axis.set_ylim(rows[-1] + 0.6, -0.6)
    axis.set_xlim(0, 114)
    axis.set_xticks(range(0, 101, 25))
    axis.tick_params(axis="y", length=0, labelcolor=DARK)
    unseen = " (orange: unseen in training)" if any(part.seen is False for part in parts) else ""
    axis.set_title(f"accuracy by device, %{unseen}", size=10, loc="left", pad=6)
