"""The trials of a run, kept by optuna in one SQLite file: the one record of truth.

Conventions: a trial is written once when it starts and once when it ends. Writes are safe against
`kill -9` at any moment (write-ahead log). Optuna's own tools (`optuna-dashboard`, `best_trials`)
open the file as it is: parameters are the active choices by dotted path with their real values,
objectives are the loss (log loss, or 1 - accuracy) and the size. Optuna's states mean: COMPLETE
trained to the end; PRUNED stopped early, or a report model skipped for want of time; FAIL failed;
RUNNING in training, or lost with its session and to be run again; WAITING a report model to be
trained.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

from nas_asc import optuna_tables
from nas_asc.architecture import Architecture
from nas_asc.errors import RunError
from nas_asc.job import JobResult
from nas_asc.rungs import loss_of
from nas_asc.space import SearchSpace
from nas_asc.trials_file import connect_to_read, connect_to_write

_STUDY = "nas-asc"


@dataclass(frozen=True)
class Trial:
    """One trial of a run.

    Attributes:
        number: from 0, without gaps.
        model: id of the report's model or ensemble that it is, or None.
        seed: of its training.
        complexity: as `Complexity.to_dict` gives it, or `EnsembleComplexity.to_dict`.
        rejected_over_budget: proposals over the budget before this one.
        duplicates: proposals of an earlier trial's architecture before this one.
        state: waiting, running, completed, stopped_early, failed or skipped.
        result: of a trial that completed or was stopped early.
        reason: of a trial that failed or was skipped.
        traceback: where a fault of the program arose that made it fail.
        elapsed_s: seconds of the run, all sessions, until it ended.
        spent_s: seconds that it was in training, in the session in which it ended.
    """

    number: int
    architecture: Architecture
    model: str | None
    seed: int
    complexity: Mapping[str, Any]
    rejected_over_budget: int = 0
    duplicates: int = 0
    state: str = "running"
    result: JobResult | None = None
    reason: str = ""
    traceback: str = ""
    elapsed_s: float = 0.0
    spent_s: float = 0.0

    def loss(self, objective: str) -> float | None:
        """Give what is minimised besides the size; None of a trial that is not completed."""
        if self.state != "completed" or self.result is None:
            return None
        return loss_of(self.result.metrics, objective)

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state not in ("waiting", "running")

    @property
    def size_bytes(self) -> int:
        """Its size as the rule counts it."""
        return int(self.complexity["size_bytes"])

    @property
    def macs(self) -> int:
        """Its multiply-accumulates for one clip."""
        return int(self.complexity["macs"])

    @property
    def network_macs(self) -> tuple[int, ...]:
        """Those of each of its networks: of an ensemble several are trained one by one."""
        return tuple(self.complexity.get("network_macs", (self.macs,)))


_STATES = {
    "waiting": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "completed": TrialState.COMPLETE,
    "stopped_early": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "skipped": TrialState.PRUNED,
}


_ENDED = ("state", "reason", "traceback", "elapsed_s", "spent_s")


class TrialStore:
    """The trials of one run in its `study.db`."""

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
        """Let go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def describe(self, facts: Mapping[str, Any], metric_names: Sequence[str]) -> None:
        """Store what the objectives are called, then facts about the run, all of them or none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study = optuna.load_study(study_name=_STUDY, storage=self._storage)
            study.set_metric_names(list(metric_names))
        optuna_tables.insert_facts(self._storage, self._study_id, facts)

    def facts(self) -> dict[str, Any]:
        """Give what was described."""
        return self._storage.get_study_user_attrs(self._study_id)

    def add(self, trial: Trial) -> None:
        """Store a new trial, in one write; trials are added in the order of their numbers."""
        template = create_trial(
            state=_STATES[trial.state],
            params=dict(trial.architecture.choices),
            distributions={path: self._distribution(path) for path in trial.architecture.choices},
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
        """Store how a trial ended.

        Args:
            trial: with its final state.
            loss: the first objective of a completed trial.
        """
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
        stored = optuna_tables.read_trials(self._storage, self._study_id)
        self._ids = {number: trial_id for trial_id, number, _, _ in stored}
        trials = [_trial(number, state, attributes) for _, number, state, attributes in stored]
        self._waiting = {trial.number for trial in trials if trial.state == "waiting"}
        return trials

    def _distribution(self, path: str) -> CategoricalDistribution:
        if path not in self._distributions:
            self._distributions[path] = CategoricalDistribution(self._options[path])
        return self._distributions[path]


def read_trials(path: Path) -> tuple[list[Trial], dict[str, Any]]:
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
        architecture=Architecture.from_dict(attributes["architecture"]),
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
