"""How many workers one driver keeps busy, and what it takes for each trial after thousands of them.

    python benchmarks/scale.py              everything, about 20 minutes
    python benchmarks/scale.py --workers 64

Prints one JSON object. All is real but the trainings: the search, its sampler, its rungs and its
store in a run folder. A training is a timer behind the interface of a runner: it takes the seconds
of the row, which the plan knows, and by chance up to three tenths more or less, which it does not;
a job takes its share of that by epochs, and reports every epoch. Losses are made up of size and
chance.

- `busy` is the `utilisation` of the search: worker time in jobs that are stored, from the second
  job to the end, what the sampler takes included. `lag` is twice the workers: it, not their number,
  decides what is found. `proposal_batch` is what the study states.
- The last row is the driver's time for one of the last trials of 10,000 that end at once, beside
  that of a quick sampler, and its memory in the end.
"""

import hashlib
import heapq
import json
import logging
import math
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nas_asc.architectures import Architecture
from nas_asc.datasets import synthetic_dataset
from nas_asc.reports import read_candidate
from nas_asc.search import Progress, Task, read_task, run_task
from nas_asc.search.samplers import SAMPLERS
from nas_asc.search.storage.trials import Trial
from nas_asc.study import (
    EpochReported,
    Event,
    Job,
    JobFinished,
    JobResult,
    StudyConfig,
    load_study,
    with_options,
)

ROWS = ((1, 10.0), (2, 10.0), (8, 10.0), (64, 10.0), (512, 60.0))
EPOCHS = 27
LEAST_S, TRAININGS = 120.0, 5  # a row takes so long, or so many trainings one after the other
TRIALS, LAST = 10_000, 200
QUICK_SAMPLER = "evolution"


@dataclass(frozen=True)
class EqualTrainings(Task):
    """A task all of whose trainings take as long, by plan."""

    each_s: float = 0.0

    @classmethod
    def of(cls, study: StudyConfig, each_s: float) -> "EqualTrainings":
        """Read the task of a study."""
        task = read_task(study, synthetic_dataset)
        return cls(
            **{field.name: getattr(task, field.name) for field in fields(task)}, each_s=each_s
        )

    def job_s(self, trial: Trial, before: int, until: int) -> float:
        """Return how long a trial takes after an epoch until another."""
        return self.each_s * (until - before) / self.config.epochs


class Timers:
    """A runner whose jobs take their time and nothing else."""

    def __init__(self, workers: int, task: "EqualTrainings") -> None:
        self.capacity = workers
        self._task = task
        self._due: list[tuple[float, int, Event]] = []
        self._events = 0
        self._running: set[int] = set()

    @property
    def free(self) -> int:
        """How many more jobs could be submitted now."""
        return self.capacity - len(self._running)

    def submit(self, job: Job) -> None:
        """Set the timers of a job: one for each epoch, and one for its end."""
        self._running.add(job.number)
        chance = int(hashlib.sha256(str(job.seed).encode()).hexdigest()[:6], 16) / 2**24
        candidate = read_candidate(job.architecture)
        assert isinstance(candidate, Architecture)
        cost = self._task.measure(candidate)
        epoch_s = self._task.each_s / job.epochs * (0.7 + 0.6 * chance)
        final = 0.3 + 1.2 * math.exp(-math.log2(cost.size_bytes / 500) / 3) * (0.9 + 0.2 * chance)
        began, before = time.monotonic(), max(e for e in (0, *job.rungs) if e < job.until)
        curve = []
        for epoch in range(1, job.until + 1):
            loss = final + math.exp(-3 * epoch / job.epochs) - math.exp(-3)
            judged = epoch in (*job.rungs, job.until)
            curve.append({"epoch": epoch, "log_loss": loss if judged else None, "accuracy": 0.5})
            if epoch > before:
                due = began + (epoch - before) * epoch_s
                self._set(due, EpochReported(job.number, curve[-1]))
        seconds = (job.until - before) * epoch_s
        stopped = None if job.until == job.epochs else job.until
        metrics = {"log_loss": curve[-1]["log_loss"], "accuracy": 0.5}
        result = JobResult(metrics, cost.to_dict(), curve, seconds, stopped)
        self._set(began + seconds, JobFinished(job.number, result))

    def _set(self, due: float, event: Event) -> None:
        self._events += 1
        heapq.heappush(self._due, (due, self._events, event))

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Wait for the first timer, at most so long, and return what is due."""
        now = time.monotonic()
        if not self._due or self._due[0][0] > now + timeout_s:
            time.sleep(timeout_s)
            return []
        time.sleep(max(0.0, self._due[0][0] - now))
        events, now = [], time.monotonic()
        while self._due and self._due[0][0] <= now:
            events.append(heapq.heappop(self._due)[2])
            if isinstance(events[-1], JobFinished):
                self._running.discard(events[-1].number)
        return events

    def cancel(self, number: int) -> None:
        """Stop the timers of a job."""
        self._running.discard(number)
        self._due = [each for each in self._due if each[2].number != number]
        heapq.heapify(self._due)

    def close(self) -> None:
        """Stop all timers."""
        self._due.clear()


class SamplerTime:
    """Adds up what all calls of a sampler take."""

    seconds = 0.0

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self._timed(getattr(self._sampler, name), *given)

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield what the sampler does."""
        suggestions = self._timed(self._sampler.propose, number)
        while True:
            yield self._timed(next, suggestions)

    def _timed(self, function: Any, *given: Any) -> Any:
        began = time.perf_counter()
        result = function(*given)
        SamplerTime.seconds += time.perf_counter() - began
        return result


