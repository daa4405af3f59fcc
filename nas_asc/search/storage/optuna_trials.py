"""A trial as one of optuna's, and back: what all stores have in common.

Conventions: parameters are the active choices by dotted path, as options of the space (of a report
model that states samples where the space has milliseconds, the nearest: its architecture has the
exact values); objectives are the loss (log loss, or 1 - accuracy) and the size. All that a trial is
stands in optuna's user attributes, those that never change (`template`) apart from those that do
(`jobs_of`, `outcome_of`).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas_asc.architectures import Architecture, Value
from nas_asc.reports import read_candidate
from nas_asc.search.storage.trials import Trial, TrialJob
from nas_asc.spaces import SearchSpace
from nas_asc.study import JobResult

DIRECTIONS = (StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)

_UNCHANGING = ("model", "seed", "complexity", "rejected_over_budget", "duplicates")
_OUTCOME = ("state", "reason", "traceback", "lost", "elapsed_s", "spent_s", "after_end")


class TrialTemplates:
    """Makes new trials of optuna's whose parameters are the choices of a space."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._distributions = {
            p.path: CategoricalDistribution(p.options) for p in space.parameters()
        }

    def template(
        self, trial: Trial, state: TrialState, changing: Mapping[str, object]
    ) -> FrozenTrial:
        """Return a new trial in a state of optuna's, with the attributes that change later."""
        params: dict[str, Value] = {}
        if isinstance(trial.architecture, Architecture):
            params = self._space.options_of(trial.architecture)
        template = create_trial(
            state=state,
            params=params,
            distributions={path: self._distributions[path] for path in params},
            user_attrs={
                "key": trial.architecture.key,
                "architecture": trial.architecture.to_dict(),
                **{name: getattr(trial, name) for name in _UNCHANGING},
                **changing,
            },
        )
        template.number = trial.number
        return template


def jobs_of(trial: Trial) -> dict[str, Any]:
    """Return the attribute of a trial's jobs."""
    return {"jobs": [asdict(job) for job in trial.jobs]}


def outcome_of(trial: Trial) -> dict[str, Any]:
    """Return what came of a trial so far, as JSON values: the attribute "ended"."""
    outcome = {name: getattr(trial, name) for name in _OUTCOME}
    if trial.result is not None:
        outcome["result"] = asdict(trial.result)
    return outcome


def read_trial(number: int, attributes: Mapping[str, Any], unended: str | None) -> Trial:
    """Return a stored trial; `unended` is "waiting" or "running" where no job of it has ended."""
    given = {name: attributes[name] for name in _UNCHANGING}
    stored = attributes.get("ended") or {}
    outcome = {name: stored[name] for name in _OUTCOME if name in stored}
    if "result" in stored:
        outcome["result"] = JobResult(**stored["result"])
    if unended is not None:
        outcome["state"] = unended
        outcome["after_end"] = attributes.get("after_end", False)
    jobs = tuple(TrialJob(**job) for job in attributes.get("jobs", ()))
    architecture = read_candidate(attributes["architecture"])
    return Trial(number, architecture, **given, jobs=jobs, **outcome)


def name_objectives(storage: RDBStorage, study_name: str, objectives: Sequence[str]) -> None:
    """Store what the objectives of a study are called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study = optuna.load_study(study_name=study_name, storage=storage)
        study.set_metric_names(list(objectives))
