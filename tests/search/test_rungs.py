import random
from itertools import pairwise

import pytest

from nas_asc.search.rungs import Fronts, Rungs, epsilon_net

# Sizes and losses: 0, 1 and 2 are a front, 3 is beaten by 1, 4 by 1 and 3
POINTS = {0: (1000, 0.9), 1: (2000, 0.5), 2: (8000, 0.1), 3: (4000, 0.5), 4: (5000, 0.6)}


def anything(number, epoch):
    return True


def told(points, keep=0.4, epochs=(3, 9), at=3):
    rungs = Rungs(epochs, keep)
    for number, point in points.items():
        rungs.report(number, at, point)
    return rungs


def promoted(rungs, **options):
    """All who go on now, in order."""
    found = []
    while (following := rungs.next_promotion(anything, **options)) is not None:
        found.append(following)
        rungs.promote(*following)
    return found


def fronts(points):
    """The fronts of points that come in this order."""
    found = Fronts()
    for number, point in points.items():
        found.add(number, point)
    assert len(found) == len(points)
    return [sorted(front.numbers) for front in found]


def test_points_are_sorted_into_fronts():
    assert fronts(POINTS) == [[0, 1, 2], [3], [4]]
    assert fronts({}) == []
    assert fronts({5: (1, 1.0), 3: (1, 1.0)}) == [[3], [5]]  # the first of equals dominates


@pytest.mark.parametrize(("seed", "values"), [(0, 50), (1, 5), (2, 10**6)])
def test_fronts_are_those_that_comparing_all_pairs_gives(seed, values):
    rng = random.Random(seed)
    numbers = rng.sample(range(300), 300)
    points = {n: (rng.randrange(values), float(rng.randrange(values))) for n in numbers}

    def dominates(one, other):
        a, b = points[one], points[other]
        return a[0] <= b[0] and a[1] <= b[1] and (a != b or one < other)

    left, expected = set(points), []
    while left:
        front = {n for n in left if not any(dominates(other, n) for other in left - {n})}
        expected.append(front)
        left -= front
    assert [set(front) for front in fronts(points)] == expected
    assert len(expected) > 5


def test_a_net_takes_the_lowest_loss_then_always_the_farthest():
    """Sizes are octaves 0, 1, 4, 8 and losses alike: the ends first, then the middle."""
    points = {0: (1, 0.8), 1: (2, 0.7), 2: (16, 0.4), 3: (256, 0.0)}
    assert epsilon_net(points) == [3, 0, 2, 1]
    assert epsilon_net({7: (5, 0.5)}) == [7]


@pytest.mark.parametrize(
    ("count", "going_on"), [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (8, 3), (9, 3)]
)
def test_a_third_goes_on_rounded(count, going_on):
    points = {n: (1000, n / 10) for n in range(count)}
    assert promoted(told(points, keep=0.33)) == [(n, 3) for n in range(going_on)]


def test_who_goes_on_is_spread_over_the_sizes_of_the_front():
    assert promoted(told(POINTS)) == [(2, 3), (0, 3)]
    assert promoted(told(POINTS, keep=0.8)) == [(2, 3), (0, 3), (1, 3), (3, 3)]


def test_in_the_end_the_whole_front_goes_on_and_nobody_else():
    assert promoted(told(POINTS), whole_front=True) == [(2, 3), (0, 3), (1, 3)]


def test_by_the_loss_alone_small_networks_would_never_go_on():
    """Each size doubled costs a tenth less, as on a real front."""
    points = {n: (1000 * 2**n, 1.0 - n / 10) for n in range(9)}
    sizes = sorted(points[number][0] for number, _ in promoted(told(points, keep=0.33)))
    assert sizes[0] == 1000
    assert all(after / before >= 8 for before, after in pairwise(sizes))


def test_the_furthest_go_on_first_and_those_who_may_not_are_passed_over():
    rungs = told(POINTS)
    rungs.promote(2, 3)
    rungs.promote(1, 3)
    for number in (1, 2):
        rungs.report(number, 9, POINTS[number])
    assert rungs.next_promotion(anything) == (2, 9)
    assert rungs.next_promotion(lambda number, epoch: epoch == 3) == (0, 3)
    assert rungs.next_promotion(lambda number, epoch: number > 2) is None


def test_who_came_late_and_is_better_goes_on_though_others_did():
    rungs = told({n: (1000, 0.5 + n / 10) for n in range(3)}, keep=0.33)
    assert promoted(rungs) == [(0, 3)]
    rungs.report(3, 3, (1000, 0.1))
    assert promoted(rungs) == [(3, 3)]
