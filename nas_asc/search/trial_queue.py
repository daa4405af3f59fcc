"""What is trained next: lost trials of earlier sessions, then the search, then report models.

Conventions: time decides only how far a search gets, never what is trained: jobs start until there
is none left, and the last ones go on from their checkpoints when the run is resumed. Report models
for which the search had no room are trained when it has ended, the cheapest first, and so are those
that rest at a rung; a sampler never learns of that.
"""

from collections import deque
from dataclasses import replace

from nas_asc.search.scheduler import Scheduler
from nas_asc.search.storage.trials import Trial
from nas_asc.study import WARM_START_SHARE


class TrialQueue:
    """Chooses the trial that is started, or taken up where it rests."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._lost = deque(t for t in scheduler.trials if t.lost or t.state == "running")

    def next_trial(self) -> Trial | None:
        """Return the trial to start now, in the state that it had; None for nothing now."""
        if self._lost:
            return self._lost.popleft()
        trial = self._scheduler.ask()
        if trial is None and self._scheduler.over:
            return self._after_end()
        return trial

    def _after_end(self) -> Trial | None:
        unfinished = ("skipped", "stopped_early")
        for trial in self._scheduler.trials:
            if trial.model is not None and trial.state in unfinished:
                return replace(trial, after_end=True)
        return None


def left_out(scheduler: Scheduler) -> list[Trial]:
    """Return the report models that the search has no room for, in state "skipped"."""
    reason = f"they have {WARM_START_SHARE:.0%} of a search, and what time is left after it"
    waiting = [scheduler.trials[n] for n in sorted(scheduler.skipped)]
    return [replace(t, state="skipped", reason=reason) for t in waiting if t.state == "waiting"]
