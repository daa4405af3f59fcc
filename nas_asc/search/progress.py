"""How far a search has come: its time, counts of its trials, and one line for people."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from nas_asc.results import Point, shorten, size_caption
from nas_asc.search.storage.run_summary import point
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task
from nas_asc.units import format_duration

_SURE_S = 15.0  # planned seconds that must have been trained before the machine is judged
_FAR_TOO_SLOW = 2.0
_MUCH_IDLE = 0.1  # of the workers' time

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """The state of a running search; seconds are of this session, counts of all.

    Attributes:
        total: finished trials at which the search ends, or None.
        expected: about how many will have finished when the time is up, or None.
        running: trials in training now.
        resumed: finished trials that this session started with; they took none of its time.
        best: the point with the best objective so far.
        limit_s: after which the search ends, or None.
        stage: what is counted where it is not trials of the search.
    """

    completed: int
    total: int | None = None
    expected: int | None = None
    stopped_early: int = 0
    failed: int = 0
    rejected_over_budget: int = 0
    running: int = 0
    resumed: int = 0
    best: Point | None = None
    elapsed_s: float = 0.0
    limit_s: float | None = None
    stage: str = ""

    @property
    def finished(self) -> int:
        """Trials that ended, in whatever way."""
        return self.completed + self.stopped_early + self.failed

    @property
    def over(self) -> bool:
        """Whether as many trials ended as the search is to have, and none goes on."""
        return self.total is not None and self.finished >= self.total and not self.running

    @property
    def left_s(self) -> float | None:
        """Seconds left, by the pace so far or by the limit, the sooner; None if unknown."""
        if self.over:
            return 0.0
        known = [] if self.limit_s is None else [max(self.limit_s - self.elapsed_s, 0.0)]
        here = self.finished - self.resumed
        if self.total is not None and here > 0 and self.finished < self.total:
            known.append((self.total - self.finished) * self.elapsed_s / here)
        return min(known, default=None)


class Clock:
    """The time of a run that ends after `limit_s`, or never; earlier sessions took `earlier_s`."""

    def __init__(self, limit_s: float | None, earlier_s: float = 0.0) -> None:
        self.limit_s = limit_s
        self.earlier_s = earlier_s
        self._began = time.monotonic()

    @property
    def session_s(self) -> float:
        """What this session has taken."""
        return time.monotonic() - self._began

    @property
    def elapsed_s(self) -> float:
        """What all sessions have taken."""
        return self.earlier_s + self.session_s

    @property
    def left_s(self) -> float:
        """What is left; infinite without a limit."""
        return inf if self.limit_s is None else self.limit_s - self.elapsed_s


class Utilisation:
    """Which share of their time workers spend in jobs whose results are stored.

    Counted from the start of the second job on, when each has one, to the end of the search: jobs
    that are cut or lost count as idle.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = 0
        self._since_s = 0.0
        self._until_s: float | None = None
        self._spent_s = 0.0

    def begin(self) -> None:
        """Note that a job starts."""
        self._begun += 1
        if self._begun == 2:
            self._since_s = self._clock.session_s

    def stored(self, seconds: float) -> None:
        """Note that a job that took so long is stored."""
        if self._begun > 1:
            self._spent_s += min(seconds, self._clock.session_s - self._since_s)

    def end(self) -> None:
        """Note that the search has ended."""
        self._until_s = self._clock.session_s

    def share(self, workers: int) -> float | None:
        """Return the share, 0 to 1; None where there was no second job."""
        until_s = self._clock.session_s if self._until_s is None else self._until_s
        if self._begun < 2 or until_s <= self._since_s:
            return None
        return self._spent_s / workers / (until_s - self._since_s)


class ProposalTime:
    """For how long workers wait because proposals take long; only warns."""

    def __init__(self, clock: Clock, sampler: str) -> None:
        self._clock = clock
        self._sampler = sampler
        self._proposals = 0
        self._seconds = self._idle_s = 0.0
        self._warned = False

    def note(self, seconds: float, free: int, workers: int) -> None:
        """Note that a proposal took so long, while some of the workers had nothing to do."""
        self._proposals += 1
        self._seconds += seconds
        self._idle_s += seconds * free
        available_s = self._clock.session_s * workers
        sure = available_s > _SURE_S * workers
        if sure and not self._warned and self._idle_s > _MUCH_IDLE * available_s:
            self._warned = True
            _log.warning(
                "workers wait for proposals, %.0f%% of their time so far: sampler %s takes "
                "%.2g s for each; %s a larger proposal_batch in the study keeps up",
                100 * self._idle_s / available_s,
                self._sampler,
                self._seconds / self._proposals,
                "another (--sampler evolution) or" if self._sampler != "evolution" else "only",
            )


