"""The trials of a run in one SQLite file, kept by optuna.

Conventions: a trial is written once when a job of it starts and once when that ends, each whole or
not at all, so that a run may be killed at any moment (write-ahead log). One driver writes at a
time; anybody may read. Optuna's own tools (`optuna-dashboard`, `best_trials`) open the file as it
is: parameters
are the active choices by dotted path, as options of the space (of a report model that states
samples where the space has milliseconds, the nearest: its architecture has the exact values);
objectives are the loss (log loss, or 1 - accuracy) and the size. Optuna's states mean: COMPLETE
trained to the end; PRUNED at rest after a rung, or a report model that is left out; FAIL failed;
RUNNING in training, or lost with its session and to be run again; WAITING a report model to be
trained.
"""

import os
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from nas_asc.architectures import Architecture, Value
from nas_asc.errors import RunError
from nas_asc.reports import read_candidate
from nas_asc.search.storage import optuna_tables
from nas_asc.search.storage.trials import ELAPSED, Trial, TrialJob
from nas_asc.spaces import SearchSpace
from nas_asc.study import JobResult

_STUDY = "nas-asc"
_BUSY_TIMEOUT_S = 60

_STATES = {
    "waiting": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "completed": TrialState.COMPLETE,
    "stopped_early": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "skipped": TrialState.PRUNED,
}

_STARTED = ("model", "seed", "complexity", "rejected_over_budget", "duplicates")
_ENDED = ("state", "reason", "traceback", "lost", "elapsed_s", "spent_s", "after_end")


class SqliteStore:
    """The trials of one run in its `study.db`, opened to write."""

    def __init__(self, path: Path, space: SearchSpace) -> None:
        """Open a file, or make it; the choices of the space become optuna's parameters."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell people of every study
        # The path is not in the URL, where braces and question marks would have a meaning.
        creator = {"creator": partial(connect_to_write, path)}
        self._storage = RDBStorage("sqlite:///study.db", engine_kwargs=creator)
        self._distributions = {
            p.path: CategoricalDistribution(p.options) for p in space.parameters()
        }
        self._space = space
        self._ids: dict[int, int] = {}
        try:
            self._study_id = self._storage.get_study_id_from_name(_STUDY)
        except KeyError:
            self._study_id = self._storage.create_new_study([StudyDirection.MINIMIZE] * 2, _STUDY)

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store what the objectives are called, then JSON facts about the run, all or none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study = optuna.load_study(study_name=_STUDY, storage=self._storage)
            study.set_metric_names(list(objectives))
        optuna_tables.insert_facts(self._storage, self._study_id, facts)

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""
        return self._storage.get_study_user_attrs(self._study_id)

    def set_elapsed(self, seconds: float) -> None:
        """Store how long the run has taken, in all sessions, as one of the facts."""
        self._storage.set_study_user_attr(self._study_id, ELAPSED, seconds)

    def add(self, trial: Trial) -> None:
        """Store a new trial, in one write; trials are added in the order of their numbers."""
        known = self._distributions
        params: dict[str, Value] = {}
        if isinstance(trial.architecture, Architecture):
            params = self._space.options_of(trial.architecture)
        template = create_trial(
            state=_STATES[trial.state],
            params=params,
            distributions={path: known[path] for path in params},
            user_attrs={
                "key": trial.architecture.key,
                "architecture": trial.architecture.to_dict(),
                **{name: getattr(trial, name) for name in _STARTED},
                **_jobs(trial),
            },
        )
        template.number = trial.number
        trial_id = optuna_tables.insert_trial(self._storage, self._study_id, template)
        self._ids[trial.number] = trial_id

    def start(self, trial: Trial) -> None:
        """Store that a job of a trial starts, whether it is new, rests, or was lost."""
        if trial.number in self._ids:
            changed: dict[str, Any] = {**_jobs(trial), "after_end": trial.after_end}
            if trial.result is None:
                changed["ended"] = None
            optuna_tables.start_trial(self._storage, self._ids[trial.number], changed)
        else:
            self.add(trial)

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a job of a trial ended, and the loss of a trial that completed."""
        ended = {name: getattr(trial, name) for name in _ENDED}
        if trial.result is not None:
            ended["result"] = asdict(trial.result)
        values = [] if loss is None else [loss, float(trial.size_bytes)]
        trial_id, state = self._ids[trial.number], _STATES[trial.state]
        attributes = {"ended": ended, **_jobs(trial)}
        optuna_tables.finish_trial(self._storage, trial_id, state, values, attributes)

    def load(self) -> list[Trial]:
        """Read all trials, in order."""
        stored, _ = optuna_tables.read_study(self._storage.engine, _STUDY)
        self._ids = {number: trial_id for trial_id, number, _, _ in stored}
        return [_trial(*each) for each in stored]


