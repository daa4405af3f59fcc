import random
from functools import partial
from itertools import repeat

import pytest

from nas_asc.budget import Budget
from nas_asc.complexity import count
from nas_asc.library import load_space
from nas_asc.proposals import Gate, SpaceExhausted

BUDGET = Budget(size_bytes=32_768)


@pytest.fixture(scope="module")
def space():
    return load_space("mbconv")


@pytest.fixture(scope="module")
def measure():
    return partial(count, n_classes=10, clip_s=1.0)


@pytest.fixture(scope="module")
def drawn(space, measure):
    """Architectures within the budget, and some over it."""
    rng = random.Random(1)
    found = {True: [], False: []}
    while min(map(len, found.values())) < 5:
        architecture = space.random(rng)
        found[BUDGET.exceeded(measure(architecture)) is None].append(architecture)
    return found[True], found[False]


def endless(space, seed):
    rng = random.Random(seed)
    while True:
        yield space.random(rng)


def test_what_is_over_the_budget_is_turned_away_and_counted(space, measure, drawn):
    fitting, over = drawn
    gate = Gate(space, BUDGET, measure)
    proposal = gate.admit(iter([*over[:3], *fitting]), 50, iter([]), 0)
    assert proposal.architecture == fitting[0]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (3, 0)
    assert proposal.complexity.size_bytes <= BUDGET.size_bytes


def test_what_is_known_is_turned_away_and_counted(space, measure, drawn):
    fitting, over = drawn
    gate = Gate(space, BUDGET, measure)
    gate.remember(fitting[0])
    proposal = gate.admit(iter([fitting[0], over[0], fitting[0], fitting[1]]), 50, iter([]), 0)
    assert proposal.architecture == fitting[1]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (1, 2)


def test_chance_takes_over_from_a_sampler_that_only_suggests_what_is_over(space, measure, drawn):
    gate = Gate(space, BUDGET, measure)
    proposal = gate.admit(repeat(drawn[1][0]), 50, endless(space, 0), 0)
    assert proposal.rejected_over_budget >= 50
    assert BUDGET.exceeded(proposal.complexity) is None


def test_draws_are_repaired_where_next_to_nothing_fits(space, measure):
    budget = Budget(size_bytes=600, macs=300_000)
    gate = Gate(space, budget, measure)
    few = [space.random(random.Random(i)) for i in range(30)]
    proposal = gate.admit(iter(few), 10, iter(few), 0)
    assert budget.exceeded(proposal.complexity) is None


def test_a_space_in_which_all_is_known_is_exhausted(space, measure, drawn):
    fitting, _ = drawn
    gate = Gate(space, Budget(size_bytes=1), measure)
    with pytest.raises(SpaceExhausted):
        gate.admit(iter(fitting), 50, iter(fitting), 0)
