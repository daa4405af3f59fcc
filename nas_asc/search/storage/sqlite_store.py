"""The trials of a run in one SQLite file, kept by optuna.

Conventions: a trial is written once when a job of it starts and once when that ends, each whole or
not at all, so that a run may be killed at any moment (write-ahead log). One driver writes at a
time; anybody may read. Optuna's own tools (`optuna-dashboard`, `best_trials`) open the file as it
is. Optuna's states mean: COMPLETE trained to the end; PRUNED at rest after a rung, or a report
model that is left out; FAIL failed; RUNNING in training, or lost with its session and to be run
again; WAITING a report model to be trained.
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from nas_asc.errors import RunError
from nas_asc.search.storage import optuna_tables
from nas_asc.search.storage.optuna_trials import (
    DIRECTIONS,
    TrialTemplates,
    jobs_of,
    name_objectives,
    outcome_of,
    read_trial,
)
from nas_asc.search.storage.trials import ELAPSED, Trial
from nas_asc.spaces import SearchSpace

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


class SqliteStore:
    """The trials of one run in its `study.db`, opened to write."""

    def __init__(self, path: Path, space: SearchSpace) -> None:
        """Open a file, or make it; the choices of the space become optuna's parameters."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell people of every study
        # The path is not in the URL, where braces and question marks would have a meaning.
        creator = {"creator": partial(connect_to_write, path)}
        self._storage = RDBStorage("sqlite:///study.db", engine_kwargs=creator)
        self._templates = TrialTemplates(space)
        self._ids: dict[int, int] = {}
        try:
            self._study_id = self._storage.get_study_id_from_name(_STUDY)
        except KeyError:
            self._study_id = self._storage.create_new_study(DIRECTIONS, _STUDY)

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store what the objectives are called, then JSON facts about the run, all or none."""
        name_objectives(self._storage, _STUDY, objectives)
        optuna_tables.insert_facts(self._storage, self._study_id, facts)

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""
        return self._storage.get_study_user_attrs(self._study_id)

    def set_elapsed(self, seconds: float) -> None:
        """Store how long the run has taken, in all sessions, as one of the facts."""
        self._storage.set_study_user_attr(self._study_id, ELAPSED, seconds)

    def add(self, trial: Trial) -> None:
        """Store a new trial, in one write; trials are added in the order of their numbers."""
        template = self._templates.template(trial, _STATES[trial.state], jobs_of(trial))
        trial_id = optuna_tables.insert_trial(self._storage, self._study_id, template)
        self._ids[trial.number] = trial_id

    def start(self, trial: Trial) -> None:
        """Store that a job of a trial starts, whether it is new, rests, or was lost."""
        if trial.number in self._ids:
            changed: dict[str, Any] = {**jobs_of(trial), "after_end": trial.after_end}
            if trial.result is None:
                changed["ended"] = None
            optuna_tables.start_trial(self._storage, self._ids[trial.number], changed)
        else:
            self.add(trial)

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a job of a trial ended, and the loss of a trial that completed."""
        values = [] if loss is None else [loss, float(trial.size_bytes)]
        trial_id, state = self._ids[trial.number], _STATES[trial.state]
        attributes = {"ended": outcome_of(trial), **jobs_of(trial)}
        optuna_tables.finish_trial(self._storage, trial_id, state, values, attributes)

    def keep_file(self, name: str, text: str) -> None:
        """Do nothing: the trials lie beside the files of the run folder."""

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


def _trial(_: int, number: int, state: TrialState, attributes: Mapping[str, Any]) -> Trial:
    unended = "waiting" if state == TrialState.WAITING else "running"
    return read_trial(number, attributes, None if state.is_finished() else unended)


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
