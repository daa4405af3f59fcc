import math
import signal
import time
from dataclasses import replace

import pytest
from study_cases import DATASET, search, search_own_space, start, trials_of
from test_feasibility import TINY

from nas_asc.errors import ConfigError, NothingFits, RunError
from nas_asc.search.runners import RUNNERS
from nas_asc.search.samplers import SAMPLERS
from nas_asc.search.storage.run_folder import ended_trials, resumed_config
from nas_asc.search.storage.run_summary import load_front
from nas_asc.search.task import read_task
from nas_asc.study.config import load_study, with_options

LONGEST_S = 100.0


OTHERS = [name for name in SAMPLERS if name not in ("tpe", "evolution")]
MODELS = [f"deepsound-{n_mels}" for n_mels in (32, 64, 128, 160)]


def untimed(run):
    """The trials of a run without how long they took."""
    found = [replace(trial, elapsed_s=0.0, spent_s=0.0) for trial in trials_of(run)]
    return [
        t if t.result is None else replace(t, result=replace(t.result, seconds=0)) for t in found
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted search of one worker."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, search(run)


def test_a_search_ends_after_its_trials(whole):
    run, summary = whole
    counts = summary.trials
    assert counts["completed"] + counts["stopped_early"] + counts["failed"] == 30
    assert counts["stopped_early"] > 0
    assert len(summary.points) == counts["completed"]
    read = load_front(run)
    assert 0 < summary.utilisation <= 1
    assert replace(read, seconds=0.0) == replace(summary, seconds=0.0, utilisation=None)
    assert len(summary.resting) == counts["stopped_early"]
    assert read.seconds == pytest.approx(summary.seconds, abs=1.0)


def test_nothing_over_the_budget_and_nothing_twice_is_trained(whole):
    run, summary = whole
    trials = trials_of(run)
    assert max(trial.size_bytes for trial in trials) <= 32 * 1024
    assert summary.trials["rejected_over_budget"] > 0
    assert len({trial.architecture.key for trial in trials}) == len(trials)
    assert [entry["model"] for entry in summary.seeds_over_budget] == MODELS
    assert not summary.reference


def test_report_models_that_fit_are_trained_to_the_end_or_left_out(tmp_path):
    """They rest at rungs like others, and are finished when the search has ended."""
    summary = search(tmp_path / "run", budget="128KB", trials=20)
    trials = trials_of(tmp_path / "run")
    assert [trial.model for trial in trials[:6]] == [*MODELS, None, None]
    assert [trial.jobs[0].number for trial in trials[:6]] == [2, 3, 4, 5, 0, 1]
    assert {point.model for point in summary.reference} == set(MODELS)
    later = {trial.model for trial in trials if trial.after_end}
    assert 0 < len(later) < 4
    assert {point.model for point in summary.reference if point.after_end} == later
    assert {trial.model for trial in trials if trial.model and len(trial.jobs) == 1} == later
    assert sum(bool(trial.jobs) for trial in trials) == 20

    summary = search(tmp_path / "without", budget="128KB", trials=3, warm_start=False)
    assert not summary.reference
    assert not summary.seeds_over_budget


@pytest.mark.parametrize(
    "sampler", ["tpe", "evolution", *(pytest.param(s, marks=pytest.mark.slow) for s in OTHERS)]
)
def test_two_workers_find_what_one_finds(tmp_path, sampler):
    options = {"sampler": sampler, "budget": "128KB", "trials": 26}
    one = search(tmp_path / "one", **options)
    two = search(tmp_path / "two", job="unsteady", kind="local", workers=2, **options)
    assert untimed(tmp_path / "one") == untimed(tmp_path / "two")
    assert one.front == two.front


@pytest.mark.parametrize(("lag", "warnings"), [(1, 1), (2, 0)])
def test_workers_that_the_lag_keeps_idle_are_told(tmp_path, caplog, lag, warnings):
    search(tmp_path / "run", kind="local", workers=2, trials=1, lag=lag)
    assert caplog.text.count("2 workers: about 1 are busy") == warnings


def test_more_trials_go_on_where_fewer_ended(tmp_path):
    """What was trained to the end stays as it is, be it more than in one go."""
    run = tmp_path / "run"
    search(run, trials=17)
    ended = [trial for trial in untimed(run) if trial.state == "completed"]
    resumed = search(run, trials=30, resume=True)
    assert len(trials_of(run)) == 30
    assert [untimed(run)[trial.number] for trial in ended] == ended
    assert resumed.trials["completed"] > len(ended)


def test_a_finished_run_that_is_resumed_trains_nothing(whole):
    run, summary = whole
    assert search(run, job="nowhere", resume=True).points == summary.points


DRIVER = """
import sys
from pathlib import Path
from study_cases import search
if __name__ == "__main__":
    search(Path(sys.argv[1]), job="slow", kind="local", workers=2)
"""


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "ctrl-c"])
def test_a_run_cut_off_at_any_moment_loses_only_what_was_in_training(tmp_path, whole, ends):
    run = tmp_path / "run"
    begun, until = run / "begun", time.monotonic() + LONGEST_S
    with start(tmp_path, DRIVER, run) as driver:
        while not begun.is_file() or len(begun.read_text(encoding="utf-8").split()) < 8:
            assert driver.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        driver.send_signal(ends)
        assert driver.wait(LONGEST_S) == -ends
    before = trials_of(run)
    jobs = [job for trial in before for job in trial.jobs]
    assert sum(job.ended for job in jobs) >= max(5, len(jobs) - 2)
    ended = [trial for trial in before if trial.state == "completed"]
    summary = search(run, resume=True)
    assert untimed(run) == untimed(whole[0])
    assert summary.front == whole[1].front
    after = trials_of(run)
    assert [after[trial.number] for trial in ended] == ended  # and none was trained again


