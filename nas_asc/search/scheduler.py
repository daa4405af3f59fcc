"""Which trial comes next, what it is, and with whom it is compared.

Conventions: report models and ensembles are trials 0 to s - 1, cheapest first. The trials after
them are asked for in order. The first `startup_trials` of these wait for nothing; a share of them
are mutations of report models. Each of the rest is asked for when those have ended that would have
ended by then if every trial took its planned seconds on `lag` workers, and it depends on exactly
those. So nothing here depends on the number of workers or on which trial ends first, and a trial
that takes long does not hold up the ones beside it.
"""

import heapq
import random
from bisect import insort
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from math import ceil

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Complexity
from nas_asc.reports import Candidate, EnsembleReference
from nas_asc.results import guessing_error
from nas_asc.search.samplers import SAMPLERS, Scope, draw
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Measure, Task
from nas_asc.spaces import SearchSpace, mutations, repaired
from nas_asc.study import Rung, loss_of, make_rung, trial_seed

_RANDOM_DRAWS = 20_000
_REPAIRS = 20


class SpaceExhausted(Exception):
    """No architecture was found that fits the budget and is not known already."""


@dataclass(frozen=True)
class Proposal:
    """An architecture that may be trained, and how many were turned away before it."""

    architecture: Architecture
    complexity: Complexity
    rejected_over_budget: int
    duplicates: int


class Gate:
    """Lets through what suits the data, fits the budget, is new and can be afforded.

    What is over the budget counts as rejected; what is over `trained_budget` alone does not, nor
    what does not suit the data.
    """

    def __init__(
        self,
        space: SearchSpace,
        budget: Budget,
        measure: Measure,
        trained_budget: Budget,
        suits: Callable[[Architecture], bool],
    ) -> None:
        self._suits = suits
        self._space = space
        self._budget = budget
        self._trained_budget = trained_budget
        self._measure = measure
        self._known: set[str] = set()

    def remember(self, architecture: Candidate) -> None:
        """Count this architecture as known from now on."""
        self._known.add(architecture.key)

    def next_candidate(
        self,
        suggestions: Iterator[Architecture],
        max_suggestions: int,
        at_random: Iterator[Architecture],
        seed: int,
    ) -> Proposal:
        """Return the first architecture that may be trained.

        So many of a sampler's suggestions are looked at, then architectures at random, and last,
        with a seed, what repair makes of random draws that are over the budget.

        Raises:
            SpaceExhausted: thousands of draws gave nothing.
        """
        space, trained = self._space, self._trained_budget
        rng = random.Random(seed)
        tries = (
            repaired(space, trained, self._measure, rng, tries=1, admits=self._suits)
            for _ in range(_REPAIRS)
        )
        rejected = duplicates = 0
        for architecture in chain(
            islice(suggestions, max_suggestions),
            islice(at_random, _RANDOM_DRAWS),
            chain.from_iterable(tries),
        ):
            if not self._suits(architecture):
                continue
            complexity = self._measure(architecture)
            if self._budget.exceeded(complexity) is not None:
                rejected += 1
            elif trained.exceeded(complexity) is not None:
                continue
            elif architecture.key in self._known:
                duplicates += 1
            else:
                return Proposal(architecture, complexity, rejected, duplicates)
        raise SpaceExhausted


class PlannedTimes:
    """When trials end on so many workers, each started as soon as one is free, by plan.

    Of those that end at the same time the one with the lower number ends first.
    """

    def __init__(self, workers: int) -> None:
        # for each worker, a heap: when it is free, and whose end that is
        self._free = [(0.0, number) for number in range(-workers, 0)]
        self._ends: list[tuple[float, int]] = []

    def begin(self, number: int, seconds: float) -> None:
        """Start a trial that takes so long."""
        end = (self._free[0][0] + seconds, number)
        heapq.heapreplace(self._free, end)
        insort(self._ends, end)

    def ended(self) -> list[int]:
        """Return the trials that end before the next one starts, in the order of their ends."""
        return [end[1] for end in self._ends if end <= self._free[0]]

    def forget_ended(self) -> None:
        """Leave out from now on what ends before the next trial starts."""
        del self._ends[: len(self.ended())]


