import math
import random
from itertools import islice
from statistics import NormalDist, fmean

import numpy as np
import pytest
from test_samplers import MEASURE, made

from nas_asc.complexity.budget import Budget
from nas_asc.results.pareto import Point, guessing_error, hypervolume
from nas_asc.search.samplers.evolution import added_alone
from nas_asc.search.samplers.sampler import Scope, draw, first_front
from nas_asc.search.samplers.surrogate import expected_gains
from nas_asc.spaces.space_file import load_space

LIMIT = 131_072
NETWORK = {
    **{"model": None, "accuracy": 0.5, "params": 1, "nonzero_params": 1, "macs": 1},
    **{"counted_macs": 1, "peak_activation_bytes": 1, "precision": "int8", "sparsity": 0.0},
}
LEARNING = ("evolution", "surrogate")


def covered(outcomes):
    """The share of what 128 KB allow that (loss, size) of networks for ten classes dominate."""
    points = [
        Point(trial=i, log_loss=loss, size_bytes=int(size), choices={}, **NETWORK)
        for i, (loss, size) in enumerate(outcomes)
    ]
    return hypervolume(points, LIMIT, 10)


def test_the_first_front_is_what_none_beats_smallest_first():
    outcomes = [(0.5, 30.0), (0.9, 10.0), (0.5, 30.0), (0.7, 40.0), (0.9, 20.0), (0.4, 50.0)]
    assert first_front(outcomes) == [1, 0, 5]


def test_the_expected_gain_is_the_mean_of_the_gains_over_the_distribution_of_the_loss():
    front = [(1.5, 2048), (0.9, 8192), (1.1, 16_384), (0.4, 65_536)]
    candidates = [  # size, mean and spread of the log loss
        *((4096, math.log(0.7), 0.5), (500, math.log(2.0), 0.2), (8192, math.log(0.85), 0.05)),
        *((100_000, math.log(0.5), 0.3), (65_536, math.log(0.3), 0.1), (LIMIT, -3.0, 0.1)),
    ]
    whole = math.log2(LIMIT / 1024) * guessing_error(10, "log_loss")
    quantiles = [NormalDist().inv_cdf((i + 0.5) / 4000) for i in range(4000)]
    expected = [
        whole
        * fmean(
            covered([*front, (math.exp(mean + spread * z), size)]) - covered(front)
            for z in quantiles
        )
        for size, mean, spread in candidates
    ]
    sizes, means, spreads = map(np.array, zip(*candidates, strict=True))
    gains = expected_gains(
        *(np.log2([size for _, size in front]), np.array([loss for loss, _ in front])),
        *(np.log2(np.maximum(sizes, 1024)), means, spreads),
        *(math.log2(LIMIT), guessing_error(10, "log_loss")),
    )
    assert gains == pytest.approx(expected, rel=5e-3, abs=1e-12)
    assert gains[-1] == 0.0  # as large as the budget: it dominates nothing


def test_parents_are_weighed_by_what_they_add_alone():
    """By hand, in octaves times loss, under 16 KiB: 1 x 0.3, 2 x 0.5 and 1 x 0.2."""
    scope = Scope(load_space("mbconv"), 0, Budget(16_384), MEASURE, bool, guessing_loss=2.3)
    shares = added_alone([(2.0, 1024.0), (1.5, 2048.0), (1.3, 8192.0)], scope)
    assert shares == pytest.approx([0.3, 1.0, 0.2])
    assert added_alone([(2.4, 1024.0)], scope) == [0.0]  # worse than guessing


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize(("space_name", "size_bytes"), [("mbconv", 16_384), ("asc", 65_536)])
def test_what_is_suggested_fits_the_budget(name, space_name, size_bytes):
    budget = Budget(size_bytes=size_bytes, macs=3_000_000)
    sampler = made(name, space_name, size_bytes=size_bytes, macs=3_000_000)
    drawn = draw(load_space(space_name), 0)
    fitting = (each for each in drawn if budget.exceeded(MEASURE(each)) is None)
    for number, architecture in enumerate(islice(fitting, 12)):
        sampler.accept(number, architecture)
        sampler.report(number, (0.5 + number % 5, float(MEASURE(architecture).size_bytes)))
    for architecture in islice(sampler.propose(12), 20):
        assert budget.exceeded(MEASURE(architecture)) is None


@pytest.mark.parametrize("name", LEARNING)
def test_nothing_is_learnt_of_a_trial_that_was_stopped_or_failed(name):
    """They only are not suggested again."""
    space, rng = load_space("mbconv"), random.Random(0)
    accepted = [space.random(rng) for _ in range(14)]
    after = []
    for outcome in ("stopped_early", "failed", "diverged"):
        sampler = made(name, "mbconv")
        for number, architecture in enumerate(accepted):
            sampler.accept(number, architecture)
            size = float(MEASURE(architecture).size_bytes)
            sampler.report(number, outcome if number % 4 == 3 else (1.0 - number / 20, size))
        after.append(list(islice(sampler.propose(14), 5)))
    assert after[0] == after[1] == after[2]


def invented_loss(architecture):
    """A loss that falls with the work and depends on a few choices, with noise of 5 %."""
    choices = architecture.choices
    effect = 0.6 - 0.5 * math.log10(MEASURE(architecture).macs / 20_000)
    effect += {"int8": 0.1}.get(choices["compression.precision"], 0.0)
    for path, value in choices.items():
        key = path.split(".")[-1]
        effect += 0.08 * (value == "relu") + 0.1 * (key == "block" and value == "conv")
        effect += 0.4 * value**2 if key == "sparsity" else 0.0
        effect -= 0.05 * (key == "squeeze_excite" and value > 0)
    return math.exp(effect + random.Random(architecture.key).gauss(0, 0.05))


def found_after(name, seed, trials, lag=4):
    """The hypervolume that so many trials reach."""
    sampler = made(name, "mbconv", seed, macs=4_000_000)
    budget = Budget(size_bytes=LIMIT, macs=4_000_000)
    outcomes = []
    for number in range(trials):
        if number >= lag:
            sampler.report(number - lag, outcomes[number - lag])
        fitting = (a for a in sampler.propose(number) if budget.exceeded(MEASURE(a)) is None)
        architecture = next(fitting)
        sampler.accept(number, architecture)
        outcomes.append((invented_loss(architecture), float(MEASURE(architecture).size_bytes)))
    return covered(outcomes)


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("evolution", 60),
        pytest.param("surrogate", 60, marks=pytest.mark.slow),
    ],
)
def test_a_front_grows_faster_than_by_chance(name, trials):
    by_chance = fmean(found_after("random", seed, trials) for seed in range(3))
    assert fmean(found_after(name, seed, trials) for seed in range(3)) > by_chance
