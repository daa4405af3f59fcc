"""Which trials go on at a rung: successive halving that keeps fronts.

As asynchronous successive halving does it (Li et al. 2020, arXiv:1810.05934), a trial rests after
the epochs of a rung and is taken up when it is among the best share of all that came so far, the
furthest first. By the loss alone that would keep large networks only. Here trials are ranked by
fronts of loss and size; inside a front those come first that are farthest from the ones before
them (an epsilon-net, as in MO-ASHA: Schmucker et al. 2021, arXiv:2106.12639), so that those who go
on are spread over all sizes.

Conventions: points are (size in bytes, loss), both to be minimised.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from math import log2

Point = tuple[int, float]


class Rungs:
    """What is known of trials at each rung, and who went on from there."""

    def __init__(self, epochs: Sequence[int], keep: float) -> None:
        self._keep = keep
        self._points: dict[int, dict[int, Point]] = {epoch: {} for epoch in sorted(epochs)}
        self._promoted: dict[int, set[int]] = {epoch: set() for epoch in epochs}
        # of those that rested when the last point came; None where none was asked for since
        self._best: dict[int, list[int] | None] = dict.fromkeys(epochs)

    def report(self, number: int, epoch: int, point: Point) -> None:
        """Note what a trial reached at a rung."""
        self._points[epoch][number] = point
        self._best[epoch] = None

    def promote(self, number: int, epoch: int) -> None:
        """Note that a trial goes on from a rung."""
        self._promoted[epoch].add(number)

    def next_promotion(
        self, may: Callable[[int, int], bool], whole_front: bool = False
    ) -> tuple[int, int] | None:
        """Return the trial that goes on next and the epoch of the rung where it is; None if none.

        Args:
            may: checks whether a trial may go on from a rung.
            whole_front: whether all of the first front goes on, be it more than the share.
        """
        for epoch in reversed(self._points):
            best = self._best_resting(epoch, True) if whole_front else self._best[epoch]
            if best is None:
                best = self._best[epoch] = self._best_resting(epoch, False)
            for number in best:
                if number not in self._promoted[epoch] and may(number, epoch):
                    return number, epoch
        return None

    def _best_resting(self, epoch: int, whole_front: bool) -> list[int]:
        points = self._points[epoch]
        resting = points.keys() - self._promoted[epoch]
        return _best(points, int(self._keep * len(points) + 0.5), resting, whole_front)


def _best(
    points: Mapping[int, Point], count: int, wanted: set[int], whole_front: bool
) -> list[int]:
    """Return which of the wanted trials are among so many that rank first, in their order."""
    found: list[int] = []
    for front in fronts(points):
        left = len(front) if whole_front else count
        if left <= 0:
            break
        if not wanted.isdisjoint(front):
            spread = epsilon_net({number: points[number] for number in front})
            found += [number for number in spread[:left] if number in wanted]
        count, whole_front = count - len(front), False
    return found


def fronts(points: Mapping[int, Point]) -> list[list[int]]:
    """Sort points into fronts: no point of one dominates another, each is dominated by one before.

    Of equal points the first one dominates. Takes n log n steps.
    """
    least_losses: list[float] = []  # of each front so far, which rise from front to front
    found: list[list[int]] = []
    for number in sorted(points, key=lambda each: (*points[each], each)):
        loss = points[number][1]
        at = bisect_right(least_losses, loss)
        if at == len(found):
            found.append([])
            least_losses.append(loss)
        found[at].append(number)
        least_losses[at] = loss
    return found


def epsilon_net(points: Mapping[int, Point]) -> list[int]:
    """Order points: the lowest loss first, then always the one farthest from all before it.

    Distances are of the logarithm of the size and of the loss, each as a share of its range.
    """
    left = sorted(points, key=lambda number: (points[number][1], points[number][0], number))
    sizes = {number: log2(points[number][0]) for number in left}
    losses = {number: points[number][1] for number in left}
    wide = (max(sizes.values()) - min(sizes.values())) or 1.0
    high = (max(losses.values()) - min(losses.values())) or 1.0
    order = [left.pop(0)]
    nearest = dict.fromkeys(left, float("inf"))
    while left:
        last = order[-1]
        for number in left:
            apart = (sizes[number] - sizes[last]) / wide, (losses[number] - losses[last]) / high
            nearest[number] = min(nearest[number], apart[0] ** 2 + apart[1] ** 2)
        farthest = max(left, key=nearest.__getitem__)
        left.remove(farthest)
        order.append(farthest)
    return order
