"""What is trained next: what an earlier session lost, then report models, then the search.

Conventions: with a time limit, nothing starts that would not end in time as far as is known, and
report models take at most half of all workers' seconds. Those that would take more are left out,
the one thing in which time decides what is trained and not only how much.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from nas_asc.results import seed_captions
from nas_asc.search.progress import TrialCounts
from nas_asc.search.scheduler import Scheduler, SpaceExhausted
from nas_asc.search.storage.trials import Trial
from nas_asc.search.timing import Clock, DurationModel, Macs, WarmStartBudget
from nas_asc.study import Rung, StudyConfig

_log = logging.getLogger(__name__)
_OVER_SHARE = "report models may take half of the time"

# Trials in training: since when, by number.
Running = Mapping[int, float]


class TrialQueue:
    """Chooses the trial to start; knows how long trials take.

    Attributes:
        rungs: of each trial that has not started, by number.
    """

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
        self._asked: Trial | None = None  # and not started yet
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
        if trial.result is not None:
            done = (trial.result.stopped_epoch or self._study.epochs) / self._study.epochs
            if len(trial.network_macs) == 1:  # several trainings tell nothing about one
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
        if self._exhausted:
            return None
        if self._asked is None:
            if not self._scheduler.can_ask:
                return None
            try:
                self._asked, rungs = self._scheduler.ask()
            except SpaceExhausted:
                _log.warning("the space has no more architectures that fit the budget and are new")
                self._exhausted = True
                return None
            self.rungs[self._asked.number] = rungs
        if self._durations.predict(self._asked.macs) > clock.left_s:
            # A cheaper one might fit, but what was trained would be no prefix of a longer search.
            self._exhausted = True
            return None
        trial, self._asked = self._asked, None
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
