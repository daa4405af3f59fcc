"""What is trained next, and what time leaves room for.

Lost trials of an earlier session come first, then report models, then the search.

Conventions: seconds. A run's time is that of all its sessions, so that resuming one that was cut
short gives it the rest and not the whole again. With a time limit, nothing starts that would not
end in time as far as is known, and report models take at most half of all workers' seconds. Those
that would take more are left out, the one thing in which time decides what is trained and not only
how much.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from math import inf

from nas_asc.results import seed_captions
from nas_asc.search.progress import Clock, TrialCounts
from nas_asc.search.scheduler import Scheduler, SpaceExhausted
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task
from nas_asc.study import Rung, StudyConfig

_DRAWS = 300
_BASE_S = 2.0  # features from the cache, counting, evaluation
_MACS_PER_S = 4e9  # of one thread of a laptop in training; forward and backward are three passes
_PASSES = 3

_OVER_SHARE = "report models may take half of the time"

# Multiply-accumulates for one clip, of each network of a trial.
Macs = tuple[int, ...]
# Trials in training: since when, by number.
Running = Mapping[int, float]

_log = logging.getLogger(__name__)


class DurationModel:
    """How long a full training takes, learnt from those that ended: a base, and so much per MAC."""

    def __init__(self) -> None:
        self._count = 0
        # Sums, so that the ten-thousandth trial costs as little as the first; whole ones are exact.
        self._macs, self._macs_squared = 0, 0
        self._seconds, self._macs_by_seconds = 0.0, 0.0

    @property
    def known(self) -> bool:
        """Whether anything was learnt."""
        return self._count > 0

    def learn(self, macs: int, seconds: float) -> None:
        """Note a training: multiply-accumulates for one clip, and seconds."""
        self._count += 1
        self._macs += macs
        self._macs_squared += macs * macs
        self._seconds += seconds
        self._macs_by_seconds += macs * seconds

    def predict(self, *macs: int) -> float:
        """Return how long networks of so many multiply-accumulates take, one after the other.

        Least squares, neither part below 0; 0 if nothing is known.
        """
        if not self._count:
            return 0.0
        mean_macs, mean_s = self._macs / self._count, self._seconds / self._count
        slope = mean_s / mean_macs if mean_macs else 0.0
        if spread := self._count * self._macs_squared - self._macs * self._macs:
            together = self._count * self._macs_by_seconds - self._macs * self._seconds
            slope = min(max(together / spread, 0.0), slope)
        return sum(mean_s + slope * (each - mean_macs) for each in macs)


class WarmStartBudget:
    """Half of all workers' seconds, for report models; those that ended took `spent_s` of it."""

    def __init__(self, limit_s: float | None, workers: int) -> None:
        self._share_s = inf if limit_s is None else limit_s * workers / 2
        self.spent_s = 0.0

    def decide(
        self, durations: DurationModel, macs: Macs, running: list[tuple[Macs, float]]
    ) -> str:
        """Return whether a report model or ensemble should "start", "wait" or be left out ("skip").

        `running` are those that are trained now, with their seconds so far; before anything is
        known of durations, report models go one at a time.
        """
        if self._share_s == inf:
            return "start"
        if not durations.known:
            return "wait" if running else "start"
        planned = sum(max(durations.predict(*each), seconds) for each, seconds in running)
        fits = self.spent_s + planned + durations.predict(*macs) <= self._share_s
        return "start" if fits else "skip"

    def used_up(self, running: list[tuple[Macs, float]]) -> bool:
        """Return whether the report models that are trained now must be cut."""
        return self.spent_s + sum(seconds for _, seconds in running) >= self._share_s


