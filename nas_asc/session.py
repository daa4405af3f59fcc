"""A session of a search: trials are started, what came of them is taken up, told and stored.

Conventions: seconds. A session ends with its trials, its time or an interrupt.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from nas_asc.agenda import Agenda
from nas_asc.interrupts import held_interrupts
from nas_asc.job import Done, Event, Job, JobResult, Reported
from nas_asc.progress import Progress
from nas_asc.scheduler import Scheduler
from nas_asc.study_clock import Clock
from nas_asc.study_config import StudyConfig
from nas_asc.trial_counts import TrialCounts
from nas_asc.trials import Trial, TrialStore
from nas_asc.workers import Workers

_log = logging.getLogger(__name__)
_LONGEST_POLL_S = 0.5


class Session:
    """A session of a search."""

    def __init__(
        self,
        study: StudyConfig,
        scheduler: Scheduler,
        store: TrialStore,
        workers: Workers,
        context: Mapping[str, object],
        progress: Callable[[Progress], None],
    ) -> None:
        self._study = study
        self._scheduler = scheduler
        self._store = store
        self._workers = workers
        self._context = context
        self._progress = progress
        self._counts = TrialCounts(study)
        self._agenda = Agenda(study, scheduler, self._counts, workers.capacity)
        self._running: dict[int, float] = {}  # since when, by number
        self.clock = Clock(study.time_s)

    def take_up(self, seeds: list[Trial]) -> None:
        """Go on from what is stored, with the report models that are not stored yet."""
        stored = self._store.load()
        begun = [trial.model for trial in stored]
        if begun == [trial.model for trial in seeds[: len(stored)]]:  # they are the same as then
            for trial in seeds[len(stored) :]:
                self._store.add(trial)
            stored += seeds[len(stored) :]
        for trial in stored:
            self._agenda.take_up(trial)
        self._counts.resumed = self._counts.finished
        earlier_s = max((trial.elapsed_s for trial in stored), default=0.0)
        self.clock = Clock(self._study.time_s, earlier_s)

    def run(self) -> None:
        """Train trials until there are no more, or no more time."""
        with held_interrupts() as interrupts:
            while self.clock.left_s > 0:
                self._start_what_can_start()
                self._tell_progress()
                if not self._running:
                    break
                for event in self._workers.poll(min(_LONGEST_POLL_S, self.clock.left_s)):
                    self._take(event)
                interrupts.check()
                for trial in self._agenda.cut(self._running):
                    self._workers.cancel(trial.number)
                    self._finish(trial)

    def _start_what_can_start(self) -> None:
        while self._workers.free:
            trial = self._agenda.choose(self._running, self.clock)
            if trial is None:
                break
            if trial.state == "skipped":
                self._finish(trial)
            else:
                self._start(replace(trial, state="running"))

    def _start(self, trial: Trial) -> None:
        self._store.start(trial)
        self._scheduler.update(trial)
        self._running[trial.number] = time.monotonic()
        self._workers.submit(
            Job(
                trial.number,
                trial.architecture.to_dict(),
                trial.seed,
                self._study.epochs,
                self._agenda.rungs.pop(trial.number),
                self._context,
            )
        )

    def _take(self, event: Event) -> None:
        """Take up what a worker tells."""
        if isinstance(event, Reported):
            self._tell_progress()
            return
        trial = self._scheduler.trials[event.number]
        if isinstance(event, Done):
            self._finish(_judged(trial, event.result))
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
        self._agenda.learn(trial)

    def _tell_progress(self) -> None:
        self._progress(self._counts.progress(len(self._running), self.clock))


def _judged(trial: Trial, result: JobResult) -> Trial:
    """Give a trial with its result; one whose metrics are no numbers has failed."""
    if result.stopped_epoch is not None:
        return replace(trial, state="stopped_early", result=result)
    for name in ("log_loss", "accuracy"):
        value = result.metrics.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return replace(trial, state="failed", reason=f"expected a finite {name}, got {value}")
    return replace(trial, state="completed", result=result)
