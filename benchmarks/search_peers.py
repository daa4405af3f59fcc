"""Other ways of searching than this project's, as `search.py` compares them.

All are given the same `Task`: space, budget, data and study. Nothing over the budget is trained,
and none of them knows the report models:

- `random` draws until something fits;
- `nsga2` and `tpe` are optuna's samplers with their defaults, asked and told as its documentation
  shows; what is over the budget is told at once, with `Trial.set_constraint` and without training;
- `pruner` is `tpe` with a pruner after each epoch. Optuna's own take one objective; as OptunaHub's
  multi-metric pruner does, this one lets optuna's `MedianPruner` judge Pareto ranks;
- `moasha` is the scheduler of Syne Tune, which draws at random, with its default reduction to a
  third after a ninth and a third of the epochs. Its `NonDominatedPriority` (0.16.0) returns the
  order of the points where the scheduler expects their ranks, so that good trainings are stopped;
  here it is given the ranks, by its documented parameter. `moasha-as-released` leaves that out.

Syne Tune is not among the dependencies: `pip install --no-deps syne-tune==0.16.0` is enough.
"""

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from math import ceil, log
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState, create_trial
from search_workers import Peer

from nas_asc.architectures import Architecture
from nas_asc.results import SMALLEST_SIZE_BYTES, guessing_error
from nas_asc.search import Task
from nas_asc.spaces import Parameter

_WORST = 10.0  # the violation of what does not suit the data at all


class RandomPeer:
    """Random feasible search: draws until something fits the budget, and trains it to its end."""

    judged = ()

    def __init__(self, task: Task) -> None:
        self._task = task
        self._rng = random.Random(task.config.seed)

    def ask(self) -> Architecture:
        """Draw."""
        while True:
            architecture = self._task.space.random(self._rng)
            if over_budget(self._task, architecture) <= 0:
                return architecture

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        """Stop nothing."""
        return True

    def tell(self, trial: int, loss: float | None, state: str) -> None:
        """Learn nothing."""


def over_budget(task: Task, architecture: Architecture) -> float:
    """Return how far an architecture is from what may be trained; 0 for what may be."""
    return min(task.over(architecture, task.trained_budget), _WORST)


