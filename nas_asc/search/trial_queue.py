"""What is trained next: lost trials of earlier sessions, then report models, then the search.

Conventions: seconds. A run's time is that of all its sessions, so that resuming one that was cut
short gives it the rest and not the whole again. Time decides only how far a search gets, never what
is trained: trials start until there is none left, and the last ones go on from their checkpoints
when the run is resumed. Report models that would take more than their share of the time, as
planned, are left out.
"""

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import replace

from nas_asc.results import seed_captions
from nas_asc.search.progress import Clock, TrialCounts
from nas_asc.search.scheduler import Scheduler, SpaceExhausted
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task
from nas_asc.study import CORES, WARM_START_SHARE, Rung

_log = logging.getLogger(__name__)


def too_long(task: Task, warm_start: Collection[Trial]) -> set[int]:
    """Return the numbers of the report models that have no place in their share of the time.

    The cheapest come first. By the planned seconds of the reference, not by those of a clock, so
    that the same are trained on every machine; all where the search has no limit of time.
    """
    time_s = task.config.time_s
    if time_s is None:
        return set()
    left_s, long = WARM_START_SHARE * time_s * CORES, set[int]()
    for trial in warm_start:
        left_s -= task.trial_s(trial.complexity, len(trial.network_macs))
        if left_s < 0:
            long.add(trial.number)
    return long


class TrialQueue:
    """Chooses the trial to start; `rungs` are those of each that has not started, by number."""

    def __init__(
        self, scheduler: Scheduler, counts: TrialCounts, skipped: Collection[int] = ()
    ) -> None:
        self._scheduler = scheduler
        self._counts = counts
        self._skipped = skipped
        self._lost: deque[Trial] = deque()
        self._warm_start: deque[Trial] = deque()
        self._exhausted = False
        self.rungs: dict[int, tuple[Rung, ...]] = {}

    def restore(self, trial: Trial) -> None:
        """Add a trial that is stored, with the rungs it was first asked for with."""
        self.rungs[trial.number] = self._scheduler.restore(trial)
        if trial.finished and not trial.lost:
            self._counts.add(trial)
        else:
            (self._warm_start if trial.state == "waiting" else self._lost).append(trial)

    def next_trial(self, running: int, clock: Clock) -> Trial | None:
        """Return the trial to start now, None for nothing now; in state "skipped" if left out."""
        if self._counts.reached(running) or clock.left_s <= 0:
            return None
        if self._lost:
            return self._lost.popleft()
        if self._warm_start:
            trial = self._warm_start.popleft()
            return _skipped(trial) if trial.number in self._skipped else trial
        return self._ask()

    def _ask(self) -> Trial | None:
        if self._exhausted or not self._scheduler.can_ask:
            return None
        try:
            trial, rungs = self._scheduler.ask()
        except SpaceExhausted:
            _log.warning("the space has no more architectures that fit the budget and are new")
            self._exhausted = True
            return None
        self.rungs[trial.number] = rungs
        self._scheduler.add(trial)
        return trial


def _skipped(trial: Trial) -> Trial:
    reason = f"report models may take {WARM_START_SHARE:.0%} of the time"
    for line in seed_captions((), (), [{"model": trial.model, "reason": reason}]):
        _log.warning("%s", line)
    return replace(trial, state="skipped", reason=reason)