def expected_seconds(task: Task, trials: int, workers: int) -> float | None:
    """Estimate how long trials will take, before anything was measured.

    Right within a factor of two or three, not better; None where so little of the space fits that
    draws say nothing about it.
    """
    rng = random.Random(0)
    counted = [task.measure(task.space.random(rng)) for _ in range(_DRAWS)]
    fitting = [c for c in counted if task.trained_budget.exceeded(c) is None]
    if not fitting:
        return None
    macs = sum(c.macs for c in fitting) / len(fitting)
    clips = len(task.dataset.indices("train"))
    each_s = _BASE_S + _PASSES * macs * clips * task.config.epochs / _MACS_PER_S
    return trials * each_s / workers


class TrialQueue:
    """Chooses the trial to start; `rungs` are those of each that has not started, by number."""

    def __init__(
        self, study: StudyConfig, scheduler: Scheduler, counts: TrialCounts, workers: int
    ) -> None:
        self._study = study
        self._scheduler = scheduler
        self._counts = counts
        self._durations = DurationModel()
        self._warm_start_budget = WarmStartBudget(study.time_s, workers)
        self._lost: deque[Trial] = deque()
        self._warm_start: deque[Trial] = deque()
        self._exhausted = False
        self.rungs: dict[int, tuple[Rung, ...]] = {}

    def restore(self, trial: Trial) -> None:
        """Add a trial that is stored, with the rungs it was first asked for with."""
        self.rungs[trial.number] = self._scheduler.restore(trial)
        if trial.finished:
            self.learn(trial)
        else:
            (self._warm_start if trial.state == "waiting" else self._lost).append(trial)

    def learn(self, trial: Trial) -> None:
        """Note how long a trial took that ended."""
        self._counts.add(trial)
        if trial.model is not None:
            self._warm_start_budget.spent_s += trial.spent_s
        if trial.result and len(trial.network_macs) == 1:  # several tell nothing about one
            done = (trial.result.stopped_epoch or self._study.epochs) / self._study.epochs
            self._durations.learn(trial.macs, trial.result.seconds / done)

    def next_trial(self, running: Running, clock: Clock) -> Trial | None:
        """Return the trial to start now, None for nothing now; in state "skipped" if left out."""
        if self._counts.reached(len(running)) or clock.left_s <= 0:
            return None
        if self._lost:
            return self._lost.popleft()
        if self._warm_start:
            trial = self._warm_start[0]
            decision = self._warm_start_budget.decide(
                self._durations, trial.network_macs, self._warm_start_in(running)
            )
            if decision != "wait":
                self._warm_start.popleft()
                return trial if decision == "start" else _skipped(trial, _OVER_SHARE)
        if self._counts.reached(len(running) + len(self._warm_start)):
            return None
        return self._ask(clock)

    def overdue(self, running: Running) -> list[Trial]:
        """Return the report models in training whose time is used up, in state "skipped"."""
        if not self._warm_start_budget.used_up(self._warm_start_in(running)):
            return []
        trials = (self._scheduler.trials[number] for number in running)
        return [_skipped(t, f"cut off: {_OVER_SHARE}") for t in trials if t.model is not None]

    def _ask(self, clock: Clock) -> Trial | None:
        if self._exhausted or not self._scheduler.can_ask:
            return None
        try:
            trial, rungs = self._scheduler.ask()
        except SpaceExhausted:
            _log.warning("the space has no more architectures that fit the budget and are new")
            self._exhausted = True
            return None
        if self._durations.predict(trial.macs) > clock.left_s:
            # A cheaper one might fit, but what was trained would be no prefix of a longer search.
            self._exhausted = True
            return None
        self.rungs[trial.number] = rungs
        self._scheduler.add(trial)
        return trial

    def _warm_start_in(self, running: Running) -> list[tuple[Macs, float]]:
        now = time.monotonic()
        trials = ((self._scheduler.trials[number], since) for number, since in running.items())
        return [(t.network_macs, now - since) for t, since in trials if t.model is not None]


def _skipped(trial: Trial, reason: str) -> Trial:
    for line in seed_captions((), (), [{"model": trial.model, "reason": reason}]):
        _log.warning("%s", line)
    return replace(trial, state="skipped", reason=reason)
