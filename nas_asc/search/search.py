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
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from nas_asc.datasets import Dataset
from nas_asc.errors import RunError
from nas_asc.results import Summary, seed_captions
from nas_asc.search.progress import Progress
from nas_asc.search.runners import RUNNERS, Runner
from nas_asc.search.scheduler import Scheduler
from nas_asc.search.session import Session
from nas_asc.search.storage import run_folder
from nas_asc.search.storage.run_summary import skipped_seeds, summarise
from nas_asc.search.task import Task, read_task
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.study import StudyConfig, with_options

# Named, not imported: the driver needs no torch.
JOB_FUNCTION = "nas_asc.training.run_job:run_job"

_log = logging.getLogger(__name__)


def run_search(
    config: StudyConfig,
    dataset: Dataset,
    *,
    run: Path,
    workers: Runner | int = 1,
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
    runner = RUNNERS["processes"](workers, JOB_FUNCTION) if isinstance(workers, int) else workers
    with closing(runner):
        task = read_task(config, lambda: dataset)
        return run_task(task, runner, run=run, progress=progress, resume=resume)


def run_task(
    task: Task,
    runner: Runner,
    *,
    run: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    resume: bool = False,
) -> Summary:
    """Search as `run_search` does, for a task that was read before; leaves the runner open."""
    config = task.config
    warm_start, over_budget = warm_start_trials(task)
    manifest = run_folder.run_manifest(task, warm_start, over_budget)
    if resume:
        run_folder.check_same(run, run_folder.saved_study(run), config)
    with ExitStack() as stack:
        stack.enter_context(run_folder.locked(run))
        stack.enter_context(run_folder.disk_faults_in_one_line(run))
        if not resume:
            run_folder.check_new(run)
        run_folder.save_study(run, config)
        store = stack.enter_context(closing(run_folder.open_store(run, task.space)))
        facts = run_folder.check_manifest(run, store, manifest, config.objective)
        if runner.capacity > config.lag and not config.independent:
            _log.warning(
                "%d workers: at most %d are busy once the first trials have ended, since proposals "
                "wait for results; --lag lets them wait for fewer",
                runner.capacity,
                config.lag,
            )
        scheduler = Scheduler(task)
        session = Session(config, scheduler, store, runner, _context(task, run), progress)
        session.restore(warm_start if config.warm_start else [])
        skipped = skipped_seeds(scheduler.trials)
        for line in seed_captions(facts["seeds_adapted"], facts["ensembles_skipped"], skipped):
            _log.warning("%s", line)
        session.run()
        summary = summarise(run, config, task.budget, scheduler.trials, facts)
        return replace(summary, seconds=session.clock.elapsed_s)


def _context(task: Task, run: Path) -> dict[str, object]:
    """Return what all jobs of a search share, as plain data."""
    return {
        "data": str(task.dataset.root),
        "clip_s": task.dataset.clip_s,
        "skip_bad": task.config.skip_bad,
        "recipe": task.config.recipe.to_dict(),
        "rule": task.rule.id,
        "space": task.config.space,
        "run": str(run),
    }


def resumed_config(run: Path, options: Mapping[str, object]) -> StudyConfig:
    """Return the study of a saved run with options that were given anew.

    Raises:
        RunError: there is no run, or an option contradicts what it was started with.
    """
    saved = run_folder.saved_study(run)
    config = with_options(saved, options)
    run_folder.check_same(run, saved, config)
    ended = ended_trials(run)
    if config.trials is not None and config.trials < ended:
        raise RunError(
            f"{run}: expected at least {ended} trials, as many have ended, got {config.trials}"
        )
    return config


def ended_trials(run: Path) -> int:
    """Count the trials of a run that ended; report models that were skipped are none."""
    trials, _ = run_folder.read_trials(run)
    return sum(trial.finished and trial.state != "skipped" for trial in trials)
