"""Which trial comes next, what it is, and with whom it is compared.

Conventions: report models and ensembles are trials 0 to s - 1, cheapest first. The trials after
them are asked for in order. The first `startup_trials` of these wait for nothing; trial n of the
rest is asked for when the trials up to n - lag have ended, and it depends on exactly those. So
nothing here depends on the number of workers or on which trial ends first.
"""

from collections.abc import Callable, Mapping

from nas_asc.architecture import Architecture
from nas_asc.budget import Budget
from nas_asc.complexity import Complexity
from nas_asc.job import trial_seed
from nas_asc.proposals import Gate
from nas_asc.rungs import Rung, loss_of, make_rung
from nas_asc.samplers import Suggestions
from nas_asc.space import SearchSpace
from nas_asc.study_config import StudyConfig
from nas_asc.trials import Trial

Measure = Callable[[Architecture], Complexity]


class Scheduler:
    """Makes the trials of a study, one after the other."""

    def __init__(
        self, study: StudyConfig, space: SearchSpace, budget: Budget, measure: Measure
    ) -> None:
        self._study = study
        self._suggestions = Suggestions(space, study.sampler, study.seed)
        self._gate = Gate(space, budget, measure, study.macs_ceiling)
        self._epochs = study.early_stopping.epochs(study.epochs)
        self._earlier: Mapping[int, list[tuple[int, float]]] = {e: [] for e in self._epochs}
        self._told = 0
        self.trials: list[Trial] = []
        self._seeds = 0

    @property
    def can_ask(self) -> bool:
        """Whether enough is known to ask for the next trial."""
        number = len(self.trials)
        if not self._depends(number):
            return True
        return all(trial.finished for trial in self._needed(number))

    def ask(self) -> tuple[Trial, tuple[Rung, ...]]:
        """Make the next trial and its rungs; it is taken up with `add`.

        Raises:
            SpaceExhausted: there is nothing left to try.
        """
        number = len(self.trials)
        self._advance(number)
        proposal = self._gate.admit(
            self._suggestions.endless(number),
            self._study.max_proposals,
            self._suggestions.random(number, "fallback"),
            trial_seed(self._study.seed, number, "repair"),
        )
        trial = Trial(
            number=number,
            architecture=proposal.architecture,
            model=None,
            seed=trial_seed(self._study.seed, number, "training"),
            complexity=proposal.complexity.to_dict(),
            rejected_over_budget=proposal.rejected_over_budget,
            duplicates=proposal.duplicates,
        )
        return trial, self._rungs(trial)

    def add(self, trial: Trial) -> None:
        """Take up the trial that was asked for."""
        self._gate.remember(trial.architecture)
        self._suggestions.settle(trial.number, trial.architecture)
        self.trials.append(trial)

    def update(self, trial: Trial) -> None:
        """Take up a trial's new state."""
        self.trials[trial.number] = trial

    def place(self, trial: Trial) -> tuple[Rung, ...]:
        """Take up a trial that was not asked for here: a report model, or one of a saved run.

        Returns:
            Its rungs, as they were when it was first asked for.
        """
        self._seeds += trial.model is not None
        self._advance(trial.number)
        self.add(trial)
        return self._rungs(trial)

    def _needed(self, number: int) -> list[Trial]:
        """Give the trials that trial `number` depends on and that are not told yet."""
        return self.trials[self._told : max(0, number - self._study.lag + 1)]

    def _depends(self, number: int) -> bool:
        """Say whether a trial depends on the results of others."""
        if self._study.independent:
            return False
        return number >= self._seeds + self._study.startup_trials

    def _advance(self, number: int) -> None:
        """Make known what trial `number` depends on, no more, and ask the sampler for it."""
        if self._depends(number):
            for trial in self._needed(number):
                self._tell(trial)
        self._suggestions.begin(number)

    def _tell(self, trial: Trial) -> None:
        self._told = trial.number + 1
        for entry in trial.result.curve if trial.result else ():
            loss = loss_of(entry, self._study.objective)
            earlier = self._earlier.get(entry["epoch"])
            if loss is not None and earlier is not None:
                earlier.append((trial.size_bytes, loss))
        loss = trial.loss(self._study.objective)
        outcome = trial.state if loss is None else (loss, float(trial.size_bytes))
        if trial.architecture.ensemble is not None:
            outcome = "failed"  # no point of the space: there is nothing to learn from it
        self._suggestions.tell(trial.number, outcome)

    def _rungs(self, trial: Trial) -> tuple[Rung, ...]:
        """Make the rungs of a trial; where too few have been before it, everything passes."""
        settings = self._study.early_stopping
        compared = trial.model is None and self._depends(trial.number)
        rungs = []
        for epoch in self._epochs:
            earlier = self._earlier[epoch] if compared else []
            enough = earlier if len(earlier) >= settings.min_history else []
            rungs.append(
                make_rung(epoch, settings.keep, self._study.objective, trial.size_bytes, enough)
            )
        return tuple(rungs)
