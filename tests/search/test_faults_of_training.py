"""Faults in the midst of real trainings: what is left goes on to the same trials and models.

Which faults are tested elsewhere: `test_faults.py`.
"""

import os
import shutil
import signal
from collections import Counter
from importlib import import_module

import pytest
import torch
from real_job import results, search_tones
from study_cases import fill, set_clock_back, small_disk, start, study, trials_of, write_tones
from test_faults import LONGEST_S

from nas_asc.datasets import load_dataset
from nas_asc.errors import RunError
from nas_asc.study.job import trial_seed
from nas_asc.study.recipe import NoSettings, Part
from nas_asc.training.loop import train
from nas_asc.training.parts import LOSSES, CrossEntropy, cross_entropy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

TRAINING = import_module("nas_asc.training.run_job")


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes of half a second: low tones and high tones, twelve recordings each."""
    folder = tmp_path_factory.mktemp("made") / "tones"
    folder.mkdir()
    return write_tones(folder, rate_hz=16000, clip_s=0.5)


@pytest.fixture(scope="module")
def whole(tones, tmp_path_factory):
    """What an uninterrupted search gives: its trials, weights and front."""
    run = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(run.parent / "cache"))
        front = search_tones(run, load_dataset(tones)).front
    assert {trial.state for trial in trials_of(run)} == {"completed", "stopped_early"}
    return *results(run), front


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def dataset(tones, tmp_path, cache):
    """The recordings in a folder of its own, of which this process has loaded nothing yet."""
    return load_dataset(shutil.copytree(tones, tmp_path / "tones"))


def resumed(run, dataset, **options):
    summary = search_tones(run, dataset, resume=True, **options)
    return *results(run), summary.front


DRIVER = """
import sys
from pathlib import Path
from nas_asc.datasets import load_dataset
from real_job import search_tones
if __name__ == "__main__":
    run, tones, job = sys.argv[1:]
    search_tones(Path(run), load_dataset(tones), job=job, kind="local", workers=2)