def main() -> None:
    """Measure what is asked for."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, help="this row alone; default: all")
    parser.add_argument("--sampler", default=load_study("planned").sampler, choices=SAMPLERS)
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    for name in {options.sampler, QUICK_SAMPLER}:
        SAMPLERS[name] = lambda scope, plain=SAMPLERS[name]: SamplerTime(plain(scope))
    rows = []
    for workers, training_s in ROWS:
        if options.workers in (None, workers):
            rows.append(kept_busy(workers, training_s, options.sampler))
            print(json.dumps(rows[-1]), file=sys.stderr)
    if options.workers is None:
        rows.append(after_thousands())
    json.dump({"benchmark": "scale", "rows": rows}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def study_of(sampler: str, workers: int, **options: object) -> StudyConfig:
    """Return the study of a row."""
    batch = max(1, workers // 4)
    return with_options(
        load_study("planned"),
        {
            **{"space": "mbconv", "budget": "128KB", "sampler": sampler, "epochs": EPOCHS},
            **{"warm_start": False, "lag": 2 * workers, "proposal_batch": batch, **options},
        },
    )


def kept_busy(workers: int, training_s: float, sampler: str) -> dict[str, object]:
    """Search for a while with so many workers."""
    time_s = max(LEAST_S, TRAININGS * training_s)
    study = study_of(sampler, workers, time_s=time_s, trials=None)
    task = EqualTrainings.of(study, training_s)
    timers = Timers(workers, task)
    SamplerTime.seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        summary = run_task(task, timers, run=Path(folder) / "run")
    trials = sum(summary.trials[state] for state in ("completed", "stopped_early"))
    return {
        "case": f"{workers} workers, trainings of {training_s:g} s",
        "busy": round(summary.utilisation or 0.0, 3),
        "lag": task.config.lag,
        "proposal_batch": task.config.proposal_batch,
        "sampler": sampler,
        "sampler_ms": round(1000 * SamplerTime.seconds / max(1, trials), 1),
        "trials": trials,
        "seconds": time_s,
    }


def after_thousands() -> dict[str, object]:
    """Search with trainings that end at once, and time the last trials."""
    task = EqualTrainings.of(study_of(QUICK_SAMPLER, 64, trials=TRIALS, time_s=None), 0.0)
    timers = Timers(64, task)
    SamplerTime.seconds = 0.0
    ends: list[tuple[float, float]] = []

    def note(progress: Progress) -> None:
        while len(ends) <= progress.finished:
            ends.append((time.perf_counter(), SamplerTime.seconds))

    with tempfile.TemporaryDirectory() as folder:
        run_task(task, timers, run=Path(folder) / "run", progress=note)
    (began, sampled), (ended, sampled_too) = ends[TRIALS - LAST], ends[TRIALS]
    return {
        "case": f"driver at trial {TRIALS:,}",
        "driver_ms": round(1000 * (ended - began - (sampled_too - sampled)) / LAST, 2),
        "sampler_ms": round(1000 * (sampled_too - sampled) / LAST, 2),
        "sampler": QUICK_SAMPLER,
        "memory_bytes": resident_bytes(),
    }


def resident_bytes() -> int:
    """Return the memory of this process, of which Linux alone tells."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
