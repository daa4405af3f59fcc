"""Faults that end a search at any moment, and what is left then. Where each of them is tested:

- kill -9 of the driver: here, with jobs of a moment; `test_faults_of_training.py`, in a training
- a worker that is killed, or hangs: `test_lost_trials.py`, `test_runners.py`
- a loss that becomes NaN: `test_faults_of_training.py`; the second attempt: `test_checkpoint.py`
- a full disk under the database: here; under cache, checkpoints and models:
  `test_faults_of_training.py`; under the front: `test_front.py`
- a truncated database, its log, the study: here; checkpoint: `test_checkpoint.py`; cache:
  `test_faults_of_training.py`, each damage: `test_cache.py`; final figures: `test_finals.py`
- a clip that disappears: `test_faults_of_training.py`
- the clock set back: here, and in `test_faults_of_training.py`
- two drivers on one folder: here; the lock: `test_run_folder.py`
- all that with a database in the place of the file: `test_postgresql_search.py`

Of the 50 moments of a kill, each fifth lies before the first epoch is reported. 5 of them are drawn
from the seed $NAS_ASC_FAULTS, 0 if there is none; "all" is all of them.
"""

import os
import random
import shutil
import time
from itertools import pairwise
from typing import NamedTuple

import pytest
from study_cases import fill, search, set_clock_back, small_disk, start, trials_of
from test_search import untimed

from nas_asc.errors import RunError
from nas_asc.search.storage.run_folder import STUDY_FILE
from nas_asc.search.storage.run_summary import load_front

pytestmark = pytest.mark.slow

LONGEST_S = 600.0  # until a process is taken to hang

MOMENTS = range(50)
DRAWN = os.environ.get("NAS_ASC_FAULTS", "0")
if DRAWN != "all":
    MOMENTS = sorted(random.Random(int(DRAWN)).sample(MOMENTS, 5))

# Report models, new trials, rungs, and what is finished after the end.
OPTIONS = {"budget": "128KB", "trials": 24}

# Tells when it begins, when the first epoch is reported, and when it ends.
DRIVER = f"""
import sys, time
from itertools import count
from pathlib import Path
from study_cases import search

calls = count()  # the first one is before any epoch

def tell(progress=None):
    if next(calls) in (0, 2):
        print(time.monotonic(), flush=True)

if __name__ == "__main__":
    tell()
    options = dict(kind="local", workers=2, progress=tell, **{OPTIONS})
    search(Path(sys.argv[1]), job=sys.argv[2], **options)
    print(time.monotonic(), flush=True)
"""


class Whole(NamedTuple):
    """An uninterrupted search of two workers: its folder, trials and front.

    `start_s` is how long it took to the first epoch, `training_s` from there to its end.
    """

    run: object
    trials: list
    front: tuple
    start_s: float
    training_s: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run = folder / "run"
    with start(folder, DRIVER, run, "leisurely") as driver:
        told, _ = driver.communicate(timeout=LONGEST_S)
    times_s = [after - before for before, after in pairwise(map(float, told.split()))]
    return Whole(
        folder / "run", untimed(folder / "run"), load_front(folder / "run").front, *times_s
    )


def resumed(run):
    """Go on with a run, or begin it where it was killed before there was one."""
    summary = search(run, resume=(run / STUDY_FILE).is_file(), **OPTIONS)
    return untimed(run), summary.front


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_driver_that_is_killed_at_any_moment_goes_on_to_the_same_front(tmp_path, whole, moment):
    """Its output ends when the last process has that could write to it, all workers included."""
    run = tmp_path / "run"
    before = moment % 5 == 0
    with start(tmp_path, DRIVER, run, "leisurely") as driver:
        for _ in range(1 if before else 2):
            assert driver.stdout.readline()
        share = random.Random(moment).random()
        time.sleep(share * (whole.start_s if before else whole.training_s))
        driver.kill()
        driver.communicate(timeout=LONGEST_S)
    assert resumed(run) == (whole.trials, whole.front)


