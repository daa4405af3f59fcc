import math

import pytest

from nas_asc.study_clock import Clock, Pace, SeedShare


def test_a_run_without_a_limit_has_time_for_ever():
    assert Clock(None).left_s == math.inf


def test_earlier_sessions_count_towards_the_limit():
    clock = Clock(100.0, earlier_s=60.0)
    assert clock.left_s == pytest.approx(40.0, abs=1.0)
    assert clock.elapsed_s == pytest.approx(60.0, abs=1.0)
    assert clock.session_s == pytest.approx(0.0, abs=1.0)


def test_nothing_is_predicted_before_anything_is_known():
    assert not Pace().known
    assert Pace().predict(10**9) == 0.0


def test_one_training_predicts_in_proportion():
    pace = Pace()
    pace.learn(1_000_000, 10.0)
    assert pace.predict(3_000_000) == pytest.approx(30.0)


def test_several_trainings_predict_a_base_and_a_slope():
    pace = Pace()
    for macs in (1_000_000, 2_000_000, 5_000_000):
        pace.learn(macs, 4.0 + macs / 1e6)
    assert pace.predict(10_000_000) == pytest.approx(14.0)
    assert pace.predict(1) == pytest.approx(4.0)


def test_networks_of_an_ensemble_are_trained_one_after_the_other():
    pace = Pace()
    for macs in (1_000_000, 2_000_000):
        pace.learn(macs, 4.0 + macs / 1e6)
    assert pace.predict(3_000_000, 3_000_000, 5_000_000) == pytest.approx(7.0 + 7.0 + 9.0)


def test_a_base_is_never_below_nothing_and_more_work_never_predicts_less_time():
    pace = Pace()
    pace.learn(1_000_000, 1.0)
    pace.learn(2_000_000, 9.0)
    assert pace.predict(1) >= 0.0
    falling = Pace()
    falling.learn(1_000_000, 9.0)
    falling.learn(2_000_000, 1.0)
    assert falling.predict(3_000_000) >= falling.predict(1_000_000)


def pace_of_one_second_per_million():
    pace = Pace()
    pace.learn(1_000_000, 1.0)
    return pace


def test_report_models_start_freely_without_a_limit():
    share = SeedShare(None, workers=2)
    assert share.decide(Pace(), (10**12,), [((1,), 1e9)]) == "start"
    assert not share.used_up([((1,), 1e9)])


def test_report_models_go_one_at_a_time_until_something_is_known():
    share = SeedShare(100.0, workers=2)
    assert share.decide(Pace(), (1_000_000,), []) == "start"
    assert share.decide(Pace(), (1_000_000,), [((1_000_000,), 5.0)]) == "wait"


def test_report_models_take_half_of_all_workers_seconds_at_most():
    pace = pace_of_one_second_per_million()
    share = SeedShare(100.0, workers=2)  # 100 worker-seconds
    assert share.decide(pace, (99_000_000,), []) == "start"
    assert share.decide(pace, (101_000_000,), []) == "skip"
    share.spent_s = 50.0
    assert share.decide(pace, (49_000_000,), []) == "start"
    assert share.decide(pace, (51_000_000,), []) == "skip"
    assert share.decide(pace, (30_000_000,), [((25_000_000,), 1.0)]) == "skip"
    assert share.decide(pace, (20_000_000,), [((25_000_000,), 1.0)]) == "start"


def test_an_ensemble_takes_what_its_networks_take():
    pace = pace_of_one_second_per_million()
    share = SeedShare(100.0, workers=2)
    assert share.decide(pace, (50_000_000, 49_000_000), []) == "start"
    assert share.decide(pace, (50_000_000, 51_000_000), []) == "skip"
    assert share.decide(pace, (1,), [((60_000_000, 60_000_000), 1.0)]) == "skip"


def test_report_models_in_training_are_cut_when_their_share_is_used_up():
    share = SeedShare(100.0, workers=1)
    share.spent_s = 30.0
    assert not share.used_up([((1,), 19.0)])
    assert share.used_up([((1,), 15.0), ((1,), 5.0)])