def test_faults_of_trials_are_recorded_and_the_search_goes_on(tmp_path):
    summary = search(tmp_path / "run", job="faulty", kind="local", workers=2, trials=10)
    reasons = {t.number: t.reason for t in trials_of(tmp_path / "run") if t.state == "failed"}
    assert list(reasons) == [1, 3, 5, 7, 9]
    assert reasons[1] == "ValueError: three lines of text"
    assert reasons[3] == "expected a finite loss, found nan in epoch 1 of 3"
    assert reasons[5] == "expected a finite log_loss, got nan"
    assert reasons[7].startswith("worker died (signal 9")
    assert summary.trials["failed"] == 5
    assert all(math.isfinite(point.log_loss) for point in summary.points)


def test_a_search_in_which_all_fails_ends_too(tmp_path):
    summary = search(tmp_path / "run", job="nowhere", trials=20)
    assert summary.trials["failed"] == 20
    assert summary.front == ()


def test_progress_is_told(tmp_path):
    told = []
    search(tmp_path / "run", trials=12, progress=told.append)
    last = told[-1]
    assert last.finished == last.total == 12
    assert last.running == 0
    assert last.best is not None
    assert [p.finished for p in told] == sorted(p.finished for p in told)
    again = []
    search(tmp_path / "run", trials=14, resume=True, progress=again.append)
    assert again[0].resumed == 12


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"budget": "50B"}, NothingFits, "budget: .* the smallest it reaches"),
        (
            {"macs_ceiling": 10},
            NothingFits,
            "macs_ceiling or longest_s of the study: .* the smallest",
        ),
        ({"space": None}, ConfigError, "space: expected a search space"),
        ({"resume": True}, RunError, "expected the folder of a run"),
    ],
)
def test_what_cannot_begin_is_refused_before_a_folder_is_made(tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        search(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_saved_study_takes_new_options_that_do_not_contradict_it(whole):
    assert resumed_config(whole[0], {"trials": 99}).trials == 99
    for options, words in (({"trials": 10}, "at least 30 .* got 10"), ({"seed": 1}, "seed = 0")):
        with pytest.raises(RunError, match=words):
            resumed_config(whole[0], options)
    with pytest.raises(RunError, match="space = 'mbconv', got 'vgg'"):
        search(whole[0], space="vgg", resume=True)
    with pytest.raises(RunError, match="add --resume"):
        search(whole[0])


def test_a_space_with_fewer_architectures_than_trials_ends_cleanly(tmp_path, caplog):
    summary = search_own_space(tmp_path, TINY)
    assert summary.trials["completed"] + summary.trials["stopped_early"] == 8
    assert "no more architectures" in caplog.text


def test_a_space_without_choices_is_one_trial(tmp_path):
    text = TINY.replace("[16, 32]", "16").replace("[4, 8]", "4")
    summary = search_own_space(tmp_path, text.replace('["float32", "int8"]', '"int8"'))
    assert [(point.trial, dict(point.choices)) for point in summary.points] == [(0, {})]


def test_accuracy_can_be_the_objective(tmp_path):
    summary = search(tmp_path / "run", objective="accuracy", trials=12)
    assert summary.objective == "accuracy"
    accuracies = [point.accuracy for point in summary.front]
    assert accuracies == sorted(accuracies)


def test_a_search_ends_when_its_time_is_up_and_can_be_given_more(tmp_path, whole):
    run = tmp_path / "run"
    short = search(run, job="slow", kind="local", workers=2, trials=None, time_s=2.5)
    finished = short.trials["completed"] + short.trials["stopped_early"]
    assert finished < 30
    search(run, resume=True, trials=30, time_s=1000.0)
    assert untimed(run) == untimed(whole[0])


def test_what_is_in_training_when_time_is_up_is_left_for_a_resumption(tmp_path, caplog):
    """Of the time of all sessions nothing is left then, though no job has ended."""
    run = tmp_path / "run"
    options = {"job": "waiting", "kind": "local", "workers": 2, "trials": None, "time_s": 2.0}
    first = search(run, **options)
    assert [trial.state for trial in trials_of(run)] == ["running", "running"]
    assert "2 trials in training, to go on when the run is resumed with more --time" in caplog.text
    assert load_front(run).seconds > 1.0
    told = []
    again = search(run, resume=True, progress=told.append, **options)
    assert not told
    assert again.seconds == pytest.approx(first.seconds, abs=0.5)
    assert "the time of the run is used up: a longer --time" in caplog.text


@pytest.mark.slow
def test_what_goes_on_from_a_rung_when_time_is_up_still_shows_what_it_was_there(tmp_path):
    run = tmp_path / "run"
    options = {"job": "waiting_after_the_rung", "kind": "local", "workers": 3}
    found = search(run, **options, trials=None, time_s=8.0)  # workers start meanwhile
    cut = [trial for trial in trials_of(run) if trial.state == "running"]
    *whole, at_rung = sorted(cut, key=lambda trial: trial.jobs[0].number)
    for trial in whole:
        assert (trial.jobs[0].until, trial.result) == (6, None)  # trained to its end at once
    assert at_rung.result.stopped_epoch == 3
    assert {at_rung.number} < {point.trial for point in found.resting}
    assert {point.epochs for point in found.resting} == {3}


def test_report_models_that_came_after_the_end_are_none_of_the_trials(tmp_path):
    """Of three trials none has room for a report model; the run can be resumed as it is."""
    run, told = tmp_path / "run", []
    summary = search(run, trials=3, budget="128KB", progress=told.append)
    assert summary.trials["completed"] + summary.trials["stopped_early"] == 3 + len(MODELS)
    assert {point.model for point in summary.reference if point.after_end} == set(MODELS)
    assert told[-1].finished == ended_trials(run) == 3
    assert resumed_config(run, {}).trials == 3
    with pytest.raises(RunError, match="expected at least 3 trials"):
        resumed_config(run, {"trials": 2})


def test_report_models_whose_turn_has_not_come_are_told(tmp_path):
    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "run", trials=20, budget="128KB", progress=interrupt)
    found = load_front(tmp_path / "run")
    waiting = [each["model"] for each in found.seeds_skipped if each["reason"] == "not begun yet"]
    assert waiting
    assert found.trials["seeds_skipped"] == len(found.seeds_skipped)


def test_a_plan_takes_a_candidate_to_last_as_long_when_the_run_is_resumed():
    """A share of report models is made of it."""
    options = {"space": "mbconv", "budget": "128KB", "trials": 40}
    first = read_task(with_options(load_study("planned"), options), lambda: DATASET, None, options)
    assert first.config.longest_s
    assert read_task(first.config, lambda: DATASET).candidate_s == first.candidate_s


def test_report_models_without_room_wait_for_the_end_of_the_search(tmp_path):
    """Six trials take 1 s each, and some arithmetic; a quarter of that is one report model."""
    options = {"trials": 6, "budget": "128KB", "time_s": 5.0}
    summary = search(tmp_path / "run", **options, job="waiting_for_two", kind="local")
    trials = trials_of(tmp_path / "run")[:4]
    assert [bool(trial.jobs) for trial in trials] == [True, False, False, False]
    assert [trial.state for trial in trials[1:]] == ["running", "skipped", "skipped"]
    assert [trial.model for trial in trials[2:]] == [e["model"] for e in summary.seeds_skipped]
    assert (summary.trials["failed"], summary.trials["seeds_skipped"]) == (0, 2)


def test_a_runner_is_never_asked_to_wait_for_less_than_nothing(monkeypatch, tmp_path):
    """The time may be up when a job has been handed over."""
    waits, inline = [], RUNNERS["inline"]

    class Slow(inline):
        def submit(self, job):
            super().submit(job)
            time.sleep(1.5)

        def poll(self, timeout_s):
            waits.append(timeout_s)
            return super().poll(timeout_s)

    monkeypatch.setitem(RUNNERS, "inline", Slow)
    search(tmp_path / "run", trials=None, time_s=1.5)
    assert waits == [0.0]
