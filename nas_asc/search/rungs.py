"""Which trials go on at a rung: successive halving that keeps fronts.

As asynchronous successive halving does it (Li et al. 2020, arXiv:1810.05934), a trial rests after
the epochs of a rung and is taken up when it is among the best share of all that came so far, the
furthest first. By the loss alone that would keep large networks only. Here trials are ranked by
fronts of loss and size; inside a front those come first that are farthest from the ones before
them (an epsilon-net, as in MO-ASHA: Schmucker et al. 2021, arXiv:2106.12639), so that those who go
on are spread over all sizes.

Conventions: points are (size in bytes, loss), both to be minimised.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log2

import numpy as np

Point = tuple[int, float]


class Rungs:
    """What is known of trials at each rung, and who went on from there."""

    def __init__(self, epochs: Sequence[int], keep: float) -> None:
        self._keep = keep
        self._fronts = {epoch: Fronts() for epoch in sorted(epochs)}
        self._resting: dict[int, set[int]] = {epoch: set() for epoch in epochs}

    def report(self, number: int, epoch: int, point: Point) -> None:
        """Note what a trial reached at a rung."""
        self._fronts[epoch].add(number, point)
        self._resting[epoch].add(number)

    def promote(self, number: int, epoch: int) -> None:
        """Note that a trial goes on from a rung."""
        self._resting[epoch].discard(number)

    def next_promotion(
        self, may: Callable[[int, int], bool], whole_front: bool = False
    ) -> tuple[int, int] | None:
        """Return the trial that goes on next and the epoch of the rung where it is; None if none.

        Args:
            may: checks whether a trial may go on from a rung.
            whole_front: whether all of the first front goes on, be it more than the share.
        """
        for epoch in reversed(self._fronts):
            for number in self._best_resting(epoch, whole_front):
                if may(number, epoch):
                    return number, epoch
        return None

    def _best_resting(self, epoch: int, whole_front: bool) -> Iterator[int]:
        """Yield who rests and is among the best share, in order."""
        fronts, resting = self._fronts[epoch], self._resting[epoch]
        count = int(self._keep * len(fronts) + 0.5)
        for front in fronts:
            left = len(front) if whole_front else count
            if left <= 0:
                return
            if any(number in resting for *_, number in front):
                points = {number: (size, loss) for size, loss, number in front}
                yield from [number for number in epsilon_net(points)[:left] if number in resting]
            count, whole_front = count - len(front), False


class Fronts:
    """Points in fronts: no point of one dominates another, each is dominated by one before.

    Of equal points the one with the lowest number dominates. A point that comes moves those that
    it dominates to the next front, those move others, and so on, as in the efficient level update
    (Li, Deb et al. 2014): of two values, those that move are neighbours in their front. So adding
    one of thousands of points takes no time to speak of, where sorting all of them would.
    """

    def __init__(self) -> None:
        self._fronts: list[list[tuple[int, float, int]]] = []  # size, loss, number; losses fall
        self._points = 0

    def __len__(self) -> int:
        return self._points

    def __iter__(self) -> Iterator[Sequence[tuple[int, float, int]]]:
        """Yield the fronts, each of (size, loss, number) by size."""
        return iter(self._fronts)

    def add(self, number: int, point: Point) -> None:
        """Add a point, by a number that no other has."""
        self._points += 1
        moving = [(*point, number)]

        def dominating(front: Sequence[tuple[int, float, int]]) -> bool:
            smaller = bisect_left(front, moving[0])
            return smaller > 0 and front[smaller - 1][1] <= moving[0][1]

        at = bisect_left(self._fronts, True, key=lambda front: not dominating(front))
        for front in self._fronts[at:]:
            first = bisect_left(front, moving[0])
            last = bisect_right(front, -moving[-1][1], key=lambda each: -each[1])
            front[first:last], moving = moving, front[first:last]
            if not moving:
                return
        self._fronts.append(moving)


def epsilon_net(points: Mapping[int, Point]) -> list[int]:
    """Order points: the lowest loss first, then always the one farthest from all before it.

    Distances are of the logarithm of the size and of the loss, each as a share of its range.
    """
    numbers = sorted(points, key=lambda number: (points[number][1], points[number][0], number))
    places = np.array([(log2(points[number][0]), points[number][1]) for number in numbers])
    ranges = np.ptp(places, axis=0)
    places /= np.where(ranges > 0, ranges, 1.0)
    nearest = np.full(len(numbers), np.inf)
    order = [0]
    while len(order) < len(numbers):
        nearest = np.minimum(nearest, ((places - places[order[-1]]) ** 2).sum(axis=1))
        nearest[order[-1]] = -1.0  # is in the order
        order.append(int(nearest.argmax()))
    return [numbers[at] for at in order]
