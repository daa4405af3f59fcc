"""The Pareto front of size against error, and how much of the possible it covers.

Conventions: fewer bytes and a lower log loss (or a higher accuracy) are better. A point dominates
another if it is no worse in both and better in one; equal pairs do not dominate each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

OBJECTIVES = ("log_loss", "accuracy")
SMALLEST_SIZE_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class Point:
    """One trained architecture: what it achieves on validation data and what it costs.

    Attributes:
        trial: number of the trial in its study.
        model: id of the report model that it is, or None.
        accuracy: macro accuracy, 0 to 1.
        log_loss: mean cross entropy in nats.
        window_accuracy, window_log_loss: where clips are windows of files, which the two above are
            of; the same of the windows by themselves.
        nonzero_params: parameters that pruning leaves.
        counted_macs: the multiply-accumulates for one clip that the counting rule judges.
        sparsity: share of the prunable weights that pruning removed, 0 to 1.
        choices: the active choices of the search space by dotted path.
        after_end: whether it is a report model that was trained when the search had ended.
        epochs: of a trial that rests at a rung, those done; None where it was trained to the end.
    """

    trial: int
    model: str | None
    accuracy: float
    log_loss: float
    window_accuracy: float | None = None
    window_log_loss: float | None = None
    size_bytes: int
    params: int
    nonzero_params: int
    macs: int
    counted_macs: int
    peak_activation_bytes: int
    precision: str
    sparsity: float
    choices: Mapping[str, object] = field(hash=False)
    after_end: bool = False
    epochs: int | None = None

    @property
    def is_of_trials(self) -> bool:
        """Whether it is an ensemble of other trials, chosen after they were trained."""
        return self.model is None and "ensemble" in self.choices

    def __post_init__(self) -> None:
        if not (math.isfinite(self.accuracy) and math.isfinite(self.log_loss)):
            raise ValueError(
                f"trial {self.trial}: expected finite metrics, "
                f"got accuracy {self.accuracy} and log loss {self.log_loss}"
            )


# What every table has of a point, in this order.
POINT_COLUMNS = tuple(
    f.name for f in fields(Point) if f.name not in ("choices", "after_end", "epochs")
)


def pareto_front(points: Sequence[Point], objective: str = "log_loss") -> list[Point]:
    """Return the points that no other dominates in size and `objective`, smallest first.

    Of points that are equal in both, the one that is better in the other objective is kept, then
    the one with fewer multiply-accumulates, then the earliest.

    Args:
        points: any number of points, in any order.
        objective: "log_loss" or "accuracy".
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective: expected one of {OBJECTIVES}, got {objective!r}")

    def worse(point: Point) -> tuple[float, ...]:
        errors = (point.log_loss, -point.accuracy)
        first, second = errors if objective == "log_loss" else errors[::-1]
        return (point.size_bytes, first, second, point.counted_macs, point.trial)

    selected: list[Point] = []
    best = math.inf
    for point in sorted(points, key=worse):
        if worse(point)[1] < best:
            best = worse(point)[1]
            selected.append(point)
    return selected


def guessing_error(n_classes: int, objective: str) -> float:
    """Return the log loss, or 1 - accuracy, of guessing among so many classes."""
    return math.log(n_classes) if objective == "log_loss" else 1 - 1 / n_classes


def hypervolume(
    points: Sequence[Point],
    size_limit_bytes: int | None,
    n_classes: int,
    objective: str = "log_loss",
) -> float | None:
    """Compute the share of what the budget allows that the points dominate, 0 to 1.

    The whole is the rectangle of log2(bytes) from 1 KiB to the limit and the objective's error from
    0 to that of guessing: log loss to ln(n_classes), or 1 - accuracy to 1 - 1 / n_classes. A point
    below 1 KiB counts as one of 1 KiB; one over the limit, or worse than guessing, dominates
    nothing.

    Returns:
        The share, or None without a limit above 1 KiB.
    """
    if n_classes < 2:
        raise ValueError(f"n_classes: expected at least 2, got {n_classes}")
    if size_limit_bytes is None or size_limit_bytes <= SMALLEST_SIZE_BYTES:
        return None
    width = math.log2(size_limit_bytes / SMALLEST_SIZE_BYTES)
    height = guessing_error(n_classes, objective)
    pairs = (
        (point.size_bytes, point.log_loss if objective == "log_loss" else 1 - point.accuracy)
        for point in points
    )
    corners = sorted(
        (math.log2(max(size_bytes, SMALLEST_SIZE_BYTES) / SMALLEST_SIZE_BYTES), error)
        for size_bytes, error in pairs
        if size_bytes <= size_limit_bytes and error < height
    )
    area = 0.0
    lowest = height
    ends = [size for size, _ in corners[1:]] + [width]
    for (size, error), end in zip(corners, ends, strict=False):
        lowest = min(lowest, max(error, 0.0))
        area += (end - size) * (height - lowest)
    return min(area / (width * height), 1.0)
