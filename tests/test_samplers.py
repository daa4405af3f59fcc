import os
import random
import subprocess
import sys
from itertools import islice

import pytest
from optuna.samplers import TPESampler

from nas_asc.job import trial_seed
from nas_asc.library import load_space
from nas_asc.samplers import SAMPLERS, Suggestions, _refined

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
        proposed = list(islice(first.endless(number), 3))
        settled.append(proposed[2])
        first.settle(number, settled[-1])

    replayed = Suggestions(space, sampler, 3)
    for number in range(40):
        if number >= LAG:
            tell(replayed, number - LAG)
        replayed.begin(number)
        if number == 39:
            again = list(islice(replayed.endless(number), 3))
        replayed.settle(number, settled[number])
    assert again == proposed


def test_tpe_forgets_what_was_turned_away_of_another_family():
    """Trials that are not told yet count as what they became, not as what was proposed first."""
    space, rng = load_space("asc"), random.Random(0)
    settled = [space.random(rng) for _ in range(26)]
    after = []
    for proposals in (0, 3):
        suggestions = Suggestions(space, "tpe", 0)
        for number, architecture in enumerate(settled):
            suggestions.begin(number)
            if number >= 20:
                for _ in islice(suggestions.endless(number), proposals):
                    pass
            suggestions.settle(number, architecture)
            if number < 20:
                suggestions.tell(number, (1.0 / (1 + number % 11), 1000.0 + number))
        suggestions.begin(26)
        after.append(list(islice(suggestions.endless(26), 8)))
    assert after[0] == after[1]


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


def test_groups_are_split_until_their_choices_are_always_active_together():
    """b and d are active: b alone of the known ones, d is new, a and c are not active."""
    groups = _refined([["a", "b", "c"]], ["b", "d"])
    assert sorted(map(sorted, groups)) == [["a", "c"], ["b"], ["d"]]
    assert sorted(_refined(groups, ["a", "b", "c", "d"])) == sorted(groups)


@pytest.fixture
def asked(monkeypatch):
    """Record the choices that TPE is asked for, a list for each time."""
    calls = []
    ask = TPESampler.sample_relative

    def recorded(self, study, trial, search_space):
        calls.append(sorted(search_space))
        return ask(self, study, trial, search_space)

    monkeypatch.setattr(TPESampler, "sample_relative", recorded)
    return calls


def family_of(path):
    return path.split(".")[0]


def test_tpe_is_asked_for_all_choices_of_a_group_at_once(asked):
    """Choices that all trials have are one group, so there are fewer calls than choices."""
    space = load_space("mbconv")
    suggestions = Suggestions(space, "tpe", 0)
    common = {p.path for p in space.parameters()}
    for number in range(8):
        suggestions.begin(number)
        architecture = next(suggestions.endless(number))
        suggestions.settle(number, architecture)
        common &= set(architecture.choices)
        suggestions.tell(number, (1.0 / (1 + number), 1000.0))
    asked.clear()
    suggestions.begin(8)
    next(suggestions.endless(8))
    together = [call for call in asked if "stem.width" in call]
    assert len(together) == 1
    assert common <= set(together[0])
    names = [name for call in asked for name in call]
    assert len(names) == len(set(names))


def test_tpe_is_not_asked_for_choices_of_other_families(asked):
    suggestions = Suggestions(load_space("asc"), "tpe", 0)
    told = set()
    for number in range(24):
        suggestions.begin(number)
        asked.clear()
        architecture = next(suggestions.endless(number))
        if len(told) > 1:
            named = {family_of(name) for call in asked for name in call}
            assert named == {"family", architecture.choices["family"]}
            if number > 12 and architecture.choices["family"] in told:
                assert max(map(len, asked)) > 1
        suggestions.settle(number, architecture)
        told.add(architecture.choices["family"])
        suggestions.tell(number, (1.0 / (1 + number), 1000.0))
    assert len(told) > 1


def test_seeds_of_trials_differ_by_study_number_and_purpose():
    seeds = {
        trial_seed(study, number, purpose)
        for study in range(3)
        for number in range(50)
        for purpose in ("sampler", "training")
    }
    assert len(seeds) == 300
    assert all(0 <= seed < 2**32 for seed in seeds)
