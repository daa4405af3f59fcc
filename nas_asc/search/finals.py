"""The honest end: the points of a front trained again, and judged on test clips once.

Conventions: a search trains each candidate once, so its front holds the lucky ones too. When it has
ended and its front is stored, each point of the front of the objective, ensembles among them, is
trained again from other seeds (`final_seeds`), or once for each fold of the data (`cv`); the
training of the search is not one of them. Their figures decide nothing: no sampler, no later search
of this run reads them. They take the time they need, whatever the limit of the search. Figures are
kept, models are not: that of a point remains that of the search.
"""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from nas_asc.datasets import cross_validation
from nas_asc.errors import RunError
from nas_asc.results import Finals, Retraining
from nas_asc.search.lost_trials import LostTrials
from nas_asc.search.progress import Machines, Progress
from nas_asc.search.runners import Runner
from nas_asc.search.runners.inline import interruptible_between_steps
from nas_asc.search.storage.finals import read_finals, save_asked, save_retraining
from nas_asc.search.storage.trials import Trial, TrialStore
from nas_asc.search.task import Task
from nas_asc.study import EpochReported, Event, Job, JobFailed, JobResult, JobWaiting, trial_seed
from nas_asc.units import format_duration, number_of

_POLL_S = 0.5
_NOUNS = {"seeds": "seed", "folds": "fold"}

_log = logging.getLogger(__name__)


class _Training(NamedTuple):
    """One training that is asked for."""

    trial: Trial
    kind: str
    number: int
    seed: int


def train_front_again(
    task: Task,
    run: Path,
    store: TrialStore,
    runner: Runner,
    front: Sequence[Trial],
    context: Mapping[str, Any],
    progress: Callable[[Progress], None],
    machines: Machines,
) -> Finals:
    """Train the points of a front again, as a study asks, but what was done before.

    Nothing else may run on the runner; `context` is what all jobs of the search share, `machines`
    notes the kinds that computed the run. A training that fails is told and left out; it is tried
    again when the run is resumed. Ctrl-C, once or twice, is as in the search.

    Raises:
        KeyboardInterrupt: Ctrl-C; what has ended is stored.
        RunError: no training can go on before the user has put something right.
    """
    study, folds, words = task.config, 0, ""
    if study.cv:
        datasets, words = cross_validation(task.dataset)
        folds = len(datasets)
    asked = {kind: n for kind, n in (("seeds", study.final_seeds or 0), ("folds", folds)) if n}
    save_asked(run, store, study, asked, words)
    finals = read_finals(run)
    assert finals is not None
    done = {(each.trial, each.kind, each.number) for each in finals.retrainings}
    for each in finals.retrainings:
        machines.note(each.machine)
    every = _trainings(front, asked, study.seed)
    left = [each for each in every if (each.trial.number, each.kind, each.number) not in done]
    if left:
        _tell(front, asked, left, words, runner.capacity)
        how = (len(every) - len(left), progress, machines)
        _Session(task, run, store, runner, context, left, *how).run()
        finals = read_finals(run)
        assert finals is not None
    return finals


def _trainings(front: Sequence[Trial], asked: Mapping[str, int], seed: int) -> list[_Training]:
    """Return all trainings that are asked for: every point once before any of them twice."""
    return [
        _Training(trial, kind, number, trial_seed(seed, trial.number, f"final {kind} {number}"))
        for kind, count in asked.items()
        for number in range(count)
        for trial in front
    ]


def _tell(
    front: Sequence[Trial],
    asked: Mapping[str, int],
    left: Sequence[_Training],
    folds: str,
    workers: int,
) -> None:
    """Say what is trained now and, by what these trials took in the search, about how long."""
    seconds = sum(each.trial.spent_s for each in left)
    how = " and ".join(number_of(count, _NOUNS[kind]) for kind, count in asked.items())
    _log.warning(
        "the front is stored: its points (%d) are trained again for %s each and judged on test "
        "clips too: %s, about %s%s",
        len(front),
        how,
        number_of(len(left), "training"),
        format_duration(seconds / min(workers, len(left))),
        f"; {folds}" if folds else "",
    )