class OptunaPeer:
    """A sampler of optuna, asked and told; `prunes` adds the pruner after each epoch."""

    def __init__(
        self, make: Callable[[int], BaseSampler], task: Task, prunes: bool = False
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._task = task
        sampler = make(task.config.seed)
        self._study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        self._trials: list[tuple[optuna.Trial, int]] = []
        self._pruner = ParetoPruner()
        self.judged = range(1, task.config.epochs) if prunes else ()

    def ask(self) -> Architecture:
        """Ask until something fits, and tell what does not."""
        task = self._task
        guessing = guessing_error(len(task.dataset.classes), task.config.objective)
        while True:
            trial = self._study.ask()
            architecture = task.space.architecture(partial(_suggest, trial))
            size_bytes, over = (
                task.measure(architecture).size_bytes,
                over_budget(task, architecture),
            )
            trial.set_constraint("budget", over)
            if over <= 0:
                self._trials.append((trial, size_bytes))
                return architecture
            # Infeasible trials are compared by their constraints alone, but must have values.
            self._study.tell(trial, (guessing, size_bytes))

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        """Ask the pruner."""
        return self._pruner.goes_on(trial, epoch, (loss, self._trials[trial][1]))

    def tell(self, trial: int, loss: float | None, state: str) -> None:
        """Tell both objectives; of what was stopped only that it was."""
        told, size_bytes = self._trials[trial]
        self._pruner.finished.add(trial)
        if loss is not None:
            self._study.tell(told, (loss, size_bytes))
        else:
            is_pruned = state == "stopped_early"
            self._study.tell(told, state=TrialState.PRUNED if is_pruned else TrialState.FAIL)


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Any:
    """Suggest an option; of ordered ones by its place, so that a sampler knows its neighbours."""
    options = parameter.options
    if parameter.ordered:
        return options[trial.suggest_int(parameter.path, 0, len(options) - 1)]
    return trial.suggest_categorical(parameter.path, options)


class ParetoPruner:
    """Optuna's `MedianPruner` on Pareto ranks of loss and size, 0 on the front; ties stay ties."""

    def __init__(self) -> None:
        self._points: dict[int, dict[int, tuple[float, float]]] = {}  # by epoch and trial
        self._ranks: dict[int, dict[int, float]] = {}  # by trial and epoch, when it was there
        self.finished: set[int] = set()

    def goes_on(self, trial: int, epoch: int, point: tuple[float, float]) -> bool:
        """Note a loss and a size, and return whether the trial goes on."""
        points = self._points.setdefault(epoch, {})
        points[trial] = point
        ranks = pareto_ranks(points)
        own = self._ranks.setdefault(trial, {})
        own[epoch] = ranks[trial]
        study = optuna.create_study()
        for other in self.finished:
            at = {epoch: float(ranks[other])} if other in ranks else {}
            study.add_trial(create_trial(value=0.0, intermediate_values=at))
        running = create_trial(state=TrialState.RUNNING, intermediate_values=own)
        return not optuna.pruners.MedianPruner().prune(study, running)


def pareto_ranks(points: Mapping[int, tuple[float, float]]) -> dict[int, int]:
    """Return the rank of each point: 0 on the front, 1 on the front without those, and so on."""
    left, ranks = dict(points), dict[int, int]()
    for rank in range(len(points)):
        front = [n for n, p in left.items() if not any(_beats(q, p) for q in left.values())]
        ranks |= dict.fromkeys(front, rank)
        left = {n: p for n, p in left.items() if n not in ranks}
    return ranks


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


class MoashaPeer:
    """Syne Tune's scheduler, asked and told; its objectives are shares of the hypervolume's."""

    def __init__(self, task: Task, corrected: bool = True) -> None:
        from syne_tune.config_space import choice
        from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

        study = task.config
        np.random.seed(study.seed)  # noqa: NPY002  # what it draws from
        grace = min(max(3, ceil(study.epochs / 9)), study.epochs)
        self._task = task
        self._scheduler = MOASHA(
            {p.path: choice(list(range(len(p.options)))) for p in task.space.parameters()},
            metrics=["log_loss", "size"],
            time_attr="epoch",
            max_t=study.epochs,
            grace_period=grace,
            multiobjective_priority=_front_ranks if corrected else None,
            random_seed=study.seed,
        )
        self._trials: list[tuple[Any, float]] = []
        self.judged = tuple(epoch for epoch in (grace, 3 * grace) if epoch < study.epochs)

    def ask(self) -> Architecture:
        """Ask until something fits."""
        from syne_tune.backend.trial_status import Trial

        task = self._task
        while True:
            config = self._scheduler.suggest().config
            architecture = task.space.architecture(partial(_taken, config))
            if over_budget(task, architecture) <= 0:
                trial = Trial(len(self._trials), config, datetime.now())
                size = log(task.measure(architecture).size_bytes / SMALLEST_SIZE_BYTES)
                whole = log((task.budget.size_bytes or 2**20) / SMALLEST_SIZE_BYTES)
                self._trials.append((trial, size / whole))
                self._scheduler.on_trial_add(trial)
                return architecture

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        """Report, and return what it decides."""
        guessing = guessing_error(len(self._task.dataset.classes), self._task.config.objective)
        known, size = self._trials[trial]
        result = {"epoch": epoch, "log_loss": loss / guessing, "size": size}
        return bool(self._scheduler.on_trial_result(known, result) == "CONTINUE")

    def tell(self, trial: int, loss: float | None, state: str) -> None:
        """Say that a training has ended, which it needs no more of."""
        self._scheduler.on_trial_remove(self._trials[trial][0])


def _taken(config: Mapping[str, int], parameter: Parameter) -> Any:
    return parameter.options[config[parameter.path]]


def _front_ranks(objectives: np.ndarray) -> np.ndarray:
    """Return the places of points: front after front, and in each by Syne Tune's epsilon net."""
    from syne_tune.optimizer.schedulers.multiobjective import non_dominated_priority

    places, left = np.empty(len(objectives), int), np.arange(len(objectives))
    placed = 0
    while left.size:
        is_front = non_dominated_priority.pareto_efficient(objectives[left])
        front = left[is_front]
        places[front] = placed + non_dominated_priority.compute_epsilon_net(objectives[front], 0)
        placed, left = placed + len(front), left[~is_front]
    return places


def _nsga2(seed: int) -> BaseSampler:
    return NSGAIISampler(seed=seed)


def _tpe(seed: int) -> BaseSampler:
    return TPESampler(seed=seed)


PEERS: Mapping[str, Callable[[Task], Peer]] = {
    "random": RandomPeer,
    "nsga2": partial(OptunaPeer, _nsga2),
    "tpe": partial(OptunaPeer, _tpe),
    "pruner": partial(OptunaPeer, _tpe, prunes=True),
    "moasha": MoashaPeer,
    "moasha-as-released": partial(MoashaPeer, corrected=False),
}


def missing_library(variant: str) -> str:
    """Return the library that a variant needs and that is not installed, or nothing."""
    is_missing = variant.startswith("moasha") and find_spec("syne_tune") is None
    return "syne-tune" if is_missing else ""