class Scheduler:
    """Makes the trials of a study, one after the other; `skipped` are those left out of it."""

    def __init__(self, task: Task, skipped: Collection[int] = ()) -> None:
        self._task = task
        self._study = study = task.config
        guessing = guessing_error(len(task.dataset.classes), study.objective)
        self._sampler = SAMPLERS[study.sampler](
            Scope(
                *(task.space, study.seed, task.trained_budget, task.measure, task.suits),
                guessing_loss=guessing,
            )
        )
        self._gate = Gate(task.space, task.budget, task.measure, task.trained_budget, task.suits)
        # (size_bytes, loss) of the trials that were reported, by the epochs of the rungs
        epochs = study.early_stopping.epochs(study.epochs)
        self._earlier: dict[int, list[tuple[int, float]]] = {epoch: [] for epoch in epochs}
        self._planned = PlannedTimes(study.lag)
        self._skipped = skipped
        self._report_models = 0
        self.trials: list[Trial] = []

    @property
    def can_ask(self) -> bool:
        """Whether enough is known to ask for the next trial."""
        return all(trial.finished for trial in self._awaited(len(self.trials)))

    def ask(self) -> tuple[Trial, tuple[Rung, ...]]:
        """Build the next trial and its rungs; it becomes one of the run's with `add`.

        Raises:
            SpaceExhausted: there is nothing left to try.
        """
        number = len(self.trials)
        self._report_up_to(number)
        seed = partial(trial_seed, self._study.seed, number)
        proposal = self._gate.next_candidate(
            self._suggestions(number),
            self._study.max_proposals,
            draw(self._task.space, seed("fallback")),
            seed("repair"),
        )
        trial = Trial(
            number=number,
            architecture=proposal.architecture,
            model=None,
            seed=seed("training"),
            complexity=proposal.complexity.to_dict(),
            rejected_over_budget=proposal.rejected_over_budget,
            duplicates=proposal.duplicates,
        )
        return trial, self._rungs(trial)

    def add(self, trial: Trial) -> None:
        """Add the trial that was asked for."""
        self._gate.remember(trial.architecture)
        self._sampler.accept(trial.number, trial.architecture)
        self.trials.append(trial)
        is_skipped = trial.number in self._skipped or trial.state == "skipped"
        seconds = (
            0.0 if is_skipped else self._task.trial_s(trial.complexity, len(trial.network_macs))
        )
        self._planned.begin(trial.number, seconds)

    def update(self, trial: Trial) -> None:
        """Replace a trial by its new state."""
        self.trials[trial.number] = trial

    def restore(self, trial: Trial) -> tuple[Rung, ...]:
        """Add a report model, or a trial of a saved run; return the rungs it was begun with."""
        self._report_models += trial.model is not None
        self._report_up_to(trial.number)
        self.add(trial)
        return self._rungs(trial)

    def _suggestions(self, number: int) -> Iterator[Architecture]:
        """Return what to try first for a trial: a mutation of a report model, or a sampler's."""
        study, task, models = self._study, self._task, self._task.space.models.values()
        started = number - self._report_models
        mutated = ceil(study.mutations * study.startup_trials)
        learns = study.warm_start and study.sampler != "random"
        if not (models and learns and started < mutated):
            return self._sampler.propose(number)
        classes, clip_s = len(task.dataset.classes), task.dataset.clip_s
        parents = [model.adapted(classes, clip_s).architecture for model in models]
        rng = random.Random(trial_seed(study.seed, number, "mutation"))
        trained, measure = task.trained_budget, task.measure
        return mutations(task.space, parents, trained, measure, task.suits, rng, started)

    def _depends(self, number: int) -> bool:
        """Return whether a trial depends on the results of others."""
        first = self._report_models + self._study.startup_trials
        return not self._study.independent and number >= first

    def _awaited(self, number: int) -> list[Trial]:
        """Return the trials that trial `number` depends on and that are not reported yet."""
        return [self.trials[n] for n in self._planned.ended()] if self._depends(number) else []

    def _report_up_to(self, number: int) -> None:
        """Make known what trial `number` depends on, no more."""
        objective = self._study.objective
        awaited = self._awaited(number)
        if awaited:
            self._planned.forget_ended()
        for trial in awaited:
            for entry in trial.result.curve if trial.result else ():
                loss = loss_of(entry, objective)
                if loss is not None and entry["epoch"] in self._earlier:
                    self._earlier[entry["epoch"]].append((trial.size_bytes, loss))
            loss = trial.loss(objective)
            outcome = trial.state if loss is None else (loss, float(trial.size_bytes))
            if isinstance(trial.architecture, EnsembleReference):
                outcome = "failed"  # no point of the space: there is nothing to learn from it
            self._sampler.report(trial.number, outcome)

    def _rungs(self, trial: Trial) -> tuple[Rung, ...]:
        """Build the rungs of a trial; where too few have been before it, everything passes."""
        settings, objective = self._study.early_stopping, self._study.objective
        compared = trial.model is None and self._depends(trial.number)
        rungs = []
        for epoch, seen in self._earlier.items():
            earlier = seen if compared and len(seen) >= settings.min_history else []
            rungs.append(make_rung(epoch, settings.keep, objective, trial.size_bytes, earlier))
        return tuple(rungs)
