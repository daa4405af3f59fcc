"""The trials of a run in one SQLite file, kept by optuna.

Conventions: writes are safe against `kill -9` at any moment (write-ahead log). Optuna's own tools
(`optuna-dashboard`, `best_trials`) open the file as it is: parameters are the active choices by
dotted path with their real values, objectives are the loss (log loss, or 1 - accuracy) and the
size. Optuna's states mean: COMPLETE trained to the end; PRUNED stopped early, or a report model
skipped for want of time; FAIL failed; RUNNING in training, or lost with its session and to be run
again; WAITING a report model to be trained.
"""

import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
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

from nas_asc.errors import RunError
from nas_asc.reports import read_candidate
from nas_asc.search.storage import optuna_tables
from nas_asc.search.storage.trials import Trial
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

_ENDED = ("state", "reason", "traceback", "elapsed_s", "spent_s")


class SqliteStore:
    """The trials of one run in its `study.db`; a `TrialStore`."""

    def __init__(self, path: Path, space: SearchSpace | None = None) -> None:
        """Open a file, or make it.

        Args:
            path: of the file.
            space: whose choices become optuna's parameters; only needed to add trials.
        """
        self._storage = _open(path)
        self._options = {p.path: p.options for p in space.parameters()} if space else {}
        self._distributions: dict[str, CategoricalDistribution] = {}
        self._ids: dict[int, int] = {}
        self._waiting: set[int] = set()
        try:
            self._study_id = self._storage.get_study_id_from_name(_STUDY)
        except KeyError:
            self._study_id = self._storage.create_new_study([StudyDirection.MINIMIZE] * 2, _STUDY)

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store what the objectives are called, then facts about the run, all of them or none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study = optuna.load_study(study_name=_STUDY, storage=self._storage)
            study.set_metric_names(list(objectives))
        optuna_tables.insert_facts(self._storage, self._study_id, facts)

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""
        return self._storage.get_study_user_attrs(self._study_id)

    def add(self, trial: Trial) -> None:
        """Store a new trial, in one write; trials are added in the order of their numbers."""
        params = {p: v for p, v in trial.architecture.choices.items() if p in self._options}
        template = create_trial(
            state=_STATES[trial.state],
            params=params,
            distributions={path: self._distribution(path) for path in params},
            user_attrs={
                "key": trial.architecture.key,
                "model": trial.model,
                "seed": trial.seed,
                "complexity": dict(trial.complexity),
                "architecture": trial.architecture.to_dict(),
                "rejected_over_budget": trial.rejected_over_budget,
                "duplicates": trial.duplicates,
            },
        )
        template.number = trial.number
        self._ids[trial.number] = optuna_tables.insert_trial(
            self._storage, self._study_id, template
        )
        if trial.state == "waiting":
            self._waiting.add(trial.number)

    def start(self, trial: Trial) -> None:
        """Store that a trial starts, whether it is new, waiting, or started before and lost."""
        if trial.number not in self._ids:
            self.add(trial)
        elif trial.number in self._waiting:
            self._waiting.remove(trial.number)
            optuna_tables.start_trial(self._storage, self._ids[trial.number])

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a trial ended, and the loss of one that completed."""
        ended = {name: getattr(trial, name) for name in _ENDED}
        if trial.result is not None:
            ended["result"] = trial.result.to_dict()
        values = [] if loss is None else [loss, float(trial.size_bytes)]
        trial_id = self._ids[trial.number]
        optuna_tables.finish_trial(
            self._storage, trial_id, _STATES[trial.state], values, {"ended": ended}
        )

    def load(self) -> list[Trial]:
        """Read all trials, in order."""
        stored, _ = optuna_tables.read_study(self._storage.engine, _STUDY)
        self._ids = {number: trial_id for trial_id, number, _, _ in stored}
        trials = [_trial(number, state, attributes) for _, number, state, attributes in stored]
        self._waiting = {trial.number for trial in trials if trial.state == "waiting"}
        return trials

    def _distribution(self, path: str) -> CategoricalDistribution:
        if path not in self._distributions:
            self._distributions[path] = CategoricalDistribution(self._options[path])
        return self._distributions[path]


def read_sqlite(path: Path) -> tuple[list[Trial], dict[str, Any]]:
    """Read the trials of a run and the facts about it, also while it goes on; changes none.

    Raises:
        RunError: the file cannot be read.
    """
    # Not a TrialStore: that would make what is absent, and write.
    engine = create_engine("sqlite://", creator=partial(connect_to_read, path), poolclass=NullPool)
    try:
        stored, facts = optuna_tables.read_study(engine, _STUDY)
    except DatabaseError as error:
        raise RunError(
            f"{path}: expected the trials of a run, found a file that cannot be read "
            f"({error.orig}) - restore it, or copy the whole folder to where it can be written"
        ) from None
    return [_trial(number, state, attributes) for _, number, state, attributes in stored], facts


def _trial(number: int, state: TrialState, attributes: Mapping[str, Any]) -> Trial:
    trial = Trial(
        number=number,
        architecture=read_candidate(attributes["architecture"]),
        model=attributes["model"],
        seed=attributes["seed"],
        complexity=attributes["complexity"],
        rejected_over_budget=attributes["rejected_over_budget"],
        duplicates=attributes["duplicates"],
        state="waiting" if state == TrialState.WAITING else "running",
    )
    if not state.is_finished():
        return trial
    ended = attributes["ended"]
    result = JobResult(**ended["result"]) if "result" in ended else None
    return replace(trial, result=result, **{name: ended[name] for name in _ENDED if name in ended})


def _open(path: Path) -> RDBStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell people of every study
    # The path is not in the URL, where braces and question marks would have a meaning.
    creator = partial(connect_to_write, path)
    return RDBStorage("sqlite:///study.db", engine_kwargs={"creator": creator})


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; a kill at any moment leaves it whole (write-ahead log)."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # safe unless the power fails
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file to look at it, also while it is written and where nothing can be written.

    Raises:
        sqlite3.DatabaseError: it is no database, or its last trials cannot be had: they lie in a
            log beside it whose index is gone and cannot be made anew.
    """
    try:
        # Where the folder can be written, mode=ro would leave an index and an empty log there.
        return _looked_into(path, "mode=rw")
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise
        # SQLite wants to make an index, though without a log there is nothing to look up in it.
        return _looked_into(path, "mode=ro&immutable=1")


def _looked_into(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, uri=True)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # now it is really opened
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
