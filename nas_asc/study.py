"""The search: asks for trials, has them trained, and keeps what came of them.

```
scheduler: ask -> gate (known? over the budget?) -> store: one write, RUNNING -> workers
    ^                                                                              |
    +---- results of the trials up to n - lag <---- store: one write, COMPLETE <---+
```

Conventions: seconds. The store is the one record of truth: a run that ends at any moment loses the
trials in training and nothing else, and they are run again when it is resumed.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from nas_asc.agenda import Agenda
from nas_asc.complexity import count
from nas_asc.datasets import Dataset
from nas_asc.ensemble import count_ensemble
from nas_asc.errors import ConfigError, NothingFits, RunError
from nas_asc.forecast import expected_seconds
from nas_asc.full_disk import told_in_one_line
from nas_asc.interrupts import held_interrupts
from nas_asc.job import Done, Event, Job, JobResult, Reported
from nas_asc.library import ensembles_of, load_space
from nas_asc.progress import Progress
from nas_asc.proposals import affordable
from nas_asc.report_models import adaptations, announce, left_out, seed_trials, trainable
from nas_asc.rules import counting_rule
from nas_asc.run_facts import facts_of_run, what_must_stay
from nas_asc.run_folder import TRIALS_FILE, check_new, check_same, locked, save_study, saved_study
from nas_asc.run_summary import budget_of, load_front, skipped_seeds, summarise
from nas_asc.scheduler import Scheduler
from nas_asc.smallest import check_that_something_fits
from nas_asc.study_clock import Clock
from nas_asc.study_config import StudyConfig, with_options
from nas_asc.summary import Summary
from nas_asc.trial_counts import TrialCounts
from nas_asc.trials import Trial, TrialStore
from nas_asc.workers import KINDS, Workers

__all__ = ["expected_seconds", "load_front", "resumed_config", "run_search"]

_log = logging.getLogger(__name__)
_JOB_FUNCTION = "nas_asc.trial:run_job"
_LONGEST_POLL_S = 0.5


def run_search(
    config: StudyConfig,
    dataset: Dataset,
    *,
    run: Path,
    workers: Workers | int = 1,
    progress: Callable[[Progress], None] = lambda _: None,
    resume: bool = False,
) -> Summary:
    """Search, or go on with a search, until its trials or its time are used up.

    The same study and number of trials give the same front with any number of workers. A search
    that ends by `time_s` has trained a prefix of the same trials, except that report models which
    would take more than half of the time are left out.

    Args:
        config: the study. When a run is resumed it must be the one that the run was started with,
            but for `trials` and `time_s`, which are totals and may be raised.
        dataset: what `config.data` names, loaded.
        run: the run folder.
        workers: where trials are trained, closed in the end; or a number of processes.
        progress: called after each epoch and each trial.
        resume: go on with the run in the folder.

    Raises:
        ConfigError: the study names no space, or one that is not valid.
        NothingFits: no architecture of the space fits the budget.
        RunError: the folder is in use, holds another run, or holds none to resume.
        KeyboardInterrupt: Ctrl-C; the run can be resumed. A second one does not wait for anything.
    """
    with ExitStack() as stack:
        pool = KINDS["processes"](workers, _JOB_FUNCTION) if isinstance(workers, int) else workers
        stack.enter_context(closing(pool))
        if config.space is None:
            raise ConfigError("space: expected a search space, got nothing")
        space, budget = load_space(config.space), budget_of(config)
        rule = counting_rule(config.rule)
        measure = partial(count, n_classes=len(dataset.classes), clip_s=dataset.clip_s, rule=rule)
        check_that_something_fits(space, budget, measure, config.seed)
        if config.macs_ceiling is not None:
            ceiling = affordable(budget, config.macs_ceiling)
            try:
                check_that_something_fits(space, ceiling, measure, config.seed)
            except NothingFits as error:
                reason = str(error).removeprefix("budget: ")
                raise NothingFits(f"macs_ceiling of the study: {reason}") from None
        ensembles = ensembles_of(config.space).values()
        counted = [count_ensemble(e, config.rule) for e in trainable(ensembles, dataset)]
        seeds, over_budget = seed_trials(space, budget, measure, config.seed, dataset, counted)
        trained = [m for m in space.models.values() if any(t.model == m.id for t in seeds)]
        facts: Mapping[str, object] = {
            **what_must_stay(space, dataset, seeds),
            "seeds_over_budget": over_budget if config.seeds else [],
            "seeds_adapted": adaptations(trained, dataset) if config.seeds else [],
            "ensembles_skipped": left_out(ensembles) if config.seeds else [],
        }
        if resume:
            check_same(run, saved_study(run), config)
        stack.enter_context(locked(run))
        stack.enter_context(told_in_one_line(run))
        if not resume:
            check_new(run)
        save_study(run, config)
        store = stack.enter_context(closing(TrialStore(run / TRIALS_FILE, space)))
        facts = facts_of_run(run, store, facts, config.objective)
        context = {
            "data": str(dataset.root),
            "clip_s": dataset.clip_s,
            "skip_bad": config.skip_bad,
            "recipe": config.recipe.to_dict(),
            "rule": config.rule,
            "space": config.space,
            "run": str(run),
        }
        if pool.capacity > config.lag and not config.independent:
            _log.warning(
                "%d workers: at most %d are busy once the first trials have ended, since proposals "
                "wait for results; --lag lets them wait for fewer",
                pool.capacity,
                config.lag,
            )
        scheduler = Scheduler(config, space, budget, measure)
        search = _Search(config, scheduler, store, pool, context, progress)
        search.take_up(seeds if config.seeds else [])
        announce({**facts, "seeds_skipped": skipped_seeds(scheduler.trials)})
        search.run()
        summary = summarise(run, config, scheduler.trials, facts)
        return replace(summary, seconds=search.clock.elapsed_s)


def resumed_config(run: Path, options: Mapping[str, object]) -> StudyConfig:
    """Give the study of a saved run with options that were given anew.

    Raises:
        RunError: there is no run, or an option contradicts what it was started with.
    """
    saved = saved_study(run)
    config = with_options(saved, options)
    check_same(run, saved, config)
    ended = load_front(run).ended
    if config.trials is not None and config.trials < ended:
        raise RunError(
            f"{run}: expected at least {ended} trials, as many have ended, got {config.trials}"
        )
    return config


class _Search:
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
