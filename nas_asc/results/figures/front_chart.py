"""What a picture of a front shows, before anything is drawn: points, axes and words.

`front` draws it with matplotlib, `page` with plotly. Conventions: sizes are in bytes on a
logarithmic axis whose ticks are powers of two; accuracy is in percent; the top of the log loss
axis and the bottom of the accuracy axis are the bad ends. Values beyond an axis are shown at its
end.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nas_asc.results.formatting import (
    chance_accuracy,
    chance_log_loss,
    is_synthetic,
    shorten_name,
    size_caption,
    trials_caption,
)
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

_MOST_TICKS = 9
_FEWEST_OCTAVES = 3
_LONGEST_NAME = 30
UNTRAINED = "report model over the budget, not trained"


@dataclass(frozen=True)
class Bar:
    """What a point reached when it was trained again, in the units of the panel.

    The deviation of a single training is 0.
    """

    size_bytes: int
    mean: float
    sd: float
    tied: bool


@dataclass(frozen=True)
class Panel:
    """One vertical axis: which error measure it shows, from where to where, and whose front.

    Attributes:
        measure: "log_loss" or "accuracy".
        limits: of the axis, bottom and top; accuracy in percent.
        chance: what guessing gives.
        front: the points on the front of size and this measure, smallest first.
        others: the other trials, report models among them.
        resting: trials that rest at a rung, where they are there.
        bars: of the points that were trained again; `bars_label` is what they are.
    """

    measure: str
    label: str
    limits: tuple[float, float]
    chance: float
    chance_label: str
    front: tuple[Point, ...]
    others: tuple[Point, ...]
    resting: tuple[Point, ...] = ()
    bars: tuple[Bar, ...] = ()
    bars_label: str = ""

    def value(self, point: Point) -> float:
        """Return the point's value on this axis."""
        return point.log_loss if self.measure == "log_loss" else 100 * point.accuracy

    def shown(self, point: Point) -> float:
        """Return the value where it is drawn: its own, or the end of the axis."""
        low, high = self.limits
        return min(max(self.value(point), low), high)

    def across(self, value: float) -> float:
        """Return where a value stands on the axis: 0 at its lower end, 1 at its upper."""
        low, high = self.limits
        return (value - low) / (high - low)

    def series(self) -> dict[str, tuple[str, list[Point]]]:
        """Return the points that are drawn alike: what they are called, and which they are."""
        found = [p for p in self.others if p.model is None and not p.is_of_trials]
        models = [point for point in self.others if point.model is not None]
        inside = {point for point in found if self.shown(point) == self.value(point)}
        every = {
            "resting": ("trained in part", [p for p in self.resting if p.model is None]),
            "resting model": ("report model trained in part", [p for p in self.resting if p.model]),
            "dominated": ("trial not on the front", [p for p in found if p in inside]),
            "beyond": ("worse than the axis shows", [p for p in found if p not in inside]),
            "front": (
                "front of size and the error shown",
                [p for p in self.front if p.model is None and not p.is_of_trials],
            ),
            "ensemble": ("ensemble of trials", [p for p in self.others if p.is_of_trials]),
            "front ensemble": (
                "ensemble of trials on the front",
                [p for p in self.front if p.is_of_trials],
            ),
            "model": ("report model", models),
            "front model": ("report model on the front", [p for p in self.front if p.model]),
        }
        return {kind: series for kind, series in every.items() if series[1]}

    def bar_series(self) -> dict[bool, tuple[str, list[Bar]]]:
        """Return the bars by whether they are tied: what they are called, and which they are."""
        return {
            tied: (f"{self.bars_label}{', a tie' if tied else ''}", bars)
            for tied in (False, True)
            if (bars := [bar for bar in self.bars if bar.tied == tied])
        }


@dataclass(frozen=True)
class Chart:
    """The axes of a picture and what is on both of its panels.

    Attributes:
        over_budget: report models that were not trained, as (name, bytes), smallest first.
        x_limits: the size axis, in bytes.
        x_ticks: bytes and label of each tick.
    """

    title: str
    subtitle: str
    over_budget: tuple[tuple[str, int], ...]
    budget_bytes: int | None
    budget_label: str
    x_label: str
    x_limits: tuple[float, float]
    x_ticks: tuple[tuple[int, str], ...]
    panels: tuple[Panel, Panel]

    def across(self, size_bytes: float) -> float:
        """Return where a size stands on the axis: 0 at its left end, 1 at its right."""
        low, high = (math.log2(limit) for limit in self.x_limits)
        return (math.log2(size_bytes) - low) / (high - low)


