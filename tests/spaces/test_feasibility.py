import random
from functools import partial

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import counting_rule
from nas_asc.errors import NothingFits
from nas_asc.spaces.feasibility import (
    check_that_something_fits,
    feasibility,
    repaired,
    shown_measures,
    smallest,
    wilson_interval,
)
from nas_asc.spaces.space_file import load_space, read_space


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


TINY = """
[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 512
hop = 256
n_mels = [16, 32]
f_min_hz = 0
f_max_hz = 8000
normalisation = "none"
[stem]
block = "conv"
width = [4, 8]
kernel = "3x3"
stride = "1x1"
activation = "relu"
bias = true
[stage1]
depth = 1
block = "conv"
width = 4
kernel = "3x3"
stride = "1x1"
activation = "relu"
[head]
conv = 0
pooling = "avg"
[compression]
precision = ["float32", "int8"]
pruning = "none"
"""


@pytest.fixture(scope="module")
def mbconv():
    return load_space("mbconv")


@pytest.fixture(scope="module")
def measure():
    return partial(count, n_classes=10, clip_s=1.0)


def tiny_space(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return read_space(path)


def test_the_smallest_size_is_that_of_all_architectures(tmp_path, measure):
    space = tiny_space(tmp_path)
    every = {space.random(random.Random(i)) for i in range(200)}
    assert len(every) == space.size() == 8
    for limit, measured in (("size_bytes", "size_bytes"), ("macs", "counted_macs")):
        least = min(getattr(measure(a), measured) for a in every)
        assert smallest(space, measure, limit, random.Random(0)) == least


@pytest.mark.parametrize("limit", ["size_bytes", "params", "macs", "peak_activation_bytes"])
def test_the_smallest_does_not_depend_on_where_the_descent_begins(mbconv, measure, limit):
    found = {smallest(mbconv, measure, limit, random.Random(seed)) for seed in range(3)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("budget", "word"),
    [
        (Budget(size_bytes=100), r"limit on size .* got 100 bytes; the smallest .* is \d+ bytes"),
        (Budget(size_bytes=131_072, macs=10), "limit on multiply-accumulates"),
        (Budget(peak_activation_bytes=100), "limit on peak activation memory"),
        (Budget(params=5), "limit on parameters"),
    ],
)
def test_a_budget_that_nothing_meets_names_what_binds(mbconv, measure, budget, word):
    with pytest.raises(NothingFits, match=word):
        check_that_something_fits(mbconv, budget, measure)


def test_the_smallest_that_is_named_can_be_had(mbconv, measure):
    least = smallest(mbconv, measure, "size_bytes", random.Random(0))
    check_that_something_fits(mbconv, Budget(size_bytes=least), measure)
    with pytest.raises(NothingFits, match=f"{least:,} bytes"):
        check_that_something_fits(mbconv, Budget(size_bytes=least - 1), measure)


def test_limits_that_cannot_be_met_together_are_refused(tmp_path, measure):
    space = tiny_space(tmp_path)
    with pytest.raises(NothingFits, match="meet together in float16"):
        check_that_something_fits(
            space, Budget(size_bytes=100_000, precisions=("float16",)), measure
        )


def test_random_draws_are_brought_under_a_budget_that_few_meet(mbconv, measure):
    budget = Budget(size_bytes=1024, macs=400_000)
    rng = random.Random(0)
    assert not any(budget.exceeded(measure(mbconv.random(rng))) is None for _ in range(500))
    found = repaired(mbconv, budget, measure, rng)
    assert found
    assert all(budget.exceeded(measure(architecture)) is None for architecture in found)
