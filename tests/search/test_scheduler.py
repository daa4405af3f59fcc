import random
from dataclasses import replace
from functools import partial
from itertools import repeat

import pytest
from study_cases import DATASET, OFF, task

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.search.samplers import draw
from nas_asc.search.scheduler import Gate, PlannedTimes, Scheduler, SpaceExhausted
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import JobResult

TASK = partial(task, replace(DATASET, classes=tuple("abcdefghij")), budget="128KB")


def make(**options):
    return Scheduler(TASK(**options))


def ended(trial, state="completed"):
    loss = 0.3 + trial.number % 5 / 10
    curve = [{"epoch": epoch, "log_loss": loss + 1 / epoch} for epoch in range(1, 7)]
    result = JobResult({"log_loss": loss, "accuracy": 0.5}, {}, curve, 1.0)
    return replace(trial, state=state, result=None if state == "failed" else result)


def ask(scheduler, trials):
    """Ask for trials, as many as wait for nothing."""
    for _ in range(trials):
        assert scheduler.can_ask
        scheduler.add(scheduler.ask()[0])


def ask_and_end(scheduler, trials, state="completed"):
    for _ in range(trials):
        trial, rungs = scheduler.ask()
        scheduler.add(trial)
        scheduler.update(ended(trial, state))
    return rungs


def needed(task, trials, lag):
    """The trials that end by plan before the next one starts, the lower number first if tied."""
    free, ends = [(0.0, -1)] * lag, []
    for trial in trials:
        worker = free.index(min(free))
        free[worker] = (free[worker][0] + task.trial_s(trial.complexity, 1), trial.number)
        ends.append(free[worker])
    return {number for number, end in enumerate(ends) if end <= min(free)}


@pytest.mark.parametrize(
    ("startup_trials", "lag", "asked", "count"),
    # of two workers one is free, the other has a trial; of 16 with one each the first is free
    [(5, 2, 5, 4), (2, 16, 16, 1)],
)
def test_a_trial_is_asked_for_when_those_have_ended_that_end_by_then_by_plan(
    startup_trials, lag, asked, count
):
    task = TASK(startup_trials=startup_trials, lag=lag)
    scheduler = Scheduler(task)
    ask(scheduler, asked)
    awaited = needed(task, scheduler.trials, lag)
    assert len(awaited) == count
    for number in sorted(set(range(asked)) - awaited) + sorted(awaited):
        assert not scheduler.can_ask
        scheduler.update(ended(scheduler.trials[number]))
    assert scheduler.can_ask


def test_planned_times_are_those_of_workers_that_are_never_idle():
    """One has trial 0 until 4; the other trial 1 until 1, trial 2 until 2, trial 3 until 6."""
    times, ended_before = PlannedTimes(2), []
    for number, seconds in enumerate([4.0, 1.0, 1.0, 4.0]):
        ended_before.append(times.ended())
        times.begin(number, seconds)
    assert ended_before == [[], [], [1], [1, 2]]
    assert times.ended() == [1, 2, 0]
    times.forget_ended()
    assert times.ended() == []
    times.begin(4, 9.0)
    assert times.ended() == [3]


def test_a_share_of_the_first_trials_are_mutations_of_report_models():
    """Those keep the order of blocks that the report chose, in no other trial of chance so."""
    scheduler = make(startup_trials=8, mutations=0.5)
    for model in warm_start_trials(TASK())[0]:
        scheduler.restore(ended(model))
    ask_and_end(scheduler, 8)
    blocks = [
        [trial.architecture.sections[f"stage{n}"].get("block") for n in (1, 2)]
        for trial in scheduler.trials[-8:]
    ]
    assert [each == ["fused_mbconv", "mbconv"] for each in blocks] == [True] * 4 + [False] * 4


def test_random_trials_that_are_never_stopped_wait_for_nothing():
    ask(make(sampler="random", startup_trials=1, lag=1, early_stopping=OFF), 4)


def test_what_is_asked_does_not_depend_on_results_that_came_early():
    task = TASK(startup_trials=4, lag=3)
    late, early = Scheduler(task), Scheduler(task)
    for scheduler in (late, early):
        ask_and_end(scheduler, 8)
    unknown = set(range(8)) - needed(task, late.trials, 3)
    assert len(unknown) == 2
    for number in unknown:  # early knows them already, late does not
        late.update(replace(late.trials[number], state="running", result=None))
    assert late.can_ask
    assert late.ask() == early.ask()


def test_a_saved_study_is_gone_on_with_in_the_same_way():
    """A trial that was lost gets the rungs that it had."""
    whole = make(startup_trials=4)
    ask_and_end(whole, 14)
    lost, rungs = whole.ask()
    assert any(rung.peer_losses for rung in rungs)
    whole.add(lost)
    resumed = make(startup_trials=4)
    for trial in whole.trials[:14]:
        resumed.restore(trial)
    assert resumed.restore(lost) == rungs
    for scheduler in (whole, resumed):
        scheduler.update(ended(lost))
    assert resumed.ask() == whole.ask()


def test_report_models_and_first_trials_are_compared_with_nobody():
    scheduler = make(startup_trials=3)
    for trial in warm_start_trials(TASK())[0]:
        rungs = scheduler.restore(ended(trial))
        assert [rung.epoch for rung in rungs] == [2]
        assert not any(rung.peer_losses for rung in rungs)
    for _ in range(3):
        assert not any(rung.peer_losses for rung in ask_and_end(scheduler, 1))
    # seven have ended that trial n may know of: four report models and three of the search
    assert len(ask_and_end(scheduler, 4)[0].peer_losses) == 6


def test_failed_trials_are_no_comparison():
    scheduler = make(startup_trials=4)
    ask_and_end(scheduler, 12, "failed")
    assert not scheduler.ask()[1][0].peer_losses


BUDGET = Budget(size_bytes=32_768)
SPACE = load_space("mbconv")
MEASURE = partial(count, n_classes=10, clip_s=1.0)


def gate(budget=BUDGET, trained_budget=None):
    return Gate(SPACE, budget, MEASURE, trained_budget or budget, lambda _: True)


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


def test_draws_are_repaired_where_next_to_nothing_fits_and_given_up_where_nothing_does():
    budget = Budget(size_bytes=600, macs=300_000)
    few = [SPACE.random(random.Random(i)) for i in range(30)]
    proposal = gate(budget).next_candidate(iter(few), 10, iter(few), 0)
    assert budget.exceeded(proposal.complexity) is None
    with pytest.raises(SpaceExhausted):
        gate(Budget(size_bytes=1)).next_candidate(iter(few), 50, iter(few), 0)
