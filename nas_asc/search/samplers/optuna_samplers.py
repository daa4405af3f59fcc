"""Optuna's samplers, on an in-memory study of what was accepted and reported.

Conventions: a sampler's random numbers start anew for each trial. What it sees differs from what is
stored. Ordered options are ranks (an integer range), so that TPE knows which are neighbours; optuna
offers no ordered category. TPE models choices together that were active in the same trials; it is
asked for a group when one of its choices is, so that the choices of other families cost nothing.
NSGA-II crosses over only parameters that all trials have, so it is shown a value for each choice of
the space, active or not.

This is the only file that uses what is private to optuna's samplers (version 5.0).
"""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas_asc.architectures import Architecture, Value
from nas_asc.reports import Candidate
from nas_asc.search.samplers.sampler import Outcome, Scope
from nas_asc.spaces import Parameter
from nas_asc.study import trial_seed

_POPULATION = 24
_LEAST_TRIALS = 4  # below this TPE draws at random


def tpe(seed: int) -> BaseSampler:
    """Build the tree-structured Parzen estimator (Bergstra et al. 2011)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # `multivariate`, since optuna 2.2
        return TPESampler(
            n_startup_trials=_LEAST_TRIALS, multivariate=True, constant_liar=True, seed=seed
        )


def nsga2(seed: int) -> BaseSampler:
    """Build the genetic algorithm NSGA-II (Deb et al. 2002)."""
    return NSGAIISampler(population_size=_POPULATION, seed=seed)


class OptunaSampler:
    """One of optuna's samplers; trials in its memory have the numbers of the run's."""

    def __init__(self, make: Callable[[int], BaseSampler], scope: Scope) -> None:
        self._make = make
        self._scope = scope
        self._space = space = scope.space
        self._parameters = {p.path: p for p in space.parameters()}
        self._distributions = {p.path: _distribution(p) for p in space.parameters()}
        self._storage = InMemoryStorage()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(storage=self._storage, directions=["minimize"] * 2)
        self._sampler = make(0)
        self._current = self._accepted = -1
        self._groups: list[list[str]] = []

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield suggestions for a trial; those for the trials before it have been accepted.

        When that trial is accepted, it goes on with suggestions for the next.
        """
        while True:
            self._start_trial(max(number, self._accepted + 1))
            yield self._space.architecture(self._suggestion())

    def accept(self, number: int, architecture: Candidate) -> None:
        """Note which architecture a trial has."""
        self._start_trial(number)
        self._accepted = number
        values: dict[str, Value] = {}  # an ensemble has none
        if isinstance(architecture, Architecture):
            values = self._space.options_of(architecture)
        if isinstance(self._sampler, NSGAIISampler):
            rng = random.Random(trial_seed(self._scope.seed, number, "inactive"))
            for path, parameter in self._parameters.items():
                values.setdefault(path, rng.choice(parameter.options))
        else:
            # What TPE noted of its last suggestion holds choices that are not active.
            self._storage.set_trial_system_attr(number, "tpe:relative_params:0", "")
        for path, value in values.items():
            rank = float(self._parameters[path].options.index(value))
            self._storage.set_trial_param(number, path, rank, self._distributions[path])

    def report(self, number: int, outcome: Outcome, share: float = 1.0) -> None:
        """Note what came of a trial in the end; one that rests at a rung goes on running here."""
        if isinstance(outcome, str):
            told = self._study.tell(number, state=TrialState.FAIL)
        elif share < 1:
            return
        else:
            told = self._study.tell(number, outcome)
        if told.state != TrialState.FAIL:
            self._groups = _refined(self._groups, sorted(told.params))

    def _start_trial(self, number: int) -> None:
        """Begin a trial in the memory, unless it was begun."""
        if number == self._current:
            return
        sampler = self._make(self._scope.random_seed(number))
        self._sampler = self._study.sampler = sampler
        self._current = self._study.ask().number
        if isinstance(sampler, NSGAIISampler):
            # Fix now who the parents are: later, more trials of their generation will be known.
            trial = self._storage.get_trial(number)
            generation = sampler.get_trial_generation(self._study, trial)
            sampler.get_parent_population(self._study, generation)

    def _suggestion(self) -> Callable[[Parameter], Value]:
        study, sampler = self._study, self._sampler
        trial = self._storage.get_trial(self._current)
        # NSGA-II would take the choices that all trials have; here that is every one.
        together = (
            [list(self._distributions)] if isinstance(sampler, NSGAIISampler) else self._groups
        )
        group_of = {path: group for group in together for path in group}
        asked: set[str] = set()
        values: dict[str, object] = {}

        def choose(parameter: Parameter) -> Value:
            path = parameter.path
            if path not in asked:
                group = {name: self._distributions[name] for name in group_of.get(path, (path,))}
                asked.update(group)
                values.update(sampler.sample_relative(study, trial, group))
            if path not in values:  # too early for TPE, or a mutation of NSGA-II
                distribution = self._distributions[path]
                values[path] = sampler.sample_independent(study, trial, path, distribution)
            return _option(parameter, values[path])

        return choose


def _refined(groups: Sequence[Sequence[str]], active: Sequence[str]) -> list[list[str]]:
    """Split groups of choices so that none has both active ones and others, new ones added."""
    known = {path for group in groups for path in group}
    now = set(active)
    parts = [[path for path in active if path not in known]]
    for group in groups:
        parts += [[p for p in group if p in now], [p for p in group if p not in now]]
    return [part for part in parts if part]


def _distribution(parameter: Parameter) -> BaseDistribution:
    if parameter.ordered:
        return IntDistribution(0, len(parameter.options) - 1)
    return CategoricalDistribution(parameter.options)


def _option(parameter: Parameter, value: object) -> Value:
    return parameter.options[int(value)] if parameter.ordered else value  # type: ignore[call-overload, return-value]  # optuna's
