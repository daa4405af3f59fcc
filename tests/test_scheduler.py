from dataclasses import replace
from functools import partial

import pytest
from study_cases import study

from nas_asc.budget import Budget
from nas_asc.complexity import count
from nas_asc.job import JobResult
from nas_asc.library import load_space
from nas_asc.report_models import seed_trials
from nas_asc.rules import RULES
from nas_asc.scheduler import Scheduler

BUDGET = Budget(size_bytes=131_072)
MEASURE = partial(count, n_classes=10, clip_s=1.0, rule=RULES["plain"])


@pytest.fixture(scope="module")
def space():
    return load_space("mbconv")


@pytest.fixture
def make(space):
    def make(**options):
        return Scheduler(study(**options), space, BUDGET, MEASURE)

    return make


def ended(trial, state="completed"):
    loss = 0.3 + trial.number % 5 / 10
    curve = [{"epoch": epoch, "log_loss": loss + 1 / epoch} for epoch in range(1, 7)]
    result = JobResult({"log_loss": loss, "accuracy": 0.5}, {}, curve, 1.0)
    return replace(trial, state=state, result=None if state == "failed" else result)


def ask_without_waiting(scheduler, trials):
    for _ in range(trials):
        assert scheduler.can_ask
        scheduler.add(scheduler.ask()[0])


def ask_and_end(scheduler, trials):
    for _ in range(trials):
        trial, _ = scheduler.ask()
        scheduler.add(trial)
        scheduler.update(ended(trial))


def test_the_first_trials_wait_for_nothing(make):
    scheduler = make(startup_trials=5, lag=2)
    ask_without_waiting(scheduler, 5)
    assert not scheduler.can_ask


def test_a_trial_is_asked_for_when_those_up_to_the_lag_have_ended(make):
    scheduler = make(startup_trials=5, lag=2)
    for _ in range(5):
        scheduler.add(scheduler.ask()[0])
    for number in (0, 1, 2):
        scheduler.update(ended(scheduler.trials[number]))
        assert not scheduler.can_ask
    scheduler.update(ended(scheduler.trials[3]))
    assert scheduler.can_ask


def test_no_trial_waits_for_those_before_the_first(make):
    """Trial 16 is the first that depends on one: on trial 0 = 16 - 16."""
    scheduler = make(startup_trials=2, lag=16)
    ask_without_waiting(scheduler, 16)
    assert not scheduler.can_ask
    scheduler.update(ended(scheduler.trials[0]))
    assert scheduler.can_ask


def test_random_trials_that_are_never_stopped_wait_for_nothing(make):
    scheduler = make(
        sampler="random",
        startup_trials=1,
        lag=1,
        early_stopping={"enabled": False, "rungs": [0.34], "keep": 0.5, "min_history": 4},
    )
    ask_without_waiting(scheduler, 4)


def test_what_is_asked_does_not_depend_on_results_that_came_early(make):
    late, early = make(startup_trials=4, lag=3), make(startup_trials=4, lag=3)
    for scheduler in (late, early):
        ask_and_end(scheduler, 8)
    for number in (6, 7):  # early knows the last two already, late does not
        late.update(replace(late.trials[number], state="running", result=None))
    assert late.can_ask
    (trial, rungs), (same, same_rungs) = late.ask(), early.ask()
    assert trial == same
    assert rungs == same_rungs


def test_a_saved_study_is_gone_on_with_in_the_same_way(make):
    whole = make(startup_trials=4)
    ask_and_end(whole, 15)
    resumed = make(startup_trials=4)
    for trial in whole.trials:
        resumed.place(trial)
    assert resumed.ask() == whole.ask()


def test_a_lost_trial_gets_the_rungs_that_it_had(make):
    scheduler = make(startup_trials=4)
    ask_and_end(scheduler, 14)
    trial, rungs = scheduler.ask()
    assert any(rung.peer_losses for rung in rungs)
    scheduler.add(trial)
    resumed = make(startup_trials=4)
    for number in range(14):
        resumed.place(scheduler.trials[number])
    assert resumed.place(trial) == rungs


def test_report_models_and_first_trials_are_compared_with_nobody(make, space):
    scheduler = make(startup_trials=3)
    seeds, _ = seed_trials(space, BUDGET, MEASURE, 0)
    for seed in seeds:
        rungs = scheduler.place(ended(seed))
        assert [rung.epoch for rung in rungs] == [2]
        assert not any(rung.peer_losses for rung in rungs)
    for _ in range(3):
        trial, rungs = scheduler.ask()
        scheduler.add(trial)
        scheduler.update(ended(trial))
        assert not any(rung.peer_losses for rung in rungs)
    for _ in range(4):
        trial, rungs = scheduler.ask()
        scheduler.add(trial)
        scheduler.update(ended(trial))
    # seven have ended that trial n may know of: four report models and three of the search
    assert len(rungs[0].peer_losses) == 6


def test_failed_trials_are_no_comparison(make):
    scheduler = make(startup_trials=4)
    for _ in range(12):
        trial, _ = scheduler.ask()
        scheduler.add(trial)
        scheduler.update(ended(trial, "failed"))
    _, rungs = scheduler.ask()
    assert not rungs[0].peer_losses


def test_report_models_come_from_few_multiply_accumulates_to_many(space):
    trials, over = seed_trials(space, BUDGET, MEASURE, 0)
    assert [trial.model for trial in trials] == [
        "deepsound-32",
        "deepsound-64",
        "deepsound-128",
        "deepsound-160",
    ]
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert {trial.state for trial in trials} == {"waiting"}
    assert not over


def test_report_models_over_the_budget_are_listed_with_what_binds(space):
    # printed sizes: 121.3, 121.4, 121.6 and 121.8 KB
    trials, over = seed_trials(space, Budget(size_bytes=int(121.5 * 1024)), MEASURE, 0)
    assert [trial.model for trial in trials] == ["deepsound-32", "deepsound-64"]
    assert [entry["model"] for entry in over] == ["deepsound-128", "deepsound-160"]
    assert {entry["binds"] for entry in over} == {"size_bytes"}
    assert over[1]["size_bytes"] == 62346 * 2
