"""Trials whose process died or hung, or that ran out of memory, and when to run them again.

Conventions: seconds. A lost trial is run again with the same seed and settings, so that what comes
after it does not change; twice at most, the last time alone, since what is wanting is most often
memory. A trial hangs of which nothing was heard for a minute and ten times as long as its features
and an epoch are forecast to take.
"""

import time
from collections import Counter, deque
from collections.abc import Collection

from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task
from nas_asc.study import JobFailed
from nas_asc.units import format_duration

_MOST = 2  # how often a trial is run again
_SILENT_S = 60.0
_SILENT_TIMES = 10.0
_STOPPED_S = 10.0  # between two looks, twenty times what is usual


class LostTrials:
    """Watches trials in training, and keeps those that were lost until they are run again."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._heard_s: dict[int, float] = {}  # when, of each in training
        self._looked_s = time.monotonic()
        self._lost: Counter[int] = Counter()  # how often, by number
        self._again: deque[Trial] = deque()

    def __len__(self) -> int:
        """How many are to be run again."""
        return len(self._again)

    def heard(self, number: int) -> None:
        """Note that a trial in training began or has done an epoch."""
        self._heard_s[number] = time.monotonic()

    def ended(self, number: int) -> None:
        """Note that a job of a trial has ended; what becomes of its next is another matter."""
        self._heard_s.pop(number, None)
        del self._lost[number]

    def hanging(self, trials: Collection[Trial], slowness: float) -> list[JobFailed]:
        """Return the failures of those of the trials in training that hang.

        `slowness` is that of this machine, against the plan. Is to be called often: while the
        driver itself was stopped, such as by Ctrl-Z, nobody could be heard.
        """
        now_s = time.monotonic()
        if (stopped_s := now_s - self._looked_s) > _STOPPED_S:
            self._heard_s = {number: at_s + stopped_s for number, at_s in self._heard_s.items()}
        self._looked_s = now_s
        found = []
        for trial in trials:
            silent_s = now_s - self._heard_s[trial.number]
            if silent_s <= _SILENT_S:
                continue
            # the features, of which nobody hears, take no less where trainings are quick
            forecast_s = self._task.first_epoch_s(trial) * max(1.0, slowness)
            if silent_s > _SILENT_S + _SILENT_TIMES * forecast_s:
                reason = f"nothing was heard of it for {format_duration(silent_s)}"
                found.append(JobFailed(trial.number, reason, lost=True))
        return found

    def lost(self, trial: Trial) -> bool:
        """Note that a trial was lost; return whether it is to be run again."""
        self._heard_s.pop(trial.number, None)
        self._lost[trial.number] += 1
        if self._lost[trial.number] > _MOST:
            return False
        self._again.append(trial)
        return True

    def next_trial(self, running: Collection[int]) -> tuple[bool, Trial | None]:
        """Return whether others may start now, and what is to be run again now, if anything."""
        if any(self._lost[number] == _MOST for number in running):
            return False, None
        if not self._again:
            return True, None
        alone = self._lost[self._again[0].number] == _MOST
        return False, None if alone and running else self._again.popleft()
