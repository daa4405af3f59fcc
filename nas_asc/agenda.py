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

from nas_asc.captions import seed_captions
from nas_asc.proposals import SpaceExhausted
from nas_asc.rungs import Rung
from nas_asc.scheduler import Scheduler
from nas_asc.study_clock import Clock, Macs, Pace, SeedShare
from nas_asc.study_config import StudyConfig
from nas_asc.trial_counts import TrialCounts
from nas_asc.trials import Trial

_log = logging.getLogger(__name__)
_LEFT_OUT = "report models may take half of the time"

# Trials in training: since when, by number.
Running = Mapping[int, float]


class Agenda:
    """Chooses the trial to start; knows how long trials take."""

    def __init__(
        self, study: StudyConfig, scheduler: Scheduler, counts: TrialCounts, workers: int
    ) -> None:
        self._study = study
        self._scheduler = scheduler
        self._counts = counts
        self._pace = Pace()
        self._share = SeedShare(study.time_s, workers)
        self._lost: deque[Trial] = deque()
        self._seeds: deque[Trial] = deque()
        self._next: Trial | None = None  # asked for, and not started yet
        self._no_more = False
        self.rungs: dict[int, tuple[Rung, ...]] = {}

    def take_up(self, trial: Trial) -> None:
        """Take up a trial that is stored, with the rungs it was first asked for with."""
        self.rungs[trial.number] = self._scheduler.place(trial)
        if trial.finished:
            self.learn(trial)
        else:
            (self._seeds if trial.state == "waiting" else self._lost).append(trial)

    def learn(self, trial: Trial) -> None:
        """Take note of how long a trial took."""
        self._counts.add(trial)
        if trial.model is not None:
            self._share.spent_s += trial.spent_s
        if trial.result is not None:
            done = (trial.result.stopped_epoch or self._study.epochs) / self._study.epochs
            if len(trial.network_macs) == 1:  # several trainings tell nothing about one
                self._pace.learn(trial.macs, trial.result.seconds / done)

    @property
    def seconds_of_report_models(self) -> float:
        """What report models took, those that were cut off or failed too."""
        return self._share.spent_s

    def choose(self, running: Running, clock: Clock) -> Trial | None:
        """Give the trial to start now, None for nothing now; one in state "skipped" is left out."""
        if self._counts.reached(len(running)) or clock.left_s <= 0:
            return None
        if self._lost:
            return self._lost.popleft()
        if self._seeds:
            seed = self._seeds[0]
            decision = self._share.decide(self._pace, seed.network_macs, self._seeds_in(running))
            if decision != "wait":
                self._seeds.popleft()
                return seed if decision == "start" else _skipped(seed, _LEFT_OUT)
        if self._counts.reached(len(running) + len(self._seeds)):
            return None
        return self._ask(clock)

    def cut(self, running: Running) -> list[Trial]:
        """Give the report models in training whose time is used up, in state "skipped"."""
        seeds = self._seeds_in(running)
        if not self._share.used_up(seeds):
            return []
        trials = (self._scheduler.trials[number] for number in running)
        return [_skipped(t, f"cut off: {_LEFT_OUT}") for t in trials if t.model is not None]

    def _ask(self, clock: Clock) -> Trial | None:
        if self._no_more or (self._next is None and not self._scheduler.can_ask):
            return None
        if self._next is None:
            try:
                self._next, rungs = self._scheduler.ask()
            except SpaceExhausted:
                _log.warning("the space has no more architectures that fit the budget and are new")
                self._no_more = True
                return None
            self.rungs[self._next.number] = rungs
        if self._pace.predict(self._next.macs) > clock.left_s:
            self._no_more = True  # a cheaper one might fit, but what was trained would be no prefix
            return None
        trial, self._next = self._next, None
        self._scheduler.add(trial)
        return trial

    def _seeds_in(self, running: Running) -> list[tuple[Macs, float]]:
        now = time.monotonic()
        trials = ((self._scheduler.trials[number], since) for number, since in running.items())
        return [(t.network_macs, now - since) for t, since in trials if t.model is not None]


def _skipped(trial: Trial, reason: str) -> Trial:
    for line in seed_captions((), (), [{"model": trial.model, "reason": reason}]):
        _log.warning("%s", line)
    return replace(trial, state="skipped", reason=reason)