def test_a_second_driver_on_a_run_is_refused_and_does_no_harm(tmp_path, whole):
    run = tmp_path / "run"
    with start(tmp_path, DRIVER, run, "held_up") as driver:
        until = time.monotonic() + LONGEST_S
        while not (run / "study.db").is_file():
            assert time.monotonic() < until
            time.sleep(0.02)
        for resume in (True, False):
            with pytest.raises(RunError, match=f"^{run}: .*another search does.*\\Z"):
                search(run, resume=resume, **OPTIONS)
        (run / "go").touch()
        driver.communicate(timeout=LONGEST_S)
        assert driver.returncode == 0
    assert (untimed(run), load_front(run).front) == (whole.trials, whole.front)


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, whole, monkeypatch):
    set_clock_back(monkeypatch)
    run, began = tmp_path / "run", time.monotonic()

    def interrupt(progress):
        if progress.finished == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(run, progress=interrupt, **OPTIONS)
    assert resumed(run) == (whole.trials, whole.front)
    elapsed_s = [trial.elapsed_s for trial in trials_of(run) if trial.state != "skipped"]
    assert 0 < min(elapsed_s) <= max(elapsed_s) < time.monotonic() - began


def test_a_search_ends_by_its_time_though_the_clock_is_set_back(tmp_path, monkeypatch):
    set_clock_back(monkeypatch)
    summary = search(tmp_path / "run", job="slow", trials=None, time_s=1.5)
    assert summary.trials["stopped_early"]
    assert 1.5 <= summary.seconds < LONGEST_S


def test_a_disk_that_is_full_under_the_database_is_told_and_loses_nothing(tmp_path, whole):
    full = "expected room for the trials of the run, found .* - make room and go on with --resume"
    with small_disk(tmp_path / "disk", "16m") as disk:
        run, ballast = disk / "run", []

        def fill_in_the_middle(progress):
            if progress.finished == 9 and not ballast:
                ballast.append(fill(disk))

        with pytest.raises(RunError, match=f"^{run}: {full}\\Z"):
            search(run, progress=fill_in_the_middle, **OPTIONS)
        with pytest.raises(RunError, match=f"^{run}: {full}\\Z"):
            search(run, resume=True, **OPTIONS)
        ballast[0].unlink()
        assert resumed(run) == (whole.trials, whole.front)


@pytest.fixture
def copy(tmp_path, whole):
    """A copy of the run that has ended."""
    return shutil.copytree(whole.run, tmp_path / "copy")


def truncate(path, share):
    os.truncate(path, int(path.stat().st_size * share))


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_a_truncated_database_is_one_line(copy, share, run_command):
    truncate(copy / "study.db", share)
    words = r"study\.db: expected the trials of a run, found a damaged file .*--study .* --out NEW"
    with pytest.raises(RunError, match=f"{words}\\Z"):
        search(copy, resume=True, **OPTIONS)
    for command in (("search", "--resume", "--out"), ("front",)):
        code, out, err = run_command(*command, copy)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith(f"error: {copy / 'study.db'}: expected the trials of a run, found")


def test_a_database_that_was_emptied_is_filled_with_the_same_trials(copy, whole):
    truncate(copy / "study.db", 0)
    assert resumed(copy) == (whole.trials, whole.front)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_what_is_lost_of_the_log_of_a_database_is_done_again(tmp_path, whole, share):
    """The log holds what was written last, or all of a short run, when a driver is killed."""
    run, killed = tmp_path / "run", tmp_path / "killed"

    def keep_the_middle(progress):
        if progress.finished == 15 and not killed.exists():
            shutil.copytree(run, killed)

    search(run, progress=keep_the_middle, **OPTIONS)
    truncate(killed / "study.db-wal", share)
    assert resumed(killed) == (whole.trials, whole.front)


def test_a_truncated_study_is_one_line(copy, run_command):
    truncate(copy / STUDY_FILE, 0.5)
    code, out, err = run_command("search", "--resume", "--out", copy)
    assert (code, out) == (2, "")
    assert all(line.startswith(f"error: {copy / STUDY_FILE}") for line in err.splitlines()), err
