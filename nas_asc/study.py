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
from functools import partial
from pathlib import Path

from nas_asc.complexity import count
from nas_asc.datasets import Dataset
from nas_asc.ensemble import count_ensemble
from nas_asc.errors import ConfigError, NothingFits, RunError
from nas_asc.feasibility import check_that_something_fits
from nas_asc.forecast import expected_seconds
from nas_asc.full_disk import told_in_one_line
from nas_asc.library import ensembles_of, load_space
from nas_asc.progress import Progress
from nas_asc.proposals import affordable
from nas_asc.report_models import adaptations, announce, left_out, seed_trials, trainable
from nas_asc.rules import counting_rule
from nas_asc.run_facts import facts_of_run, what_must_stay
from nas_asc.run_folder import TRIALS_FILE, check_new, check_same, locked, save_study, saved_study
from nas_asc.run_summary import budget_of, load_front, skipped_seeds, summarise
from nas_asc.scheduler import Scheduler
from nas_asc.session import Session
from nas_asc.study_config import StudyConfig, with_options
from nas_asc.summary import Summary
from nas_asc.trials import TrialStore
from nas_asc.workers import KINDS, Workers

__all__ = ["expected_seconds", "load_front", "resumed_config", "run_search"]

_log = logging.getLogger(__name__)
_JOB_FUNCTION = "nas_asc.trial:run_job"


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
        counted = [(e, count_ensemble(e, config.rule)) for e in trainable(ensembles, dataset)]
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
        session = Session(config, scheduler, store, pool, context, progress)
        session.take_up(seeds if config.seeds else [])
        announce({**facts, "seeds_skipped": skipped_seeds(scheduler.trials)})
        session.run()
        summary = summarise(run, config, scheduler.trials, facts)
        return replace(summary, seconds=session.clock.elapsed_s)


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