"""


@pytest.mark.parametrize("epoch", [2, 5])
def test_a_driver_killed_in_a_training_goes_on_in_its_midst(
    tmp_path, dataset, whole, epoch, monkeypatch
):
    """Before the rung or after it; no epoch of the training that killed it is done twice."""
    monkeypatch.setattr(TRAINING, "_CHECKPOINT_S", TRAINING._CHECKPOINT_S)  # put back in the end
    run, job = tmp_path / "run", f"real_job:kills_in_epoch_{epoch}"
    with start(tmp_path, DRIVER, run, dataset.root, job) as driver:
        driver.communicate(timeout=LONGEST_S)
        assert driver.returncode == -signal.SIGKILL
    assert resumed(run, dataset, job=job) == whole
    lines = Counter((run / "epochs").read_text(encoding="utf-8").splitlines())
    killed = (run / "killed").read_text(encoding="utf-8")
    epochs = {line: times for line, times in lines.items() if line.startswith(f"{killed} ")}
    assert f"{killed} {epoch}" in epochs
    assert set(epochs.values()) == {1}


class Unstable:
    """A loss that is no number after one epoch of the first trial, so many times.

    The loss itself, or its gradient alone. An epoch of the tones is one step.
    """

    def __init__(self, kind, epoch, times):
        self.kind, self.epoch, self.left = kind, epoch, times
        self.seed = trial_seed(study().seed, 0, "training")

    def train(self, network, clips, recipe, hooks, **options):
        before = hooks.go_on_from
        self.done = len(before.numbers["history"]) if before else 0
        self.first = options["seed"] == self.seed
        return train(network, clips, recipe, hooks, **options)

    def loss(self, logits, batch, settings):
        loss = cross_entropy(logits, batch, CrossEntropy(label_smoothing=0.0))
        self.done += 1
        if self.first and self.done == self.epoch and self.left:
            self.left -= 1
            zero = logits.sum() * 0
            loss = loss * torch.nan if self.kind == "loss" else loss + zero.sqrt()  # of slope 0/0
        return loss


@pytest.fixture
def unstable(dataset, tmp_path, monkeypatch):
    """Search with a loss that is no number somewhere; every trial goes on at its rung."""

    def search(*fault, **options):
        loss = Unstable(*fault)
        monkeypatch.setitem(LOSSES, "unstable", Part(NoSettings, loss.loss))
        monkeypatch.setattr(TRAINING, "train", loss.train)
        recipe = {**study().recipe.to_dict(), "loss": {"name": "unstable"}}
        stopping = {"enabled": True, "rungs": [0.34], "keep": 1.0}
        options = {"trials": 2, "recipe": recipe, "early_stopping": stopping, **options}
        return search_tones(tmp_path / "run", dataset, **options)

    return search


@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("epoch", [1, 3, 6], ids=["first", "rung", "last"])
def test_what_becomes_nan_once_is_trained_by_a_tenth_of_the_rate(unstable, tmp_path, epoch, kind):
    summary = unstable(kind, epoch, 1)
    assert summary.trials["completed"] == 2
    first, second = (trial.result for trial in trials_of(tmp_path / "run"))
    assert (first.retries, first.learning_rate) == (1, pytest.approx(0.001))
    assert (second.retries, second.learning_rate) == (0, None)


@pytest.mark.parametrize("epoch", [1, 6], ids=["first", "last"])
def test_what_becomes_nan_again_fails_in_a_line_and_others_go_on(unstable, tmp_path, epoch):
    summary = unstable("loss", epoch, 2)
    assert (summary.trials["completed"], summary.trials["failed"]) == (1, 1)
    failed = trials_of(tmp_path / "run")[0]
    again = r"diverged, and again with 0\.1 of the rate: expected a finite loss"
    with pytest.raises(AssertionError, match=f"^{again}, found nan in epoch {epoch} of 6, .*\\Z"):
        raise AssertionError(failed.reason)
    assert not failed.traceback
    summary = unstable("loss", epoch, 0, trials=3, resume=True)
    assert (summary.trials["completed"], summary.trials["failed"]) == (2, 1)


def full_after(finished, disk, ballast):
    """Return what fills a disk when so many trials have ended."""

    def progress(progress):
        if progress.finished == finished and not ballast:
            ballast.append(fill(disk))

    return progress


def test_a_disk_that_is_full_under_the_cache_stops_the_search(tmp_path, dataset, whole, cache):
    run, ballast = tmp_path / "run", []
    full = ".* bytes free, found 0 - free some, or set NAS_ASC_CACHE to another folder, and go on"
    with small_disk(cache, "64m"):
        with pytest.raises(RunError, match=f"^{cache}: expected {full} with --resume\\Z"):
            search_tones(run, dataset, progress=full_after(1, cache, ballast))
        assert not any(trial.state == "failed" for trial in trials_of(run))
        ballast[0].unlink()
        assert resumed(run, dataset) == whole


@pytest.mark.parametrize("left_bytes", [0, 1 << 14], ids=["all", "but for a description"])
def test_a_disk_that_is_full_under_the_models_stops_the_search(
    tmp_path, dataset, whole, left_bytes
):
    run = tmp_path / "run"
    full = "expected a folder that can be written, found no space left on device - put that right"
    with small_disk(run / "models", "1m") as disk, pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas_asc.search.storage.run_folder.check_new", lambda run: None)
        ballast = fill(disk)
        os.truncate(ballast, ballast.stat().st_size - left_bytes)
        with pytest.raises(RunError, match=f"^{disk}/[0-7]: {full}, and go on with --resume\\Z"):
            search_tones(run, dataset)
        ballast.unlink()
        assert resumed(run, dataset) == whole


def test_where_there_is_no_room_for_checkpoints_the_search_goes_on(tmp_path, dataset, whole):
    run = tmp_path / "run"
    with small_disk(run / "checkpoints", "64k") as disk, pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas_asc.search.storage.run_folder.check_new", lambda run: None)
        ballast = fill(disk)
        front = search_tones(run, dataset).front
        assert (*results(run), front) == whole
        assert [*disk.iterdir()] == [ballast]


def test_features_that_are_truncated_while_a_worker_has_them_are_made_anew(
    tmp_path, dataset, whole, caplog
):
    """Its process is killed when it reads on, which is one lost trial."""
    run = tmp_path / "run"
    front = search_tones(run, dataset, job="real_job:truncates_cache", kind="local").front
    assert (*results(run), front) == whole
    assert f"worker died (signal {signal.SIGBUS:d})" in caplog.text


def test_features_that_are_truncated_between_two_sessions_are_made_anew(
    tmp_path, dataset, whole, cache, caplog
):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        search_tones(run, dataset, progress=interrupt)
    for path in (cache / "features").iterdir():
        os.truncate(path, path.stat().st_size // 2)
    forget()
    assert resumed(run, dataset) == whole
    assert "is damaged" in caplog.text


def interrupt(progress):
    if progress.finished == 2:
        raise KeyboardInterrupt


def forget():
    """Forget what this process has loaded for jobs, as a new worker has."""
    for function in (TRAINING._loaded, TRAINING._dataset, TRAINING._inputs):
        function.cache_clear()


@pytest.mark.parametrize("new_worker", [False, True])
def test_a_clip_that_disappears_stops_the_search_until_it_is_back(
    tmp_path, dataset, whole, new_worker
):
    """A worker that has loaded the data misses it by name, a new one finds too few."""
    run, clip, away = tmp_path / "run", dataset.clips[5].path, tmp_path / "away.wav"
    lines = {
        False: f"{clip}: expected the clip that was checked, found no such file - put it back",
        True: f"{dataset.root}: expected the 24 clips that the search began with, found 23 - "
        "put back what is missing",
    }

    def take_away(progress):
        if progress.finished == 1 and clip.exists():
            clip.rename(away)
            if new_worker:
                forget()

    with pytest.raises(RunError) as stopped:
        search_tones(run, dataset, progress=take_away)
    assert str(stopped.value) == f"{lines[new_worker]}, and go on with --resume"
    assert not any(trial.state == "failed" for trial in trials_of(run))
    away.rename(clip)
    assert resumed(run, dataset) == whole


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, dataset, whole, monkeypatch):
    set_clock_back(monkeypatch)
    run = tmp_path / "run"
    front = search_tones(run, load_dataset(dataset.root)).front
    assert (*results(run), front) == whole
