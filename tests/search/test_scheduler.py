from dataclasses import replace

from study_cases import DATASET, task

from nas_asc.search.scheduler import Scheduler
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.study.job import JobResult

TEN = replace(DATASET, classes=tuple("abcdefghij"))
OFF = {"enabled": False, "rungs": [0.34], "keep": 0.5, "min_history": 4}


def make(**options):
    return Scheduler(task(TEN, budget="128KB", **options))


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


def test_a_trial_is_asked_for_when_those_up_to_the_lag_have_ended():
    scheduler = make(startup_trials=5, lag=2)
    ask(scheduler, 5)
    for number in (0, 1, 2):
        scheduler.update(ended(scheduler.trials[number]))
        assert not scheduler.can_ask
    scheduler.update(ended(scheduler.trials[3]))
    assert scheduler.can_ask


def test_no_trial_waits_for_those_before_the_first():
    """Trial 16 is the first that depends on one: on trial 0 = 16 - 16."""
    scheduler = make(startup_trials=2, lag=16)
    ask(scheduler, 16)
    assert not scheduler.can_ask
    scheduler.update(ended(scheduler.trials[0]))
    assert scheduler.can_ask


def test_random_trials_that_are_never_stopped_wait_for_nothing():
    ask(make(sampler="random", startup_trials=1, lag=1, early_stopping=OFF), 4)


def test_what_is_asked_does_not_depend_on_results_that_came_early():
    late, early = make(startup_trials=4, lag=3), make(startup_trials=4, lag=3)
    for scheduler in (late, early):
        ask_and_end(scheduler, 8)
    for number in (6, 7):  # early knows the last two already, late does not
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
    for trial in warm_start_trials(task(TEN, budget="128KB"))[0]:
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


def test_report_models_come_from_few_multiply_accumulates_to_many():
    trials, over = warm_start_trials(task(TEN, budget="128KB"))
    models = [f"deepsound-{n_mels}" for n_mels in (32, 64, 128, 160)]
    assert [(trial.number, trial.model) for trial in trials] == list(enumerate(models))
    assert {trial.state for trial in trials} == {"waiting"}
    assert not over


def test_report_models_over_the_budget_are_listed_with_what_binds():
    # printed sizes: 121.3, 121.4, 121.6 and 121.8 KB
    trials, over = warm_start_trials(task(TEN, budget=f"{int(121.5 * 1024)}B"))
    assert [trial.model for trial in trials] == ["deepsound-32", "deepsound-64"]
    assert [entry["model"] for entry in over] == ["deepsound-128", "deepsound-160"]
    assert {entry["binds"] for entry in over} == {"size_bytes"}
    assert over[1]["size_bytes"] == 62346 * 2
