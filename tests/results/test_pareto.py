import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_asc.results.pareto import Point, hypervolume, pareto_front


def point(size_bytes, log_loss, trial=0, accuracy=0.5, macs=1000):
    return Point(
        trial=trial,
        model=None,
        accuracy=accuracy,
        log_loss=log_loss,
        size_bytes=size_bytes,
        params=size_bytes // 2,
        nonzero_params=size_bytes // 2,
        macs=macs,
        counted_macs=macs,
        peak_activation_bytes=4096,
        precision="float16",
        sparsity=0.0,
        choices={},
    )


# Few distinct values, so that equal sizes, equal losses and equal pairs are common.
points_strategy = st.lists(
    st.tuples(
        st.sampled_from([512, 1024, 2048, 3000, 4096, 8192, 16384, 20000]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.5]),
        st.sampled_from([0.1, 0.5, 0.9]),
    ),
    max_size=20,
).map(lambda rows: [point(s, ll, trial=i, accuracy=a) for i, (s, ll, a) in enumerate(rows)])


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def test_front_keeps_what_no_other_beats_smallest_first():
    points = [
        point(8000, 0.5, trial=0),
        point(2000, 1.5, trial=1),
        point(4000, 1.5, trial=2),  # larger than trial 1, no better
        point(4000, 1.0, trial=3),
        point(9000, 0.6, trial=4),  # larger and worse than trial 0
    ]
    assert [p.trial for p in pareto_front(points)] == [1, 3, 0]
    assert pareto_front([]) == []


def test_front_keeps_one_of_an_equal_pair_by_accuracy_then_macs_then_age():
    first = point(2000, 1.0, trial=5, accuracy=0.6, macs=900)
    assert pareto_front([replace(first, trial=7), first])[0].trial == 5
    assert pareto_front([first, replace(first, trial=9, counted_macs=800)])[0].trial == 9
    assert pareto_front([first, point(2000, 1.0, trial=8, accuracy=0.7)])[0].trial == 8
    assert len(pareto_front([first, first])) == 1


def test_front_by_accuracy_ignores_the_log_loss_except_between_equals():
    points = [
        point(1000, 2.0, trial=0, accuracy=0.5),
        point(2000, 0.1, trial=1, accuracy=0.4),
        point(3000, 3.0, trial=2, accuracy=0.6),
        point(3000, 1.0, trial=3, accuracy=0.6),
    ]
    assert [p.trial for p in pareto_front(points, "accuracy")] == [0, 3]
    with pytest.raises(ValueError, match="log_loss"):
        pareto_front([], "f1")


@pytest.mark.parametrize("metric", [math.nan, math.inf])
def test_a_point_without_finite_metrics_is_refused(metric):
    with pytest.raises(ValueError, match="trial 3"):
        point(1000, metric, trial=3)
    with pytest.raises(ValueError, match="trial 3"):
        point(1000, 1.0, trial=3, accuracy=metric)


@given(points_strategy)
def test_front_is_what_the_definition_says(points):
    pairs = [(p.size_bytes, p.log_loss) for p in points]
    expected = {a for a in pairs if not any(dominates(b, a) for b in pairs)}
    found = [(p.size_bytes, p.log_loss) for p in pareto_front(points)]
    assert found == sorted(expected)


@given(points_strategy)
def test_front_does_not_depend_on_the_order_of_the_points(points):
    assert pareto_front(points) == pareto_front(points[::-1])
    assert pareto_front(pareto_front(points)) == pareto_front(points)


@pytest.mark.parametrize(
    ("points", "limit", "classes", "covered"),
    [
        ([], 131072, 10, 0),
        ([point(1024, 0.0)], 131072, 10, 1),
        ([point(131072, 0.0)], 131072, 10, 0),
        ([point(1024, math.log(10))], 131072, 10, 0),
        # 1 KiB to 256 KiB are 8 octaves; 16 KiB is in the middle.
        ([point(16384, math.log(10) / 2)], 262144, 10, 1 / 4),
        # 4 octaves x ln 4: 3/4 x 1/4 by the small one, and 1/4 x 1/2 more by the large one.
        ([point(2048, 0.75 * math.log(4)), point(8192, 0.25 * math.log(4))], 16384, 4, 5 / 16),
        # Over the limit, or worse than guessing.
        ([point(16385, 0.1), point(2048, 1.5)], 16384, 4, 0),
        # Below 1 KiB counts as 1 KiB.
        ([point(10, 0.0)], 2048, 2, 1),
        ([point(0, 0.0)], 2048, 2, 1),
    ],
)
def test_the_hypervolume_is_the_share_that_is_covered(points, limit, classes, covered):
    assert hypervolume(points, limit, classes) == pytest.approx(covered)


@pytest.mark.parametrize("limit", [None, 1, 1024])
def test_without_a_limit_above_one_kib_there_is_no_hypervolume(limit):
    assert hypervolume([point(512, 0.1)], limit, 10) is None
    with pytest.raises(ValueError, match="at least 2"):
        hypervolume([], limit or 2048, 1)


@given(points_strategy)
def test_hypervolume_is_the_sum_of_the_dominated_cells(points):
    limit, height = 16384, math.log(10)
    corners = [(max(math.log2(p.size_bytes) - 10, 0.0), p.log_loss) for p in points]
    xs = sorted({x for x, _ in corners if x <= 4} | {0.0, 4.0})
    ys = sorted({y for _, y in corners if y <= height} | {0.0, height})
    covered = sum(
        (right - left) * (top - bottom)
        for left, right in itertools.pairwise(xs)
        for bottom, top in itertools.pairwise(ys)
        if any(x <= left and y <= bottom for x, y in corners)
    )
    assert hypervolume(points, limit, 10) == pytest.approx(covered / (4 * height))
    assert hypervolume(pareto_front(points), limit, 10) == pytest.approx(
        hypervolume(points, limit, 10)
    )
