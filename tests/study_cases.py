"""What the tests of the search share: a small study, data sets with and without clips, runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import soundfile
from fake_job import CLASSES, CLIP_S

from nas_asc.datasets import Dataset
from nas_asc.results.summary import Summary
from nas_asc.search.runners import RUNNERS
from nas_asc.search.samplers import SAMPLERS
from nas_asc.search.search import run_search
from nas_asc.search.storage import optuna_tables
from nas_asc.search.storage.run_folder import read_trials
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task, read_task
from nas_asc.study.config import StudyConfig, load_study, with_options

# the names of all samplers, of which one takes seconds for a test
EACH = [
    pytest.param(name, marks=pytest.mark.slow) if name == "surrogate" else name for name in SAMPLERS
]
# the names of all runners, of which one takes seconds to start
KINDS = [pytest.param(kind, marks=pytest.mark.slow) if kind == "ray" else kind for kind in RUNNERS]
OFF = {"enabled": False, "rungs": [0.34], "keep": 0.5}  # early stopping
DATASET = Dataset("nothing", Path("nowhere"), CLASSES, (), CLIP_S, True, 44100, 1, (), ())


def study(**options: object) -> StudyConfig:
    """A study of short trainings in mbconv under 32 KB."""
    values = {
        "space": "mbconv",
        "budget": "32KB",
        "trials": 30,
        "epochs": 6,
        "startup_trials": 8,
        "early_stopping": {"enabled": True, "rungs": [0.34], "keep": 0.5},
        **options,
    }
    return with_options(load_study("quick"), values)


def task(dataset: Dataset = DATASET, **options: object) -> Task:
    """The task of such a study."""
    return read_task(study(**options), lambda: dataset)


def search(
    run: Path,
    dataset: Dataset = DATASET,
    *,
    job: str = "run_job",
    kind: str = "inline",
    workers: int = 1,
    resume: bool = False,
    progress: object = None,
    runner_options: Mapping[str, object] = MappingProxyType({}),
    password: str | None = None,
    **options: object,
) -> Summary:
    """Run a search with a job of fake_job."""
    return run_search(
        study(**options),
        dataset,
        run=run,
        workers=RUNNERS[kind](workers, f"fake_job:{job}", **runner_options),
        resume=resume,
        password=password,
        **({} if progress is None else {"progress": progress}),
    )


def search_own_space(folder: Path, text: str, **options: object) -> Summary:
    """Run a search in a space that is written into a folder, the run beside it."""
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    given = {"job": "small_space", "space": str(path), "budget": "2MB", **options}
    return search(folder / "run", **given)


def trials_of(run: Path) -> list[Trial]:
    """Read the trials of a run."""
    return read_trials(run)[0]


def write_tones(folder: Path, rate_hz: int, clip_s: float) -> Path:
    """Write two classes, low tones and high tones in noise, twelve recordings each."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(clip_s * rate_hz)) / rate_hz
    for label, low_hz, high_hz in (("low", 200, 400), ("high", 3000, 5000)):
        (folder / label).mkdir()
        for n in range(12):
            tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) * time_s)
            noise = rng.normal(0, 0.05, len(time_s))
            soundfile.write(folder / label / f"{n}.wav", 0.3 * tone + noise, rate_hz)
    return folder


def start(folder: Path, program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a script in a process of its own that finds what the tests share."""
    script = folder / "script.py"
    script.write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of a few KB or MB; where that is not allowed the test is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small tmpfs cannot be mounted, which root may: {error}")
    try:
        yield folder
    finally:  # lazily: what is mapped of it may still be held
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on a disk, and return the file that takes it."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return ballast


def set_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wall clock be an hour earlier each time that this process looks at it."""
    hours, time_s, time_ns = count(1), time.time, time.time_ns

    class SetBack(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=next(hours))

    monkeypatch.setattr(time, "time", lambda: time_s() - 3600 * next(hours))
    monkeypatch.setattr(time, "time_ns", lambda: time_ns() - 3600 * 10**9 * next(hours))
    monkeypatch.setattr(optuna_tables, "datetime", SetBack)
