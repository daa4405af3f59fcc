"""What the queue of trials learns about durations, and what it decides by that."""

import math
import random
from types import SimpleNamespace

import pytest
from study_cases import study

from nas_asc.search.progress import Clock, TrialCounts
from nas_asc.search.storage.trials import Trial
from nas_asc.search.trial_queue import DurationModel, TrialQueue, WarmStartBudget
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import JobResult


def test_earlier_sessions_count_towards_the_limit():
    clock = Clock(100.0, earlier_s=60.0)
    measured = (clock.left_s, clock.elapsed_s, clock.session_s)
    assert measured == pytest.approx((40.0, 60.0, 0.0), abs=1.0)
    assert Clock(None).left_s == math.inf


def durations(*seen):
    """What is learnt of trainings: multiply-accumulates and seconds."""
    model = DurationModel()
    for macs, seconds in seen:
        model.learn(macs, seconds)
    return model


@pytest.mark.parametrize(
    ("seen", "macs", "seconds"),
    [
        ([], (10**9,), 0.0),
        ([(1_000_000, 10.0)], (3_000_000,), 30.0),
        ([(1_000_000, 5.0), (2_000_000, 6.0), (5_000_000, 9.0)], (10_000_000,), 14.0),
        ([(1_000_000, 5.0), (2_000_000, 6.0)], (1,), 4.0),
        # an ensemble's networks, one after the other
        ([(1_000_000, 5.0), (2_000_000, 6.0)], (3_000_000, 3_000_000, 5_000_000), 7.0 + 7.0 + 9.0),
    ],
)
def test_a_base_and_so_much_for_each_multiply_accumulate_is_predicted(seen, macs, seconds):
    assert durations(*seen).known == bool(seen)
    assert durations(*seen).predict(*macs) == pytest.approx(seconds)


def test_a_base_is_never_below_nothing_and_more_work_never_predicts_less_time():
    assert durations((1_000_000, 1.0), (2_000_000, 9.0)).predict(1) >= 0.0
    falling = durations((1_000_000, 9.0), (2_000_000, 1.0))
    assert falling.predict(3_000_000) >= falling.predict(1_000_000)


@pytest.mark.parametrize(
    ("limit_s", "workers", "known", "macs", "running", "decision"),
    [
        (None, 2, False, (10**12,), [((1,), 1e9)], "start"),
        # one at a time until something is known
        (100.0, 2, False, (1_000_000,), [], "start"),
        (100.0, 2, False, (1_000_000,), [((1_000_000,), 5.0)], "wait"),
        # half of all workers' seconds, what is running included
        (100.0, 1, True, (50_000_000,), [], "start"),
        (100.0, 1, True, (51_000_000,), [], "skip"),
        (100.0, 1, True, (30_000_000,), [((25_000_000,), 1.0)], "skip"),
        (100.0, 1, True, (20_000_000,), [((25_000_000,), 1.0)], "start"),
        # an ensemble takes what its networks take
        (100.0, 2, True, (50_000_000, 49_000_000), [], "start"),
        (100.0, 2, True, (50_000_000, 51_000_000), [], "skip"),
        (100.0, 2, True, (1,), [((60_000_000, 60_000_000), 1.0)], "skip"),
    ],
)
def test_report_models_take_half_of_the_time(limit_s, workers, known, macs, running, decision):
    model = durations((1_000_000, 1.0)) if known else DurationModel()
    assert WarmStartBudget(limit_s, workers).decide(model, macs, running) == decision


def test_report_models_in_training_are_cut_when_their_share_is_used_up():
    budget = WarmStartBudget(100.0, workers=1)
    budget.spent_s = 30.0
    assert not budget.used_up([((1,), 19.0)])
    assert budget.used_up([((1,), 15.0), ((1,), 5.0)])
    assert not WarmStartBudget(None, workers=1).used_up([((1,), 1e9)])


@pytest.fixture
def queue():
    """A queue with 40 s of one worker, 20 s for report models, that has seen 1 s for 1 million."""
    scheduler = SimpleNamespace(trials={}, can_ask=False, restore=lambda trial: ())
    queue = TrialQueue(study(time_s=40.0), scheduler, TrialCounts(None, "log_loss"), workers=1)
    queue.restore(trial(0, 1_000_000, seconds=1.0))
    return queue


def trial(number, *macs, seconds=None, model=None, state="waiting", spent_s=0.0):
    """A trial of one or several networks, completed if it took seconds."""
    costs = {"size_bytes": 1000, "macs": sum(macs)}
    if len(macs) > 1:
        costs["network_macs"] = list(macs)
    result = None
    if seconds is not None:
        state = "completed"
        result = JobResult({"log_loss": 0.5, "accuracy": 0.8}, costs, (), seconds)
    architecture = load_space("mbconv").random(random.Random(number))
    return Trial(
        number, architecture, model, number, costs, state=state, result=result, spent_s=spent_s
    )


def test_an_ensemble_says_nothing_of_how_long_one_network_takes(queue):
    """10 s for 10 million by the network, and 6 + 10 s are under 20 s; more by the ensemble."""
    queue.restore(trial(1, 1_000_000, 1_000_000, seconds=6.0, model="ensemble"))
    waiting = trial(2, 10_000_000, model="network")
    queue.restore(waiting)
    assert queue.next_trial({}, Clock(40.0)) == waiting


def test_what_an_earlier_session_spent_on_report_models_counts(queue):
    queue.restore(trial(1, 1, model="cut", state="skipped", spent_s=11.0))
    queue.restore(trial(2, 10_000_000, model="network"))
    chosen = queue.next_trial({}, Clock(40.0))
    assert (chosen.state, chosen.reason) == ("skipped", "report models may take half of the time")
