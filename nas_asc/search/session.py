"""A session of a search: trials are started, and what came of them is told and stored.

Conventions: seconds. A session ends with its trials, its time or Ctrl-C: the first ends it between
two steps, so that what has just come in is stored, the second at once.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from nas_asc.search.progress import Clock, Progress, TrialCounts
from nas_asc.search.runners import Runner
from nas_asc.search.runners.inline import on_sigint
from nas_asc.search.scheduler import Scheduler
from nas_asc.search.storage.sqlite_store import SqliteStore
from nas_asc.search.storage.trials import Trial
from nas_asc.search.trial_queue import TrialQueue
from nas_asc.study import EpochReported, Event, Job, JobFinished, JobResult, StudyConfig

_log = logging.getLogger(__name__)
_LONGEST_POLL_S = 0.5


class Session:
    """A session of a search, whose jobs share a context.

    `progress` is called after each epoch and each trial.
    """

    def __init__(
        self,
        study: StudyConfig,
        scheduler: Scheduler,
        store: SqliteStore,
        runner: Runner,
        context: Mapping[str, object],
        progress: Callable[[Progress], None],
    ) -> None:
        self._study = study
        self._scheduler = scheduler
        self._store = store
        self._runner = runner
        self._context = context
        self._progress = progress
        self._counts = TrialCounts(study.trials, study.objective)
        self._queue = TrialQueue(study, scheduler, self._counts, runner.capacity)
        self._running: dict[int, float] = {}  # since when, by number
        self.clock = Clock(study.time_s)

    def restore(self, warm_start: list[Trial]) -> None:
        """Go on from what is stored, with the report models that are not stored yet."""
        stored = self._store.load()
        begun = [trial.model for trial in stored]
        if begun == [trial.model for trial in warm_start[: len(stored)]]:  # the same as then
            for trial in warm_start[len(stored) :]:
                self._store.add(trial)
                stored.append(trial)
        for trial in stored:
            self._queue.restore(trial)
        self._counts.resumed = self._counts.finished
        earlier_s = max((trial.elapsed_s for trial in stored), default=0.0)
        self.clock = Clock(self._study.time_s, earlier_s)

    def run(self) -> None:
        """Train trials until there are no more, or no more time.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        pressed = False

        def press(*_: object) -> None:
            nonlocal pressed
            if pressed:
                raise KeyboardInterrupt
            pressed = True

        with on_sigint(press):
            while self.clock.left_s > 0:
                self._start_trials()
                self._report_progress()
                if not self._running:
                    break
                for event in self._runner.poll(min(_LONGEST_POLL_S, self.clock.left_s)):
                    self._handle(event)
                if pressed:
                    raise KeyboardInterrupt
                for trial in self._queue.overdue(self._running):
                    self._runner.cancel(trial.number)
                    self._finish(trial)

    def _start_trials(self) -> None:
        while self._runner.free:
            trial = self._queue.next_trial(self._running, self.clock)
            if trial is None:
                break
            if trial.state == "skipped":
                self._finish(trial)
                continue
            trial = replace(trial, state="running")
            self._store.start(trial)
            self._scheduler.update(trial)
            self._running[trial.number] = time.monotonic()
            architecture, epochs = trial.architecture.to_dict(), self._study.epochs
            rungs = self._queue.rungs.pop(trial.number)
            job = Job(trial.number, architecture, trial.seed, epochs, rungs, self._context)
            self._runner.submit(job)

    def _handle(self, event: Event) -> None:
        if isinstance(event, EpochReported):
            self._report_progress()
            return
        trial = self._scheduler.trials[event.number]
        if isinstance(event, JobFinished):
            self._finish(_with_result(trial, event.result))
        else:
            _log.info("trial %d failed: %s", event.number, event.traceback or event.reason)
            failed = replace(trial, state="failed", reason=event.reason, traceback=event.traceback)
            self._finish(failed)

    def _finish(self, trial: Trial) -> None:
        since = self._running.pop(trial.number, None)
        spent_s = 0.0 if since is None else time.monotonic() - since
        trial = replace(trial, elapsed_s=self.clock.elapsed_s, spent_s=spent_s)
        self._store.finish(trial, trial.loss(self._study.objective))
        self._scheduler.update(trial)
        self._queue.learn(trial)

    def _report_progress(self) -> None:
        self._progress(self._counts.progress(len(self._running), self.clock))


def _with_result(trial: Trial, result: JobResult) -> Trial:
    """Return a trial with its result; one whose metrics are no numbers has failed."""
    if result.stopped_epoch is not None:
        return replace(trial, state="stopped_early", result=result)
    for name in ("log_loss", "accuracy"):
        value = result.metrics.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return replace(trial, state="failed", reason=f"expected a finite {name}, got {value}")
    return replace(trial, state="completed", result=result)
