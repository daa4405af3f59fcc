"""How many trials of a run ended how, and the best so far."""

from nas_asc.progress import Progress
from nas_asc.run_summary import point
from nas_asc.rungs import loss_of
from nas_asc.study_clock import Clock
from nas_asc.study_config import StudyConfig
from nas_asc.trials import Trial


class TrialCounts:
    """Counts of trials, kept as they end.

    Attributes:
        resumed: trials that had ended when this session began.
    """

    def __init__(self, study: StudyConfig) -> None:
        self._study = study
        self._states = dict.fromkeys(("completed", "stopped_early", "failed", "skipped"), 0)
        self._rejected = 0
        self._best: tuple[float, Trial] | None = None
        self.resumed = 0

    @property
    def finished(self) -> int:
        """Trials that ended; report models that were skipped are none."""
        return sum(self._states.values()) - self._states["skipped"]

    def reached(self, besides: int) -> bool:
        """Say whether these and `besides` more are all that the study asks for."""
        return self._study.trials is not None and self.finished + besides >= self._study.trials

    def add(self, trial: Trial) -> None:
        """Count a trial that ended."""
        self._states[trial.state] += 1
        self._rejected += trial.rejected_over_budget
        if trial.state == "completed" and trial.result is not None:
            loss = loss_of(trial.result.metrics, self._study.objective)
            if loss is not None and (self._best is None or loss < self._best[0]):
                self._best = (loss, trial)

    def progress(self, running: int, clock: Clock) -> Progress:
        """Say how far the search has come."""
        return Progress(
            completed=self._states["completed"],
            total=self._study.trials,
            stopped_early=self._states["stopped_early"],
            failed=self._states["failed"],
            rejected_over_budget=self._rejected,
            running=running,
            resumed=self.resumed,
            best=None if self._best is None else point(self._best[1]),
            elapsed_s=clock.session_s,
            limit_s=None if clock.limit_s is None else clock.limit_s - clock.earlier_s,
        )