def chart(summary: Summary) -> Chart:
    """Work out what a picture of a summary shows."""
    limit = summary.budget.size_bytes
    over_budget = [
        (str(seed["model"]), int(str(seed["size_bytes"]))) for seed in summary.seeds_over_budget
    ]
    sizes = [point.size_bytes for point in (*summary.shown, *summary.resting)]
    sizes += [size for _, size in over_budget] + ([limit] if limit is not None else [])
    x_limits = _size_limits(sizes)
    return Chart(
        title=_title(summary),
        subtitle=_subtitle(summary),
        over_budget=tuple(sorted(over_budget, key=lambda pair: (pair[1], pair[0]))),
        budget_bytes=limit,
        budget_label="" if limit is None else f"budget {size_caption(limit, summary.kb)}",
        x_label=f"model size in bytes, counted by rule {summary.rule} (log scale)",
        x_limits=x_limits,
        x_ticks=_ticks(*x_limits),
        panels=(_panel(summary, "log_loss"), _panel(summary, "accuracy")),
    )


def binary_size(size_bytes: int) -> str:
    """Return a power of two of bytes in words: "512 B", "4 KiB", "1 MiB"."""
    for factor, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size_bytes >= factor:
            return f"{size_bytes // factor} {unit}"
    return f"{size_bytes} B"


def _title(summary: Summary) -> str:
    name = shorten_name(str(summary.data.get("name", "unnamed data")), _LONGEST_NAME)
    data = f"{name} (not recordings)" if is_synthetic(summary) else name
    space = shorten_name(summary.space, _LONGEST_NAME)
    return f"Size against error on {data}, space {space}, rule {summary.rule}"


def _subtitle(summary: Summary) -> str:
    log_loss, accuracy = (len(summary.fronts[name]) for name in ("log_loss", "accuracy"))
    parts = [trials_caption(summary)]
    parts.append(f"{log_loss} on the front of log loss, {accuracy} on that of accuracy")
    if summary.hypervolume is not None:
        of = summary.objective.replace("_", " ")
        parts.append(f"hypervolume of {of} {summary.hypervolume:.3f}")
    parts.append(f"seed {summary.seed}")
    return "; ".join(parts)


def _size_limits(sizes: Iterable[int]) -> tuple[float, float]:
    octaves = [math.log2(max(size, 1)) for size in sizes] or [10.0]
    low, high = min(octaves), max(octaves)
    margin = max(0.05 * (high - low), (_FEWEST_OCTAVES - (high - low)) / 2, 0.3)
    return 2 ** (low - margin), 2 ** (high + margin)


def _ticks(low: float, high: float) -> tuple[tuple[int, str], ...]:
    first, last = max(math.ceil(math.log2(low)), 0), math.floor(math.log2(high))
    step = 1 + (last - first) // _MOST_TICKS
    return tuple((2**n, binary_size(2**n)) for n in range(first, last + 1) if n % step == 0)


def _panel(summary: Summary, measure: str) -> Panel:
    front = summary.fronts[measure]
    others = tuple(point for point in summary.shown if point not in front)
    points = (front, others, summary.resting)
    bars, again = _bars(summary, measure)
    if measure == "accuracy":
        chance = 100 * chance_accuracy(summary)
        label, words = "macro accuracy on validation clips (%)", f"chance {chance:.3g} %"
        return Panel(measure, label, (0.0, 100.0), chance, words, *points, bars, again)
    chance = chance_log_loss(summary)
    named = [point.log_loss for point in (*front, *summary.other_front, *summary.reference)]
    named += [bar.mean + bar.sd for bar in bars]
    # A few useless trials shall not squeeze the rest, but the best is always inside.
    worst = max([chance, *(min(value, 2 * chance) for value in named)])
    top = 1.08 * max(worst, min(named, default=0.0)) or 1.0
    label, words = "log loss on validation clips (nats)", f"chance {chance:.2f}"
    return Panel(measure, label, (0.0, top), chance, words, *points, bars, again)


def _bars(summary: Summary, measure: str) -> tuple[tuple[Bar, ...], str]:
    """Return the bars of what was trained again, by seeds if there are some, and what they are."""
    for kind, of_trial in summary.final_figures.items():
        factor, bars = 100 if measure == "accuracy" else 1, []
        for point in summary.points:
            if point.trial in of_trial:
                figures = of_trial[point.trial]
                spread = figures.spreads["validation", measure]
                mean, sd = factor * spread.mean, factor * (spread.sd or 0.0)
                bars.append(Bar(point.size_bytes, mean, sd, tied=bool(figures.ties)))
        return tuple(bars), f"mean and deviation of {kind}"
    return (), ""
