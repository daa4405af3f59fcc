"""Trials whose process dies or hangs, or that run out of memory."""

from types import SimpleNamespace

import pytest
from study_cases import OFF, search, trials_of
from test_search import untimed

from nas_asc.search import lost_trials
from nas_asc.search.storage.run_folder import saved_study
from nas_asc.search.storage.trials import Trial


def found(run, job, **options):
    given = {"trials": 12, "early_stopping": OFF, "workers": 2, **options}
    return search(run, job=job, kind="local", **given)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    found(run, "run_job")
    return untimed(run)


def test_what_is_killed_or_out_of_memory_is_run_again_and_changes_nothing(
    tmp_path, undisturbed, caplog
):
    run = tmp_path / "run"
    found(run, "lost_twice")
    assert untimed(run) == undisturbed
    assert [(run / f"attempts-{number}").stat().st_size for number in (3, 4)] == [3, 3]
    assert caplog.text.count("worker died (signal 9") == 2
    assert caplog.text.count("out of memory; it is run again") == 2


def test_a_full_gpu_has_fewer_side_by_side_and_the_trials_again_there(
    tmp_path, undisturbed, caplog
):
    """Three find room for two: the trials are the same, and the run ends with two at once."""
    run = tmp_path / "run"
    found(run, "crowded", device="cuda", workers=3)
    assert untimed(run) == undisturbed
    assert "out of memory on the GPU: CUDA out of memory. Tried to allocate 2.00 MiB" in caplog.text
    assert "the memory of the GPU is full: 2 side by side from now on, no longer 3" in caplog.text
    assert saved_study(run).device == "cuda"


@pytest.mark.slow
def test_what_hangs_is_ended_and_run_again(tmp_path, undisturbed, caplog, monkeypatch):
    monkeypatch.setattr(lost_trials, "_SILENT_S", 3.0)
    run = tmp_path / "run"
    found(run, "hanging_once")
    assert untimed(run) == undisturbed
    assert "trial 3: nothing was heard of it for" in caplog.text


@pytest.mark.slow
def test_what_is_lost_three_times_has_failed_and_a_resumption_tries_once_more(
    tmp_path, undisturbed
):
    run = tmp_path / "run"
    summary = found(run, "lost_three_times")
    assert summary.trials["failed"] == 1
    failed = trials_of(run)[3]
    assert (failed.state, failed.lost) == ("failed", True)
    assert failed.reason.startswith("worker died (signal 9")
    summary = found(run, "lost_three_times", resume=True)
    assert summary.trials["failed"] == 0
    again = trials_of(run)[3]
    assert (again.state, again.lost, again.reason) == ("completed", False, "")
    assert (run / "attempts-3").stat().st_size == 4


def test_the_last_time_a_trial_is_run_alone():
    """With others in training it waits, and while it runs no other starts."""
    trials, trial = lost_trials.LostTrials(None), Trial(5, None, None, 0, {})
    assert trials.next_trial({1}) == (True, None)
    assert trials.lost(trial)
    assert trials.next_trial({1}) == (False, trial)
    assert trials.lost(trial)
    assert trials.next_trial({1}) == (False, None)
    assert trials.next_trial(()) == (False, trial)
    assert trials.next_trial({5}) == (False, None)
    assert not trials.lost(trial)
    assert trials.next_trial({1}) == (True, None)


def test_a_trial_that_has_ended_is_like_any_other_when_it_goes_on():
    trials, trial = lost_trials.LostTrials(None), Trial(5, None, None, 0, {})
    for _ in range(2):
        assert trials.lost(trial)
        assert trials.next_trial(()) == (False, trial)
    trials.ended(5)
    assert trials.next_trial({5}) == (True, None)
    assert [trials.lost(trial) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("slowness", [0.1, 1.0, 3.0])
def test_a_trial_hangs_after_a_minute_and_ten_times_its_forecast(monkeypatch, slowness):
    """A quick machine does not compute features quickly; a driver that was stopped heard nobody."""
    now_s = [0.0]
    monkeypatch.setattr(lost_trials, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    task = SimpleNamespace(first_epoch_s=lambda trial: 2.0)
    trials, trial = lost_trials.LostTrials(task), Trial(5, None, None, 0, {})
    trials.heard(5)

    def is_silent(seconds):
        for _ in range(seconds):
            now_s[0] += 1.0
            found = trials.hanging([trial], slowness)
        return [failed.number for failed in found]

    limit_s = 60 + round(10 * 2.0 * max(1.0, slowness))
    assert is_silent(limit_s - 1) == []
    now_s[0] += 1000.0  # such as Ctrl-Z, and fg
    assert is_silent(2) == []
    assert is_silent(1) == [5]
