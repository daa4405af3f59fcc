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
from dataclasses import dataclass
from functools import cached_property
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
            left = len(front.numbers) if whole_front else count
            if left <= 0:
                return
            if not front.numbers.isdisjoint(resting):
                yield from [number for number in front.spread[:left] if number in resting]
            count, whole_front = count - len(front.numbers), False


@dataclass(frozen=True)
class Front:
    """Points none of which dominates another: (size, loss, number), by size."""

    points: tuple[tuple[int, float, int], ...]

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Whose points they are."""
        return frozenset(number for *_, number in self.points)

    @cached_property
    def spread(self) -> list[int]:
        """The numbers in the order of an epsilon-net."""
        return epsilon_net({number: (size, loss) for size, loss, number in self.points})


class Fronts:
    """Points in fronts: no point of one dominates another, each is dominated by one before.

    Of equal points the one with the lowest number dominates. A point that comes moves those that
    it dominates to the next front, those move others, and so on, as in the efficient level update
    (Li, Deb et al. 2014): of two values, those that move are neighbours in their front. So adding
    one of thousands of points takes no time to speak of, where sorting all of them would.
    """

    def __init__(self) -> None:
        self._fronts: list[Front] = []
        self._points = 0

    def __len__(self) -> int:
        return self._points

    def __iter__(self) -> Iterator[Front]:
        return iter(self._fronts)

    def add(self, number: int, point: Point) -> None:
        """Add a point, by a number that no other has."""
        self._points += 1
        moving: tuple[tuple[int, float, int], ...] = ((*point, number),)

        def dominates(front: Front) -> bool:
            smaller = bisect_left(front.points, moving[0])
            return smaller > 0 and front.points[smaller - 1][1] <= moving[0][1]

        at = bisect_left(self._fronts, True, key=lambda front: not dominates(front))
        while moving:
            points = self._fronts[at].points if at < len(self._fronts) else ()
            first = bisect_left(points, moving[0])
            last = bisect_right(points, -moving[-1][1], key=lambda each: -each[1])  # losses fall
            self._fronts[at : at + 1] = [Front((*points[:first], *moving, *points[last:]))]
            moving, at = points[first:last], at + 1


def epsilon_net(points: Mapping[int, Point]) -> list[int]:
    """Order points: the lowest loss first, then always the one farthest from all before it.

    Distances are of the logarithm of the size and of the loss, each as a share of its range.
    """
    numbers = sorted(points, key=lambda number: (points[number][1], points[number][0], number))
    places = np.array([(log2(points[number][0]), points[number][1]) for number in numbers])
    ranges = np.ptp(places, axis=0)
    places /= np.where(ranges > 0, ranges, 1.0)
    apart = np.square(places[:, None] - places).sum(axis=2)
    order, nearest = [0], apart[0]
    while len(order) < len(numbers):
        nearest[order[-1]] = -1.0  # is in the order
        order.append(int(nearest.argmax()))
        np.minimum(nearest, apart[order[-1]], out=nearest)
    return [numbers[at] for at in order]
