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
    smallest,
    wilson_interval,
)
from nas_asc.spaces.space_file import load_space, read_space


@pytest.mark.parametrize(
    ("hits", "trials", "interval"),
    # Wilson 1927. That of none or all has some width: z^2 / (n + z^2) with z = 1.96.
    [(10, 100, (0.0552, 0.1744)), (0, 50, (0, 0.0713)), (50, 50, (0.9287, 1))],
)
def test_the_interval_is_wilsons(hits, trials, interval):
    assert wilson_interval(hits, trials) == pytest.approx(interval, abs=5e-5)


def test_each_limit_is_counted_on_its_own():
    space, rule = load_space("mbconv"), counting_rule("plain")
    budget = Budget(64_000, 30_000, 10_000_000, 1_000_000)
    found = feasibility(space, rule, budget, classes=10, clip_s=1.0, draws=201, seed=3)
    rng = random.Random(3)
    costs = [count(space.random(rng), 10, 1.0, rule) for _ in range(201)]
    limits = {
        "size_bytes": ([c.size_bytes for c in costs], 64_000),
        "params": ([c.counted_params for c in costs], 30_000),
        "macs": ([c.macs for c in costs], 10_000_000),
        "peak_activation_bytes": ([c.peak_activation_bytes for c in costs], 1_000_000),
    }

    assert found.binds == {
        name: sum(value > limit for value in values) for name, (values, limit) in limits.items()
    }
    assert list(found.binds.values()) == sorted(found.binds.values(), reverse=True)
    assert found.share == sum(budget.exceeded(c) is None for c in costs) / 201
    for name, (values, _) in limits.items():
        values.sort()
        assert getattr(found, name) == (values[0], values[100], values[200])


@pytest.mark.parametrize(
    ("budget", "binds"),
    [(None, []), (Budget(size_bytes=10**9, precisions=("int8",)), ["precision"])],
)
def test_a_precision_that_is_not_admitted_is_named(mbconv, budget, binds):
    """Everything fits without a budget."""
    rule = counting_rule("dcase2022-1")
    found = feasibility(mbconv, rule, budget, classes=10, clip_s=1.0, draws=100)
    assert list(found.binds) == binds
    assert found.share == pytest.approx(1 - found.binds.get("precision", 0) / 100)
    # Peak memory and parameters are told where they are limited.
    assert (found.params, found.peak_activation_bytes) == (None, None)


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


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return read_space(path)


def test_the_smallest_size_is_that_of_all_architectures(tiny, measure):
    every = {tiny.random(random.Random(i)) for i in range(200)}
    assert len(every) == tiny.size() == 8
    for limit, measured in (("size_bytes", "size_bytes"), ("macs", "counted_macs")):
        least = min(getattr(measure(a), measured) for a in every)
        assert smallest(tiny, measure, limit, random.Random(0)) == least


@pytest.mark.parametrize("limit", ["size_bytes", "params", "macs", "peak_activation_bytes"])
def test_the_smallest_does_not_depend_on_where_the_descent_begins(mbconv, measure, limit):
    found = {smallest(mbconv, measure, limit, random.Random(seed)) for seed in range(3)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (Budget(size_bytes=131_072, macs=10), "limit on multiply-accumulates"),
        (Budget(peak_activation_bytes=100), "limit on peak activation memory"),
        (Budget(params=5), "limit on parameters"),
    ],
)
def test_a_budget_that_nothing_meets_names_what_binds(mbconv, measure, budget, told):
    with pytest.raises(NothingFits, match=told):
        check_that_something_fits(mbconv, budget, measure)


def test_the_smallest_that_is_named_can_be_had(mbconv, measure):
    least = smallest(mbconv, measure, "size_bytes", random.Random(0))
    check_that_something_fits(mbconv, Budget(size_bytes=least), measure)
    with pytest.raises(NothingFits, match=f"limit on size .*smallest .* is {least:,} bytes"):
        check_that_something_fits(mbconv, Budget(size_bytes=least - 1), measure)


def test_limits_that_cannot_be_met_together_are_refused(tiny, measure):
    budget = Budget(size_bytes=100_000, precisions=("float16",))
    with pytest.raises(NothingFits, match=r"precision float16, .* with float32, int8 - add one"):
        check_that_something_fits(tiny, budget, measure)
    least = smallest(tiny, measure, "size_bytes", random.Random(0))
    budget = Budget(size_bytes=least, precisions=("float32",))
    with pytest.raises(NothingFits, match="meet together in float32"):
        check_that_something_fits(tiny, budget, measure)


def test_what_one_family_alone_meets_fits(tmp_path, measure):
    """Maps of four channels need less memory than maps of eight."""
    (tmp_path / "narrow.toml").write_text(TINY, encoding="utf-8")
    (tmp_path / "wide.toml").write_text(TINY.replace("[4, 8]", "[8, 16]"), encoding="utf-8")
    (tmp_path / "both.toml").write_text('family = ["./narrow.toml", "./wide.toml"]')
    both = read_space(tmp_path / "both.toml")
    of_family = {
        name: smallest(space, measure, "peak_activation_bytes", random.Random(0))
        for name, space in both.families.items()
    }
    assert of_family["narrow"] < of_family["wide"]
    budget = Budget(peak_activation_bytes=of_family["wide"] - 1)
    check_that_something_fits(both, budget, measure)
    found = repaired(both, budget, measure, random.Random(0), tries=1)
    assert {architecture.family for architecture in found} == {"narrow"}


def test_random_draws_are_brought_under_a_budget_that_few_meet(mbconv, measure):
    budget = Budget(size_bytes=1024, macs=400_000)
    rng = random.Random(0)
    assert not any(budget.exceeded(measure(mbconv.random(rng))) is None for _ in range(500))
    found = repaired(mbconv, budget, measure, rng)
    assert found
    assert all(budget.exceeded(measure(architecture)) is None for architecture in found)
