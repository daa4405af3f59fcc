import math

import pytest

from nas_asc.search.timing import Clock, DurationModel, WarmStartBudget


def test_a_run_without_a_limit_has_time_for_ever():
    assert Clock(None).left_s == math.inf


def test_earlier_sessions_count_towards_the_limit():
    clock = Clock(100.0, earlier_s=60.0)
    assert clock.left_s == pytest.approx(40.0, abs=1.0)
    assert clock.elapsed_s == pytest.approx(60.0, abs=1.0)
    assert clock.session_s == pytest.approx(0.0, abs=1.0)


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


ONE_SECOND_PER_MILLION = durations((1_000_000, 1.0))


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
    model = ONE_SECOND_PER_MILLION if known else DurationModel()
    assert WarmStartBudget(limit_s, workers).decide(model, macs, running) == decision


def test_report_models_in_training_are_cut_when_their_share_is_used_up():
    budget = WarmStartBudget(100.0, workers=1)
    budget.spent_s = 30.0
    assert not budget.used_up([((1,), 19.0)])
    assert budget.used_up([((1,), 15.0), ((1,), 5.0)])
    assert not WarmStartBudget(None, workers=1).used_up([((1,), 1e9)])
