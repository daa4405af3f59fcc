import random
from functools import partial
from itertools import repeat

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.search.samplers import draw
from nas_asc.search.scheduler import Gate, SpaceExhausted
from nas_asc.spaces.space_file import load_space

BUDGET = Budget(size_bytes=32_768)
SPACE = load_space("mbconv")
MEASURE = partial(count, n_classes=10, clip_s=1.0)


def gate(budget=BUDGET, trained_budget=None):
    return Gate(SPACE, budget, MEASURE, trained_budget or budget)


@pytest.fixture(scope="module")
def drawn():
    """Architectures within the budget, and some over it."""
    found = {True: [], False: []}
    for architecture in draw(SPACE, 1):
        found[BUDGET.exceeded(MEASURE(architecture)) is None].append(architecture)
        if min(map(len, found.values())) == 5:
            return found[True], found[False]


def test_what_is_over_the_budget_or_known_is_turned_away_and_counted(drawn):
    fitting, over = drawn
    chooser = gate()
    chooser.remember(fitting[0])
    suggestions = iter([fitting[0], *over[:3], fitting[0], fitting[1]])
    proposal = chooser.next_candidate(suggestions, 50, iter([]), 0)
    assert proposal.architecture == fitting[1]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (3, 2)
    assert proposal.complexity.size_bytes <= BUDGET.size_bytes


def test_what_cannot_be_afforded_is_passed_over_in_silence(drawn):
    fitting = sorted(drawn[0], key=lambda a: -MEASURE(a).macs)
    ceiling = Budget(size_bytes=32_768, macs=MEASURE(fitting[-1]).macs)
    proposal = gate(trained_budget=ceiling).next_candidate(iter(fitting), 50, iter([]), 0)
    assert proposal.architecture == fitting[-1]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (0, 0)


def test_chance_takes_over_from_a_sampler_that_only_suggests_what_is_over(drawn):
    proposal = gate().next_candidate(repeat(drawn[1][0]), 50, draw(SPACE, 0), 0)
    assert proposal.rejected_over_budget >= 50
    assert BUDGET.exceeded(proposal.complexity) is None


def test_draws_are_repaired_where_next_to_nothing_fits():
    budget = Budget(size_bytes=600, macs=300_000)
    few = [SPACE.random(random.Random(i)) for i in range(30)]
    proposal = gate(budget).next_candidate(iter(few), 10, iter(few), 0)
    assert budget.exceeded(proposal.complexity) is None


def test_a_space_in_which_all_is_known_is_exhausted(drawn):
    with pytest.raises(SpaceExhausted):
        gate(Budget(size_bytes=1)).next_candidate(iter(drawn[0]), 50, iter(drawn[0]), 0)
