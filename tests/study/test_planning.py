"""A plan: numbers that follow from the data, the time and the reference alone."""

import pytest

from nas_asc.study.config import load_study, read_study, study_toml, with_options
from nas_asc.study.planning import DataFacts, TrainingWork, plan

DIGITS = DataFacts(2000, 500, clip_s=0.7, sound_s=2100.0, imbalance=1.0)
# From 0.1 to 36 M, a normalised value for 50 multiply-accumulates, in nine layers.
MACS = tuple(int(1e5 * 1.03**step) for step in range(200))


def drawn(macs):
    return [TrainingWork.of(each, each + 2 * each / 50, 9) for each in macs]


def planned(facts=DIGITS, macs=MACS, given=("time_s",), **options):
    values = {"space": "mbconv", "budget": "16KB", "data": {"paths": ["/clips"]}, **options}
    return plan(with_options(load_study("planned"), values), facts, drawn(macs), given)


def test_a_training_takes_its_arithmetic_and_so_much_for_each_step_and_layer():
    """62 x 16 steps of 4 ms and 20 layers of 0.43 ms; 3 passes of 1 M at 40 G a second for a clip.

    Of 20,000 values that are normalised each takes 8 ns. Of two networks each has its steps.
    """
    recipe = load_study("planned").recipe.model_copy(update={"batch_size": 32})
    how = (1990, 16, recipe)
    expected = 62 * 16 * (0.004 + 20 * 0.43e-3 + 32 * (3 * 1e6 / 40e9 + 20_000 * 8e-9))
    work = TrainingWork.of(1e6, 1e6 + 40_000, layers=20)
    assert work.training_s(*how) == pytest.approx(expected)
    assert work.training_s(*how, speed=2.0) == pytest.approx(expected / 2)
    two = TrainingWork.of(1e6, 1e6 + 40_000, layers=20, networks=2)
    assert two.training_s(*how) == pytest.approx(expected + 62 * 16 * 0.004)


@pytest.mark.parametrize("clips", [60, 240, 900, 2000, 20_000, 200_000])
@pytest.mark.parametrize("time_s", [60.0, 240.0, 720.0, 3600.0, 36_000.0])
def test_about_one_to_three_thousand_steps_are_done(clips, time_s):
    study = planned(DataFacts(clips, 100, 1.0, 1000.0, 1.0), time_s=time_s)
    size = study.recipe.batch_size
    steps = study.epochs * round(min(clips, study.recipe.epoch_clips or clips) / size)
    assert 900 <= steps <= 3200  # whole epochs
    assert 16 <= size <= 128


def test_large_data_are_gone_through_in_parts_so_that_trainings_are_compared_early():
    """At most 3,000 steps of 128 clips are seen: 3.84 passes of 100,000."""
    large = planned(DataFacts(100_000, 100, 1.0, 1000.0, 1.0), time_s=36_000.0)
    seen = large.epochs * large.recipe.epoch_clips
    assert 26 <= large.epochs <= 28
    assert seen == pytest.approx(384_000, rel=0.05)
    assert large.early_stopping.epochs(large.epochs) == (3, 9)
    few = DataFacts(5000, 100, 1.0, 1000.0, 1.0)
    assert planned(few, time_s=36_000.0).recipe.epoch_clips is None


def test_what_is_planned_fits_the_time_of_two_cores():
    """A candidate that takes longest, times as many as are to be trained, takes about the time."""
    study = planned(time_s=240.0)
    candidate_s = study.longest_s + 3.1  # 1 s, and 1 ms for a second of sound
    assert 0.75 * 2 * 240 / candidate_s == pytest.approx(8 * 4**0.6, rel=0.05)


@pytest.mark.parametrize("time_s", [3600.0, 86_400.0])
def test_candidates_of_large_data_train_as_long_as_their_features_take(time_s):
    """Those of 23,040 clips of 10 s take 231 s: an hour is for eleven of them, trained as long."""
    large = DataFacts(14_000, 3000, clip_s=10.0, sound_s=230_400.0, imbalance=1.0)
    study = planned(large, time_s=time_s)
    assert study.longest_s >= 231
    if time_s == 3600.0:
        begun = (study.longest_s + 231.4) * 11
        assert begun == pytest.approx(0.75 * 2 * 3600, rel=0.05)
        assert study.startup_trials == 8


def test_more_time_trains_longer_and_larger_networks():
    short, long = planned(time_s=240.0), planned(time_s=7200.0)
    assert long.epochs > short.epochs
    assert long.longest_s > short.longest_s
    assert planned(time_s=240.0, speed=3.0).longest_s == pytest.approx(short.longest_s, rel=0.1)


def test_nothing_but_the_data_the_time_and_the_speed_decides():
    assert planned(time_s=240.0) == planned(time_s=240.0)


def test_what_was_asked_for_stays_and_every_number_has_a_reason():
    study = planned(given=("trials", "epochs"), trials=7, epochs=3, time_s=None)
    assert (study.trials, study.epochs, study.time_s) == (7, 3, None)
    numbers = {"trials", "epochs", "longest_s", "startup_trials", "batch_size"}
    assert set(study.plan) == numbers


@pytest.mark.parametrize(("paths", "time_s"), [([], 170.0), (["/clips"], 3600.0)])
def test_without_a_time_an_hour_is_planned_and_three_minutes_for_the_scenes(paths, time_s):
    assert planned(given=(), data={"paths": paths}).time_s == time_s


def test_many_validation_clips_are_thinned_and_uneven_classes_weighed():
    study = planned(DataFacts(20_000, 6000, 1.0, 1000.0, 4.5))
    assert study.validation_clips == 5000
    assert study.recipe.loss["class_weights"] == "balanced"
    even = planned(DataFacts(20_000, 5000, 1.0, 1000.0, 3.9))
    assert even.validation_clips is None
    assert "class_weights" not in even.recipe.loss


def test_some_of_what_fits_does_not_take_too_long():
    """The third of a hundred, 10 M larger each, where all would."""
    heavy = [1_000_000_000 + 10_000_000 * each for each in range(100)]
    study = planned(macs=heavy, time_s=60.0)
    third = drawn(heavy)[2].training_s(2000, study.epochs, study.recipe)
    assert study.longest_s == pytest.approx(third, abs=0.1)


def test_where_too_little_fits_to_say_what_takes_long_all_of_it_may_be_trained():
    study = planned(macs=[])
    assert study.longest_s is None
    assert "longest_s" not in study.plan


def test_a_plan_is_a_study_that_can_be_saved_and_read(tmp_path):
    study = planned(DataFacts(20_000, 6000, 1.0, 1000.0, 1.0), time_s=240.0)
    (tmp_path / "study.toml").write_text(study_toml(study), encoding="utf-8")
    assert read_study(tmp_path / "study.toml") == study
