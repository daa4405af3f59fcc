import math
import random
from functools import partial
from itertools import islice

import pytest
from optuna.samplers import TPESampler
from study_cases import EACH, start

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.search.samplers import SAMPLERS, Scope
from nas_asc.spaces.space_file import load_space

MEASURE = partial(count, n_classes=10, clip_s=1.0)


def made(sampler, space_name, seed=0, **limits):
    """A sampler for ten classes of clips of a second."""
    budget = Budget(**{"size_bytes": 131_072, **limits})
    scope = Scope(
        load_space(space_name), seed, budget, MEASURE, lambda _: True, guessing_loss=math.log(10)
    )
    return SAMPLERS[sampler](scope)


def suggested(sampler, space_name, trials, seed=0, wanted=1, lag=4):
    """Keys of the suggestions for the last trial, after trials whose outcome is made up."""
    suggestions = made(sampler, space_name, seed)
    for number in range(trials):
        if number >= lag:
            report(suggestions, number - lag)
        last = number == trials - 1
        found = list(islice(suggestions.propose(number), wanted if last else 1))
        suggestions.accept(number, found[0])
    return [architecture.key for architecture in found]


def report(sampler, number):
    if number % 5 == 1:
        sampler.report(number, "stopped_early")
    elif number % 7 == 2:
        sampler.report(number, "failed")
    else:
        sampler.report(number, (1.0 / (1 + number % 11), 1000.0 + number * 37 % 1000))


@pytest.mark.parametrize(
    "names",
    [
        [name for name in SAMPLERS if name != "surrogate"],
        pytest.param(["surrogate"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_the_same_seed_suggests_the_same_whatever_the_order_of_sets(names, tmp_path, monkeypatch):
    outputs = set()
    for hash_seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        asked = f"[t.suggested(name, 'mbconv', 20) for name in {names!r}]"
        program = f"import test_samplers as t; print({asked})"
        with start(tmp_path, program) as process:
            outputs.add(process.stdout.read())
        assert process.returncode == 0
    assert len(outputs) == 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_suggestions_do_not_repeat_one_another_and_depend_on_the_seed(name):
    found = suggested(name, "mbconv", 20, wanted=6)
    assert len(set(found)) == 6
    assert suggested(name, "mbconv", 20, seed=1, wanted=6) != found


@pytest.mark.parametrize("name", EACH)
def test_a_replayed_study_is_gone_on_with_in_the_same_way(name):
    """Whether or not anything, of another family perhaps, was proposed before what was accepted."""
    space, rng = load_space("asc"), random.Random(0)
    accepted = [space.random(rng) for _ in range(40)]
    after = []
    for turned_away in (0, 3):
        sampler = made(name, "asc")
        for number, architecture in enumerate(accepted):
            for _ in islice(sampler.propose(number), turned_away):
                pass
            sampler.accept(number, architecture)
            if number < 34:  # the last six have not ended yet
                report(sampler, number)
        after.append(list(islice(sampler.propose(40), 8)))
    assert after[0] == after[1]


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        *(("tpe", 70), ("nsga2", 70), ("evolution", 70)),
        pytest.param("surrogate", 35, marks=pytest.mark.slow),
    ],
)
def test_a_sampler_learns_what_is_good(name, trials):
    sampler = made(name, "mbconv", 1)
    blocks = []
    for number in range(trials):
        architecture = next(sampler.propose(number))
        sampler.accept(number, architecture)
        blocks.append(architecture.choices["stage1.block"])
        sampler.report(number, (0.1 if blocks[-1] == "mbconv" else 1.0, 1000.0))
    last = blocks[4 * trials // 7 :]
    assert last.count("mbconv") > 0.6 * len(last)  # chance would give a quarter


def test_tpe_is_asked_for_choices_that_are_always_active_together_at_once(monkeypatch):
    """And for none of other families, nor for any twice."""
    calls = []
    ask = TPESampler.sample_relative

    def recorded(self, study, trial, search_space):
        calls.append(sorted(search_space))
        return ask(self, study, trial, search_space)

    monkeypatch.setattr(TPESampler, "sample_relative", recorded)
    sampler = made("tpe", "asc")
    common = {}  # choices that all trials of a family have, by family
    for number in range(24):
        calls.clear()
        architecture = next(sampler.propose(number))
        family = architecture.choices["family"]
        names = [name for call in calls for name in call]
        assert len(names) == len(set(names))
        if len(common) > 1:
            assert {name.split(".")[0] for name in names} == {"family", family}
            if family in common:
                assert any(common[family] <= set(call) for call in calls)
        sampler.accept(number, architecture)
        active = architecture.choices.keys() - {"family"}
        common[family] = common.get(family, active) & active
        sampler.report(number, (1.0 / (1 + number), 1000.0))
    assert len(common) > 1
