"""What a picture of a front shows, before anything is drawn: points, axes and words.

`plots` draws it with matplotlib, `html` with plotly. Conventions: sizes are in bytes on a
logarithmic axis whose ticks are powers of two; accuracy is in percent; the top of the log loss
axis and the bottom of the accuracy axis are the bad ends. Values beyond an axis are shown at its
end.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas_asc.captions import (
    chance_accuracy,
    chance_log_loss,
    is_synthetic,
    shorten_name,
    size_caption,
    trials_caption,
)
from nas_asc.pareto import Point
from nas_asc.summary import Summary

_MOST_TICKS = 9
_FEWEST_OCTAVES = 3
_LONGEST_NAME = 48


@dataclass(frozen=True)
class Panel:
    """One vertical axis: which measure it shows, and from where to where.

    Attributes:
        measure: "log_loss" or "accuracy".
        limits: of the axis, bottom and top; accuracy in percent.
        chance: what guessing gives.
        bad_end: the limit at which the worst values lie.
    """

    measure: str
    label: str
    limits: tuple[float, float]
    chance: float
    chance_label: str
    bad_end: float

    def value(self, point: Point) -> float:
        """Give the point's value on this axis."""
        return point.log_loss if self.measure == "log_loss" else 100 * point.accuracy

    def inside(self, point: Point) -> bool:
        """Say whether the value lies on the axis."""
        return self.limits[0] <= self.value(point) <= self.limits[1]

    def shown(self, point: Point) -> float:
        """Give the value where it is drawn: its own, or the end of the axis."""
        low, high = self.limits
        return min(max(self.value(point), low), high)


@dataclass(frozen=True)
class Chart:
    """A front, the trials beside it and the axes to show them on.

    Attributes:
        dominated: trials that are neither on the front nor report models.
        reference: report models that were trained, on the front or not.
        over_budget: report models that were not trained, as (name, bytes).
        x_limits: the size axis, in bytes.
        x_ticks: bytes and label of each tick.
        kb: bytes in a KB, by the counting rule.
    """

    title: str
    subtitle: str
    front_label: str
    front: tuple[Point, ...]
    dominated: tuple[Point, ...]
    reference: tuple[Point, ...]
    over_budget: tuple[tuple[str, int], ...]
    budget_bytes: int | None
    budget_label: str
    x_label: str
    x_limits: tuple[float, float]
    x_ticks: tuple[tuple[int, str], ...]
    panels: tuple[Panel, Panel]
    kb: int


def chart(summary: Summary, kb: int) -> Chart:
    """Work out what a picture of a summary shows.

    Args:
        summary: what to show.
        kb: bytes in a KB, by the counting rule.
    """
    shown = set(summary.front) | set(summary.reference)
    limit = summary.budget.size_bytes
    over_budget = tuple(
        (str(seed["model"]), int(str(seed["size_bytes"]))) for seed in summary.seeds_over_budget
    )
    sizes = [point.size_bytes for point in summary.points]
    sizes += [size for _, size in over_budget] + ([limit] if limit is not None else [])
    x_limits = _size_limits(sizes)
    return Chart(
        title=_title(summary),
        subtitle=_subtitle(summary),
        front_label=f"front of size and {summary.objective.replace('_', ' ')}",
        front=summary.front,
        dominated=tuple(point for point in summary.points if point not in shown),
        reference=summary.reference,
        over_budget=over_budget,
        budget_bytes=limit,
        budget_label="" if limit is None else f"budget {size_caption(limit, kb)}",
        x_label=f"model size in bytes, counted by rule {summary.rule} (log scale)",
        x_limits=x_limits,
        x_ticks=_ticks(*x_limits),
        panels=(_log_loss_panel(summary), _accuracy_panel(summary)),
        kb=kb,
    )


def binary_size(size_bytes: int) -> str:
    """Write a power of two of bytes: "512 B", "4 KiB", "1 MiB"."""
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
    parts = [trials_caption(summary), f"{len(summary.front)} on the front"]
    if summary.hypervolume is not None:
        parts.append(f"hypervolume {summary.hypervolume:.3f}")
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


def _log_loss_panel(summary: Summary) -> Panel:
    chance = chance_log_loss(summary)
    named = [point.log_loss for point in (*summary.front, *summary.reference)]
    # A few useless trials shall not squeeze the rest, but the best is always inside.
    worst = max([chance, *(min(value, 2 * chance) for value in named)])
    top = 1.08 * max(worst, min(named, default=0.0)) or 1.0
    return Panel(
        measure="log_loss",
        label="log loss on validation clips (nats)",
        limits=(0.0, top),
        chance=chance,
        chance_label=f"chance {chance:.2f}",
        bad_end=top,
    )


def _accuracy_panel(summary: Summary) -> Panel:
    chance = 100 * chance_accuracy(summary)
    return Panel(
        measure="accuracy",
        label="macro accuracy on validation clips (%)",
        limits=(0.0, 100.0),
        chance=chance,
        chance_label=f"chance {chance:.3g} %",
        bad_end=0.0,
    )


def steps(points: Sequence[Point], panel: Panel, end: float) -> tuple[list[float], list[float]]:
    """Give the corners of the step line that shows what the best point of up to a size reaches.

    Args:
        points: a front, smallest first.
        panel: the axis.
        end: where the last step ends, in bytes.
    """
    sizes: list[float] = []
    values: list[float] = []
    better = min if panel.bad_end == panel.limits[1] else max
    best = panel.bad_end
    ends = [*(point.size_bytes for point in points[1:]), end]
    for point, following in zip(points, ends, strict=False):
        sizes += [point.size_bytes, following]
        best = better(best, panel.shown(point))
        values += [best] * 2
    return sizes, values
