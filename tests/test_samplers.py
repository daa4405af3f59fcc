import os
import subprocess
import sys
from itertools import islice

import pytest

from nas_asc.job import trial_seed
from nas_asc.library import load_space
from nas_asc.samplers import SAMPLERS, Suggestions

# Runs a search of 30 trials and prints what was suggested; told up to `lag` behind.
LAG = 4


def suggested(sampler, space_name, trials, seed=0, wanted=1):
    """Keys of the suggestions for the last trial, after trials whose outcome is made up."""
    space = load_space(space_name)
    suggestions = Suggestions(space, sampler, seed)
    for number in range(trials):
        if number >= LAG:
            tell(suggestions, number - LAG)
        suggestions.begin(number)
        found = list(islice(suggestions.endless(number), wanted))
        suggestions.settle(number, found[0])
    return [architecture.key for architecture in found]


def tell(suggestions, number):
    if number % 5 == 1:
        suggestions.tell(number, "stopped_early")
    elif number % 7 == 2:
        suggestions.tell(number, "failed")
    else:
        suggestions.tell(number, (1.0 / (1 + number % 11), 1000.0 + number * 37 % 1000))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_suggests_the_same_whatever_the_order_of_sets(sampler):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_samplers as t; "
        f"print(t.suggested({sampler!r}, 'mbconv', 16, wanted=1))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, os.path.dirname(__file__)],  # noqa: PTH120
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_another_seed_suggests_something_else(sampler):
    assert suggested(sampler, "mbconv", 12, seed=0) != suggested(sampler, "mbconv", 12, seed=1)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_suggestions_do_not_repeat_one_another(sampler):
    assert len(set(suggested(sampler, "mbconv", 30, wanted=6))) == 6


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_replayed_study_is_gone_on_with_in_the_same_way(sampler):
    space = load_space("mbconv")
    first = Suggestions(space, sampler, 3)
    settled = []
    for number in range(40):
        if number >= LAG:
            tell(first, number - LAG)
        first.begin(number)
        # as if two proposals had been turned away
        settled.append(list(islice(first.endless(number), 3))[2])
        first.settle(number, settled[-1])

    replayed = Suggestions(space, sampler, 3)
    for number in range(40):
        if number >= LAG:
            tell(replayed, number - LAG)
        replayed.begin(number)
        if number == 39:
            again = list(islice(replayed.endless(number), 3))[2]
        replayed.settle(number, settled[number])
    assert again == settled[39]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_sampler_learns_what_is_good(sampler):
    space = load_space("mbconv")
    suggestions = Suggestions(space, sampler, 0)
    blocks = []
    for number in range(70):
        suggestions.begin(number)
        architecture = next(suggestions.endless(number))
        suggestions.settle(number, architecture)
        block = architecture.choices["stage1.block"]
        blocks.append(block)
        suggestions.tell(number, (0.1 if block == "mbconv" else 1.0, 1000.0))
    assert blocks[-30:].count("mbconv") > 18  # chance would give 7.5


def test_a_family_of_spaces_is_searched_too():
    for sampler in SAMPLERS:
        assert suggested(sampler, "asc", 8)


def test_seeds_of_trials_differ_by_study_number_and_purpose():
    seeds = {
        trial_seed(study, number, purpose)
        for study in range(3)
        for number in range(50)
        for purpose in ("sampler", "training")
    }
    assert len(seeds) == 300
    assert all(0 <= seed < 2**32 for seed in seeds)
