import os
import random
import subprocess
import sys
from itertools import islice

import pytest
from optuna.samplers import TPESampler

from nas_asc.search.samplers import SAMPLERS
from nas_asc.search.samplers.optuna_samplers import _refined
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import trial_seed

LAG = 4


def suggested(sampler, space_name, trials, seed=0, wanted=1):
    """Keys of the suggestions for the last trial, after trials whose outcome is made up."""
    suggestions = SAMPLERS[sampler](load_space(space_name), seed)
    for number in range(trials):
        if number >= LAG:
            report(suggestions, number - LAG)
        found = list(islice(suggestions.propose(number), wanted))
        suggestions.accept(number, found[0])
    return [architecture.key for architecture in found]


def report(sampler, number):
    if number % 5 == 1:
        sampler.report(number, "stopped_early")
    elif number % 7 == 2:
        sampler.report(number, "failed")
    else:
        sampler.report(number, (1.0 / (1 + number % 11), 1000.0 + number * 37 % 1000))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_suggests_the_same_whatever_the_order_of_sets(name):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_samplers as t; "
        f"print(t.suggested({name!r}, 'mbconv', 16))"
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


@pytest.mark.parametrize("name", SAMPLERS)
def test_another_seed_suggests_something_else(name):
    assert suggested(name, "mbconv", 12, seed=0) != suggested(name, "mbconv", 12, seed=1)


@pytest.mark.parametrize("name", SAMPLERS)
def test_suggestions_do_not_repeat_one_another(name):
    assert len(set(suggested(name, "mbconv", 30, wanted=6))) == 6


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_family_of_spaces_is_searched_too(name):
    assert suggested(name, "asc", 8)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_replayed_study_is_gone_on_with_in_the_same_way(name):
    """Whether or not anything was proposed before what was accepted."""
    space = load_space("mbconv")
    first, replayed = (SAMPLERS[name](space, 3) for _ in range(2))
    for number in range(40):
        if number >= LAG:
            report(first, number - LAG)
            report(replayed, number - LAG)
        # as if two proposals had been turned away
        proposed = list(islice(first.propose(number), 3))
        if number == 39:
            assert list(islice(replayed.propose(number), 3)) == proposed
        first.accept(number, proposed[2])
        replayed.accept(number, proposed[2])


def test_tpe_forgets_what_was_turned_away_of_another_family():
    """Trials that are not told yet count as what they became, not as what was proposed first."""
    space, rng = load_space("asc"), random.Random(0)
    accepted = [space.random(rng) for _ in range(26)]
    after = []
    for proposals in (0, 3):
        sampler = SAMPLERS["tpe"](space, 0)
        for number, architecture in enumerate(accepted):
            if number >= 20:
                for _ in islice(sampler.propose(number), proposals):
                    pass
            sampler.accept(number, architecture)
            if number < 20:
                sampler.report(number, (1.0 / (1 + number % 11), 1000.0 + number))
        after.append(list(islice(sampler.propose(26), 8)))
    assert after[0] == after[1]


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_sampler_learns_what_is_good(name):
    sampler = SAMPLERS[name](load_space("mbconv"), 0)
    blocks = []
    for number in range(70):
        architecture = next(sampler.propose(number))
        sampler.accept(number, architecture)
        blocks.append(architecture.choices["stage1.block"])
        sampler.report(number, (0.1 if blocks[-1] == "mbconv" else 1.0, 1000.0))
    assert blocks[-30:].count("mbconv") > 18  # chance would give 7.5


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


def test_tpe_is_asked_for_all_choices_of_a_group_at_once(asked):
    """Choices that all trials have are one group, so there are fewer calls than choices."""
    space = load_space("mbconv")
    sampler = SAMPLERS["tpe"](space, 0)
    common = {p.path for p in space.parameters()}
    for number in range(8):
        architecture = next(sampler.propose(number))
        sampler.accept(number, architecture)
        common &= set(architecture.choices)
        sampler.report(number, (1.0 / (1 + number), 1000.0))
    asked.clear()
    next(sampler.propose(8))
    together = [call for call in asked if "stem.width" in call]
    assert len(together) == 1
    assert common <= set(together[0])
    names = [name for call in asked for name in call]
    assert len(names) == len(set(names))


def test_tpe_is_not_asked_for_choices_of_other_families(asked):
    sampler = SAMPLERS["tpe"](load_space("asc"), 0)
    told = set()
    for number in range(24):
        asked.clear()
        architecture = next(sampler.propose(number))
        family = architecture.choices["family"]
        if len(told) > 1:
            assert {name.split(".")[0] for call in asked for name in call} == {"family", family}
            if number > 12 and family in told:
                assert max(map(len, asked)) > 1
        sampler.accept(number, architecture)
        told.add(family)
        sampler.report(number, (1.0 / (1 + number), 1000.0))
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
