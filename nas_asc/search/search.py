"""The search: asks for trials, has them trained, and keeps what came of them.

```
scheduler: goes on at a rung, or new: gate (known? over the budget?) -> store: one write -> workers
    ^                                                                                          |
    +---- results that are known by plan <-------------------- store: one write <--------------+
```

Conventions: seconds. The store is the one record of truth: a run that ends at any moment loses the
trials in training and nothing else, and they are run again when it is resumed. A session ends with
its trials, its time or Ctrl-C: the first ends it between two steps, so that what has just come in
is stored, the second at once. A fault that no trial is to blame for, such as a full disk, ends it
too, since trials that failed of it would be missing from what the search learns.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from nas_asc.datasets import Dataset
from nas_asc.errors import RunError
from nas_asc.results import Summary, seed_captions, write_front
from nas_asc.search.finals import train_front_again
from nas_asc.search.lost_trials import LostTrials
from nas_asc.search.progress import (
    Clock,
    Machines,
    Pace,
    Progress,
    ProposalTime,
    TrialCounts,
    Utilisation,
)
from nas_asc.search.runners import RUNNERS, Runner
from nas_asc.search.runners.inline import interruptible_between_steps
from nas_asc.search.scheduler import Scheduler
from nas_asc.search.storage import run_folder, shared_study
from nas_asc.search.storage.finals import search_has_ended
from nas_asc.search.storage.run_summary import summarise
from nas_asc.search.storage.trials import Trial, TrialStore, run_seconds
from nas_asc.search.task import Task, read_task
from nas_asc.search.teachers import keep_what_they_say, recipe_of_jobs
from nas_asc.search.trial_queue import TrialQueue, left_out
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.study import (
    STUDY_FILE,
    EpochReported,
    Event,
    Job,
    JobFinished,
    JobResult,
    JobWaiting,
    StudyConfig,
    loss_of,
    study_toml,
)
from nas_asc.units import number_of

# Named, not imported: the driver needs no torch.
JOB_FUNCTION = "nas_asc.training.run_job:run_job"

_LONGEST_POLL_S = 0.5
_KEEP_TIME_S = 1.0
_log = logging.getLogger(__name__)


def run_search(
    config: StudyConfig,
    dataset: Dataset,
    *,
    run: Path,
    workers: Runner | int = 1,
    progress: Callable[[Progress], None] = lambda _: None,
    resume: bool = False,
    password: str | None = None,
) -> Summary:
    """Search, or go on with a search, until its trials or its time are used up.

    The same study and number of trials give the same front with any number of workers on machines
    of one kind; where a run has several kinds, it says so. A search that ends by `time_s` has done
    a prefix of the same jobs. Report models take a quarter of the planned work at most; one that
    ends before its time goes on with the rest of them. Where the study asks for it, the front is
    written and its points are trained again then, without a limit of time.

    Args:
        config: the study. When a run is resumed it must be the one that the run was started with,
            but for `trials`, `time_s`, `final_seeds` and `cv`, which are totals and may be raised,
            the device, and the place of the recordings and teachers.
        dataset: what `config.data` names, loaded.
        run: the run folder.
        workers: where trials are trained, closed in the end; or a number of processes.
        progress: called after each epoch and each trial.
        resume: go on with the run in the folder.
        password: of the database that the study names; None for that of PGPASSWORD or ~/.pgpass.

    Raises:
        ConfigError: the study names no space, or one that is not valid, or teachers that have
            other classes or have seen clips that judge.
        NothingFits: no architecture of the space fits the budget.
        RunError: the folder is in use, is damaged, holds another run, or holds none to resume; or a
            recording is gone, a disk full, or a database cannot be reached, used or held any more:
            the run can be resumed when that is put right.
        KeyboardInterrupt: Ctrl-C; the run can be resumed. A second one does not wait for anything.
    """
    runner = RUNNERS["local"](workers, JOB_FUNCTION) if isinstance(workers, int) else workers
    with closing(runner):
        task = read_task(config, lambda: dataset)
        return run_task(task, runner, run=run, progress=progress, resume=resume, password=password)


def run_task(
    task: Task,
    runner: Runner,
    *,
    run: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    resume: bool = False,
    password: str | None = None,
) -> Summary:
    """Search as `run_search` does, for a task that was read before; leaves the runner open."""
    config = shared_study.with_study_name(run, task.config, resume)
    if config != task.config:  # else it keeps what has been computed of it
        task = replace(task, config=config)
    warm_start, over_budget = warm_start_trials(task)
    manifest = run_folder.run_manifest(task, warm_start, over_budget)
    if resume:
        run_folder.check_same(run, run_folder.saved_study(run), config)
    with ExitStack() as stack:
        stack.enter_context(run_folder.locked(run))
        stack.enter_context(run_folder.storage_faults_in_one_line(run, config))
        if not resume:
            run_folder.check_new(run)
            run_folder.save_study(run, config)
        opened = run_folder.open_store(run, task.space, config, password)
        store = stack.enter_context(closing(opened))
        facts = run_folder.check_manifest(run, store, manifest, config.objective)
        if resume:
            run_folder.save_study(run, config)  # where the recordings lie now
        store.keep_file(STUDY_FILE, study_toml(config))
        keep_what_they_say(run, config.recipe, task.teachers, task.dataset)
        if config.storage is not None:
            _log.warning("the trials are in %s, study %s", config.storage, config.study_name)
        if runner.capacity > config.lag and not config.independent:
            _log.warning(
                "%d workers: about %d are busy, since what comes next waits for results; --lag "
                "lets it wait for fewer",
                runner.capacity,
                config.lag,
            )
        workers = runner.capacity  # there may be fewer in the end
        session = _Session(
            *(task, run, store, runner, progress), warm_start if config.warm_start else []
        )
        trials = session.scheduler.trials
        for line in seed_captions(facts["seeds_adapted"], facts["ensembles_skipped"]):
            _log.warning("%s", line)
        if later := [str(trial.model) for trial in trials if trial.state == "skipped"]:
            _log.warning("report models left until the search has ended: %s", ", ".join(later))
        ended = search_has_ended(run, config)  # and what came after it is to be gone on with
        if not ended:
            session.run()
        summary = summarise(run, config, task.budget, trials, facts)
        if not ended:
            used = session.utilisation.share(workers)
            summary = replace(summary, seconds=session.clock.elapsed_s, utilisation=used)
        if config.trains_again:
            session.cancel()
            write_front(summary, run)  # before anything is judged on test clips
            front = [trials[point.trial] for point in summary.front_of_trials]
            how = (session.context, progress, session.machines)
            finals = train_front_again(task, run, store, runner, front, *how)
            summary = replace(summary, finals=finals)
        return summary


class _Session:
    """A session of a search: trials are started, and what came of them is told and stored."""

    def __init__(
        self,
        task: Task,
        run: Path,
        store: TrialStore,
        runner: Runner,
        progress: Callable[[Progress], None],
        warm_start: Sequence[Trial],
    ) -> None:
        """Go on from what is stored, with the report models that are not stored yet."""
        self._study = study = task.config
        self._store = store
        self._runner = runner
        self._progress = progress
        stored = store.load()
        begun = [trial.model for trial in stored]
        if begun == [trial.model for trial in warm_start[: len(stored)]]:  # the same as then
            for trial in warm_start[len(stored) :]:
                store.add(trial)
                stored.append(trial)
        self.scheduler = Scheduler(task, [trial for trial in stored if trial.model is not None])
        self.scheduler.restore(stored)
        self._counts = TrialCounts(study.trials, study.objective)
        self.machines = Machines()
        for trial in stored:
            self._counts.note(trial)
            self.machines.note(trial.machine)
        self._counts.resumed = self._counts.finished
        self._queue = TrialQueue(self.scheduler)
        self._ahead: Trial | None = None
        self._pace = Pace(task, runner.capacity)
        self._running: set[int] = set()
        self._lost = LostTrials(task)
        self.context = {  # what all jobs share, as plain data
            "data": task.dataset.source.to_dict(),
            "split_seed": task.dataset.split_seed,
            "clips": len(task.dataset.clips),
            "validation_clips": study.validation_clips,
            "recipe": recipe_of_jobs(study.recipe, task.teachers),
            "rule": task.rule.id,
            "space": study.space,
            "run": str(run),
            "device": study.device or "cpu",
        }
        if study.member_recipes:
            recipes = study.member_recipes.items()
            self.context["member_recipes"] = {name: recipe.to_dict() for name, recipe in recipes}
        self.clock = Clock(study.time_s, run_seconds(stored, store.facts()))
        self._kept_s = self.clock.elapsed_s
        self.utilisation = Utilisation(self.clock)
        self._proposals = ProposalTime(self.clock, study.sampler)
        for trial in left_out(self.scheduler):
            self._keep(trial)

    def run(self) -> None:
        """Train trials until there are no more, or no more time; Ctrl-C is raised."""
        if self.clock.left_s <= 0:
            _log.warning("the time of the run is used up: a longer --time, in all, goes on with it")
        with interruptible_between_steps() as check:
            while self.clock.left_s > 0:
                self._start_trials()
                self._report_progress()
                if not (self._running or self._lost):
                    break
                self._look_ahead()  # the time may be up when it is done
                timeout_s = max(0.0, min(_LONGEST_POLL_S, self.clock.left_s))
                for event in self._runner.poll(timeout_s):
                    self._handle(event)
                self._end_what_hangs()
                self._keep_time()
                check()
        if self._running:
            _log.warning(
                "the time is up: %s in training, to go on when the run is resumed with more --time",
                number_of(len(self._running), "trial"),
            )
        self._keep_time(0.0)
        self.utilisation.end()

    def _keep_time(self, least_s: float = _KEEP_TIME_S) -> None:
        """Store from time to time how long the run has taken, since jobs may take long to end."""
        if self.clock.elapsed_s - self._kept_s > least_s:
            self._kept_s = self.clock.elapsed_s
            self._store.set_elapsed(self._kept_s)

    def cancel(self) -> None:
        """End what is still in training when the time is up."""
        for number in self._running:
            self._runner.cancel(number)

    def _start_trials(self) -> None:
        while free := self._runner.free:
            began_s = time.monotonic()
            trial = self._next_trial()
            if trial is None:
                break
            self._proposals.note(time.monotonic() - began_s, free, self._runner.capacity)
            trial = trial.started()
            self._store.start(trial)
            self.scheduler.update(trial)
            self._counts.note(trial)
            self._running.add(trial.number)
            self._lost.heard(trial.number)
            self.utilisation.begin()
            epochs = self._study.epochs
            whole = trial.after_end or not trial.jobs
            self._runner.submit(
                Job(
                    *(trial.number, trial.architecture.to_dict(), trial.seed),
                    epochs=epochs,
                    until=epochs if whole else trial.jobs[-1].until,
                    rungs=self._study.early_stopping.epochs(epochs),
                    learning_rate=trial.learning_rate,
                    context=self.context,
                )
            )

    def _next_trial(self) -> Trial | None:
        """Return what to start now: what was lost before what is new."""
        others, trial = self._lost.next_trial(self._running)
        if others:
            trial, self._ahead = self._look_ahead(), None
        return trial

    def _look_ahead(self) -> Trial | None:
        """Return what comes next; a sampler may think about it while workers are busy."""
        if self._ahead is None and self.clock.left_s > 0:
            self._ahead = self._queue.next_trial()
        return self._ahead

    def _end_what_hangs(self) -> None:
        trials = [self.scheduler.trials[number] for number in self._running]
        for failed in self._lost.hanging(trials, self._pace.slowness):
            self._runner.cancel(failed.number)
            self._handle(failed)

    def _handle(self, event: Event) -> None:
        trial = self.scheduler.trials[event.number]
        if isinstance(event, JobWaiting):
            self._lost.heard(event.number)
        elif isinstance(event, EpochReported):
            self._lost.heard(event.number)
            self._pace.note(trial, event.entry)
            self._report_progress()
        elif isinstance(event, JobFinished):
            self.utilisation.stored(event.result.seconds)
            self._finish(_with_result(trial, event.result))
            self.machines.note(event.result.machine)
        elif event.lost and self._lost.lost(trial):
            _log.warning("trial %d: %s; it is run again", event.number, event.reason)
            self._running.discard(event.number)
        elif event.stops:
            raise RunError(f"{event.reason}, and go on with --resume")
        else:
            _log.info("trial %d failed: %s", event.number, event.traceback or event.reason)
            failed = replace(trial, state="failed", reason=event.reason, lost=event.lost)
            self._finish(replace(failed, traceback=event.traceback))

    def _finish(self, trial: Trial) -> None:
        self._lost.ended(trial.number)
        self._running.discard(trial.number)
        self._keep(trial)

    def _keep(self, trial: Trial) -> None:
        """Store how a job of a trial ended, or that there is none."""
        loss, objective = trial.loss(self._study.objective), self._study.objective
        rung = trial.result and trial.state == "stopped_early"
        reached = loss_of(trial.result.metrics, objective) if trial.result and rung else loss
        trial = replace(trial.job_ended(reached), elapsed_s=self.clock.elapsed_s)
        self._store.finish(trial, loss)
        self.scheduler.update(trial)
        self._counts.note(trial)

    def _report_progress(self) -> None:
        pace_s = self._pace.candidate_s
        self._progress(self._counts.progress(len(self._running), self.clock, pace_s))


def _with_result(trial: Trial, result: JobResult) -> Trial:
    """Return a trial with the result of a job; one whose metrics are no numbers has failed."""
    trial = replace(trial, result=result, spent_s=trial.spent_s + result.seconds)
    for name in ("log_loss", "accuracy"):
        value = result.metrics.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            reason = f"expected a finite {name}, got {value}"
            return replace(trial, state="failed", result=None, reason=reason)
    state = "completed" if result.stopped_epoch is None else "stopped_early"
    return replace(trial, state=state)