def read_sqlite(path: Path) -> tuple[list[Trial], dict[str, Any]]:
    """Read the trials of a run and the facts about it, also while it goes on; changes none.

    Raises:
        RunError: the file cannot be read.
    """
    # Not a store: that would make what is absent, and write.
    engine = create_engine("sqlite://", creator=partial(connect_to_read, path), poolclass=NullPool)
    try:
        stored, facts = optuna_tables.read_study(engine, _STUDY)
    except DatabaseError as error:
        if is_locked(error):
            raise RunError(locked_in_words(path)) from None
        raise RunError(
            f"{path}: expected the trials of a run, found a file that cannot be read "
            f"({error.orig}) - restore it, or copy the whole folder to where it can be written"
        ) from None
    return [_trial(*each) for each in stored], facts


def _jobs(trial: Trial) -> dict[str, Any]:
    return {"jobs": [asdict(job) for job in trial.jobs]}


def _trial(_: int, number: int, state: TrialState, attributes: Mapping[str, Any]) -> Trial:
    given = {name: attributes[name] for name in _STARTED}
    stored = attributes.get("ended") or {}
    ended = {name: stored[name] for name in _ENDED if name in stored}
    if "result" in stored:
        ended["result"] = JobResult(**stored["result"])
    if not state.is_finished():
        ended["state"] = "waiting" if state == TrialState.WAITING else "running"
        ended["after_end"] = attributes.get("after_end", False)
    jobs = tuple(TrialJob(**job) for job in attributes.get("jobs", ()))
    return Trial(number, read_candidate(attributes["architecture"]), **given, jobs=jobs, **ended)


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; a kill at any moment leaves it whole (write-ahead log)."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # safe unless the power fails
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file to look at it, also while it is written and where nothing can be written.

    Raises:
        sqlite3.DatabaseError: it is no database, or its last trials cannot be had: they lie in a
            log beside it whose index is gone and cannot be made anew.
    """

    def opened(mode: str) -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, uri=True)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # now it is really opened
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    try:
        return opened("rw")  # where the folder can be written, ro would leave an index and a log
    except sqlite3.OperationalError as error:
        log = path.with_name(f"{path.name}-wal")
        if is_locked(error) or (log.is_file() and log.stat().st_size):
            raise
        # SQLite wants to make an index, though without a log there is nothing to look up in it.
        return opened("ro&immutable=1")


def is_locked(error: BaseException | None) -> bool:
    """Return whether an error comes from a file that another program did not let go of in time."""
    if isinstance(error, sqlite3.OperationalError):
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is the detail
        return primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return error is not None and is_locked(error.__cause__)


def locked_in_words(path: Path) -> str:
    """Return who has locked the file, where the system tells, and how to go on."""
    holders = " and ".join(_holders(path)) or "another program"
    return (
        f"{path}: expected the trials of a run, found them locked by {holders} for over "
        f"{_BUSY_TIMEOUT_S:g} s - end that or wait for it, then try again (a search goes on with "
        "--resume)"
    )


def _holders(path: Path) -> list[str]:
    """Return the other processes that hold the file or its log for writing; Linux alone tells."""
    files = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
    inodes = {str(file.stat().st_ino) for file in files if file.exists()}
    names = []
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
            _, kind, _, access, process, place, *_ = line.replace("-> ", "").split()
            held = kind == "POSIX" and access == "WRITE" and "->" not in line
            if held and place.split(":")[-1] in inodes and int(process) not in (0, os.getpid()):
                name = Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
                names.append(f"{name} (process {process})")
    return list(dict.fromkeys(names))