class _Session:
    """Trainings on their way through a runner.

    The nth of those left is trial n here, with its own seed, for whoever watches over trials.
    """

    def __init__(
        self,
        task: Task,
        run: Path,
        store: TrialStore,
        runner: Runner,
        context: Mapping[str, Any],
        left: Sequence[_Training],
        done: int,
        progress: Callable[[Progress], None],
        machines: Machines,
    ) -> None:
        self._task = task
        self._run = run
        self._store = store
        self._runner = runner
        self._context = context
        self._left = left
        self._trials = [replace(e.trial, number=n, seed=e.seed) for n, e in enumerate(left)]
        self._waiting = deque(self._trials)
        self._running: set[int] = set()
        self._lost = LostTrials(task)
        self._earlier = self._done = done
        self._failures: Counter[str] = Counter()
        self._progress = progress
        self._machines = machines
        self._began = time.monotonic()

    def run(self) -> None:
        """Do all that is left."""
        with interruptible_between_steps() as check:
            while self._waiting or self._running or self._lost:
                while self._runner.free and (trial := self._next_trial()):
                    self._submit(trial)
                self._report_progress()
                for event in self._runner.poll(_POLL_S):
                    self._handle(event)
                self._end_what_hangs()
                check()
        self._report_progress()
        for reason, count in self._failures.most_common():
            failed = number_of(count, "training")
            _log.warning("%s failed, --resume tries again: %s", failed, reason)

    def _next_trial(self) -> Trial | None:
        others, trial = self._lost.next_trial(self._running)
        return self._waiting.popleft() if others and self._waiting else trial

    def _submit(self, trial: Trial) -> None:
        training = self._left[trial.number]
        fold = training.number if training.kind == "folds" else None
        context = {**self._context, "final": {"fold": fold}}
        self._running.add(trial.number)
        self._lost.heard(trial.number)
        epochs = self._task.config.epochs
        self._runner.submit(
            Job(
                *(trial.number, trial.architecture.to_dict(), trial.seed, epochs, epochs),
                learning_rate=trial.learning_rate,
                context=context,
            )
        )

    def _end_what_hangs(self) -> None:
        trials = [self._trials[number] for number in self._running]
        for failed in self._lost.hanging(trials, self._slowness):
            self._runner.cancel(failed.number)
            self._handle(failed)

    @property
    def _slowness(self) -> float:
        """How many times as long as planned these trials took in the search."""
        took_s = sum(trial.spent_s for trial in self._trials)
        return took_s / sum(map(self._task.trial_s, self._trials))

    def _handle(self, event: Event) -> None:
        trial = self._trials[event.number]
        if isinstance(event, EpochReported | JobWaiting):
            self._lost.heard(event.number)
            return
        self._running.discard(event.number)
        if isinstance(event, JobFailed) and event.lost and self._lost.lost(trial):
            _log.warning("%s; its training is done again", event.reason)
            return
        self._lost.ended(event.number)
        if not isinstance(event, JobFailed):
            self._keep(self._left[event.number], event.result)
        elif event.stops:
            raise RunError(f"{event.reason}, and go on with --resume")
        else:
            self._failures[event.reason] += 1
            _log.info("final training failed: %s", event.traceback or event.reason)

    def _keep(self, training: _Training, result: JobResult) -> None:
        validation = dict(result.metrics)
        test = validation.pop("test")
        figures = (split[name] for split in (validation, test) for name in ("log_loss", "accuracy"))
        if not all(map(math.isfinite, figures)):
            self._failures["expected finite figures, got others"] += 1
            return
        trial, kind, number, seed = training
        how = (result.seconds, result.retries, result.learning_rate, result.machine)
        kept = Retraining(trial.number, kind, number, seed, validation, test, *how)
        save_retraining(self._run, self._store, kept)
        self._machines.note(result.machine)
        self._done += 1

    def _report_progress(self) -> None:
        self._progress(
            Progress(
                completed=self._done,
                total=self._earlier + len(self._left),
                failed=self._failures.total(),
                running=len(self._running),
                resumed=self._earlier,
                elapsed_s=time.monotonic() - self._began,
                stage="trained again",
            )
        )
