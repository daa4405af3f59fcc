"""How long a search has taken and will take, and what that leaves time for.

Conventions: seconds. A run's time is that of all its sessions, so that resuming one that was cut
short gives it the rest and not the whole again.
"""

import random
import time
from math import inf

from nas_asc.search.task import Task

_DRAWS = 300
_BASE_S = 2.0  # features from the cache, counting, evaluation
_MACS_PER_S = 4e9  # of one thread of a laptop in training; forward and backward are three passes
_PASSES = 3

# Multiply-accumulates for one clip, of each network of a trial.
Macs = tuple[int, ...]


class Clock:
    """The time of a run.

    Attributes:
        limit_s: after which the run ends; None for never.
        earlier_s: what earlier sessions took.
    """

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
        """What is left."""
        return inf if self.limit_s is None else self.limit_s - self.elapsed_s


class DurationModel:
    """How long a full training takes, learnt from those that ended.

    A training costs a base and so much per multiply-accumulate, the number of clips and epochs
    being the same for all trials of a study.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[float, float]] = []

    @property
    def known(self) -> bool:
        """Whether anything was learnt."""
        return bool(self._seen)

    def learn(self, macs: int, seconds: float) -> None:
        """Note a training: multiply-accumulates for one clip, and seconds."""
        self._seen.append((float(macs), seconds))

    def predict(self, *macs: int) -> float:
        """Return how long networks of so many multiply-accumulates take, one after the other.

        Least squares, neither part below 0; 0 if nothing is known.
        """
        return sum(map(self._predict, macs))

    def _predict(self, macs: int) -> float:
        if not self._seen:
            return 0.0
        n = len(self._seen)
        mean_macs = sum(m for m, _ in self._seen) / n
        mean_s = sum(s for _, s in self._seen) / n
        spread = sum((m - mean_macs) ** 2 for m, _ in self._seen)
        if spread == 0.0:
            return mean_s * macs / mean_macs if mean_macs else mean_s
        slope = sum((m - mean_macs) * (s - mean_s) for m, s in self._seen) / spread
        slope = min(max(slope, 0.0), mean_s / mean_macs)
        return mean_s + slope * (macs - mean_macs)


class WarmStartBudget:
    """The part of a run's time that report models may take: half of all workers' seconds.

    Attributes:
        share_s: worker-seconds; infinite without a limit.
        spent_s: worker-seconds of the report models that ended.
    """

    def __init__(self, limit_s: float | None, workers: int) -> None:
        self.share_s = inf if limit_s is None else limit_s * workers / 2
        self.spent_s = 0.0

    def decide(
        self, durations: DurationModel, macs: Macs, running: list[tuple[Macs, float]]
    ) -> str:
        """Return whether a report model should "start", "wait" or be left out ("skip").

        Args:
            durations: what is known of them. Before anything is, report models go one at a time.
            macs: of each network of the report model or ensemble.
            running: the same, and seconds so far, of those that are trained now.
        """
        if self.share_s == inf:
            return "start"
        if not durations.known:
            return "wait" if running else "start"
        planned = sum(max(durations.predict(*each), seconds) for each, seconds in running)
        fits = self.spent_s + planned + durations.predict(*macs) <= self.share_s
        return "start" if fits else "skip"

    def used_up(self, running: list[tuple[Macs, float]]) -> bool:
        """Return whether the report models that are trained now must be cut."""
        return self.spent_s + sum(seconds for _, seconds in running) >= self.share_s


def expected_seconds(task: Task, trials: int, workers: int) -> float | None:
    """Estimate how long trials will take, before anything was measured.

    Right within a factor of two or three, not better; None where so little of the space fits that
    draws say nothing about it.
    """
    rng = random.Random(0)
    counted = [task.measure(task.space.random(rng)) for _ in range(_DRAWS)]
    fitting = [c for c in counted if task.trained_budget.exceeded(c) is None]
    if not fitting:
        return None
    macs = sum(c.macs for c in fitting) / len(fitting)
    clips = len(task.dataset.indices("train"))
    each_s = _BASE_S + _PASSES * macs * clips * task.config.epochs / _MACS_PER_S
    return trials * each_s / workers