class Pace:
    """How fast networks are trained, against the plan; measured epochs only forecast and warn."""

    def __init__(self, task: Task, workers: int) -> None:
        self._task = task
        self._workers = workers
        self._seconds: dict[int, tuple[float, float]] = {}  # measured and planned, by trial
        self._measured = self._planned = 0.0  # their sums, as quick after thousands of trials
        self._warned = False

    def note(self, trial: Trial, entry: Mapping[str, object]) -> None:
        """Note an epoch of a trial of one network; warns once where they take far too long."""
        seconds, epoch = entry.get("seconds"), entry.get("epoch")
        if not (isinstance(seconds, float) and isinstance(epoch, int)):
            return
        if len(trial.network_macs) > 1:  # each of an ensemble's networks counts its own epochs
            return
        share = epoch / self._task.config.epochs
        planned = self._task.training_s(trial.complexity) * share
        before = self._seconds.get(trial.number, (0.0, 0.0))
        self._seconds[trial.number] = (seconds, planned)
        self._measured += seconds - before[0]
        self._planned += planned - before[1]
        if self._planned > _SURE_S and not self._warned and self.slowness > _FAR_TOO_SLOW:
            self._warned = True
            _log.warning(
                "this machine trains %.1f times as slowly as planned for: fewer candidates will "
                "fit; --calibrate plans a new search by its own speed",
                self.slowness,
            )

    @property
    def slowness(self) -> float:
        """The measured seconds by the planned ones; 1 before anything is measured."""
        return self._measured / self._planned if self._planned else 1.0

    @property
    def candidate_s(self) -> float | None:
        """How often about a trial ends, in seconds; None where nothing is known."""
        each_s = self._task.candidate_s if self._seconds else None
        return None if each_s is None else each_s * self.slowness / self._workers


class Machines:
    """Notes which kinds of processors or GPUs have computed the trainings of a run."""

    def __init__(self) -> None:
        self._kinds: dict[str, None] = {}
        self._told = False

    def note(self, kind: str) -> None:
        """Note that of a training, empty if not known; say in one line, once, if others differ."""
        if kind:
            self._kinds[kind] = None
        if len(self._kinds) > 1 and not self._told:
            self._told = True
            _log.warning(
                "trials of this run are computed on machines of several kinds (%s): results differ "
                "by rounding, and later proposals may differ",
                "; ".join(self._kinds),
            )


class TrialCounts:
    """Counts of trials, kept as they change; `resumed` had ended when this session began."""

    def __init__(self, total: int | None, objective: str) -> None:
        self._total = total
        self._objective = objective
        self._state_of: dict[int, str] = {}
        self._states: Counter[str] = Counter()
        self._rejected = 0
        self._best: tuple[float, Trial] | None = None
        self.resumed = 0

    @property
    def finished(self) -> int:
        """Trials of the search that are not in training."""
        return sum(self._states[state] for state in ("completed", "stopped_early", "failed"))

    def note(self, trial: Trial) -> None:
        """Count a trial by its state now."""
        before = self._state_of.get(trial.number)
        if before is None:
            self._rejected += trial.rejected_over_budget
        else:
            self._states[before] -= 1
        state = "beside" if trial.beside_search else trial.state
        self._state_of[trial.number] = state
        self._states[state] += 1
        loss = trial.loss(self._objective)
        if loss is not None and (self._best is None or loss < self._best[0]):
            self._best = (loss, trial)

    def progress(self, running: int, clock: Clock, candidate_s: float | None = None) -> Progress:
        """Return how far the search has come, where trials end every so many seconds."""
        expected = None
        if candidate_s and clock.limit_s is not None and self._total is None:
            expected = self.finished + round(max(clock.left_s, 0.0) / candidate_s)
        return Progress(
            completed=self._states["completed"],
            total=self._total,
            expected=expected,
            stopped_early=self._states["stopped_early"],
            failed=self._states["failed"],
            rejected_over_budget=self._rejected,
            running=running,
            resumed=self.resumed,
            best=None if self._best is None else point(self._best[1]),
            elapsed_s=clock.session_s,
            limit_s=None if clock.limit_s is None else clock.limit_s - clock.earlier_s,
        )


def progress_line(progress: Progress, kb: int, width: int = 10_000) -> str:
    """Write progress as one line of at most `width` characters, where narrow only what matters.

    `kb` is what the counting rule takes a KB for, in bytes.
    """
    done = f"{progress.finished:,}" + (f"/{progress.total:,}" if progress.total else "")
    done += (f" of about {progress.expected:,}" if progress.expected else "") + " done"
    endings = (("stopped", progress.stopped_early), ("failed", progress.failed))
    if ended := ", ".join(f"{count:,} {name}" for name, count in endings if count):
        done += f" ({ended})"
    left = progress.left_s
    time = "time left unknown" if left is None else f"{format_duration(left)} left"
    if progress.over:
        time = "finished"
    best = "best: none yet"
    if at := progress.best:
        size = size_caption(at.size_bytes, kb)
        best = f"best {at.accuracy:.1%}, log loss {at.log_loss:.3f} at {size}"
    rejected = f"{progress.rejected_over_budget:,} rejected over budget"
    shapes = [(done, rejected, best, time), (done, best, time), (done, time)]
    if progress.stage:
        shapes = [(f"{progress.stage}: {done}", time)]
    for parts in shapes:
        line = " | ".join(parts)
        if len(line) <= width:
            break
    return shorten(line, width)
