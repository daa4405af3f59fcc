import random

import pytest

from nas_asc.budget import Budget
from nas_asc.complexity import count
from nas_asc.feasibility import feasibility, shown_measures, wilson_interval
from nas_asc.library import load_space
from nas_asc.rules import counting_rule


def test_the_interval_is_wilsons():
    """Ten of a hundred: 5.52 to 17.44 % (Wilson 1927)."""
    low, high = wilson_interval(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)


@pytest.mark.parametrize(("hits", "end"), [(0, 0), (50, 1)])
def test_the_interval_of_none_or_all_has_some_width(hits, end):
    low, high = wilson_interval(hits, 50)
    assert 0 <= low < high <= 1
    assert (low, high)[end] == pytest.approx(end)


def test_everything_fits_without_a_budget():
    found = feasibility(load_space("mbconv"), counting_rule("plain"), None,
                        classes=10, clip_s=1.0, draws=50)  # fmt: skip
    assert (found.share, found.binds) == (1.0, {})


def test_each_limit_is_counted_on_its_own():
    space, rule = load_space("mbconv"), counting_rule("plain")
    budget = Budget(size_bytes=64_000, macs=10_000_000)
    found = feasibility(space, rule, budget, classes=10, clip_s=1.0, draws=200, seed=3)
    rng = random.Random(3)
    costs = [count(space.random(rng), 10, 1.0, rule) for _ in range(200)]

    assert found.binds == {
        "size_bytes": sum(c.size_bytes > 64_000 for c in costs),
        "macs": sum(c.macs > 10_000_000 for c in costs),
    }
    assert found.share == sum(budget.exceeded(c) is None for c in costs) / 200
    assert list(found.binds.values()) == sorted(found.binds.values(), reverse=True)


def test_a_precision_that_the_rule_does_not_admit_is_named():
    rule = counting_rule("dcase2022-1")
    budget = Budget(size_bytes=10**9, precisions=rule.precisions)
    found = feasibility(load_space("mbconv"), rule, budget, classes=10, clip_s=1.0, draws=100)
    assert list(found.binds) == ["precision"]
    assert found.share == pytest.approx(1 - found.binds["precision"] / 100)


def test_peak_memory_and_parameters_are_told_where_they_are_limited():
    space, rule = load_space("mbconv"), counting_rule("plain")
    budget = Budget(params=30_000, peak_activation_bytes=1_000_000)
    found = feasibility(space, rule, budget, classes=10, clip_s=1.0, draws=101, seed=3)
    rng = random.Random(3)
    costs = [count(space.random(rng), 10, 1.0, rule) for _ in range(101)]
    params = sorted(c.counted_params for c in costs)
    peaks = sorted(c.peak_activation_bytes for c in costs)

    assert found.params == (params[0], params[50], params[100])
    assert found.peak_activation_bytes == (peaks[0], peaks[50], peaks[100])
    assert shown_measures(Budget(macs=1)) == ["size_bytes", "macs"]
    assert shown_measures(None) == ["size_bytes", "macs"]
