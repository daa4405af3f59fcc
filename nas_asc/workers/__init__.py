"""Workers: where jobs run. All kinds give the same results; they differ in where and how many.

A job's function is named "module:function" so that it can be found in any process. It is called
with the job and an `OnEpoch`, and gives a `JobResult`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from nas_asc.job import Event, Job
from nas_asc.workers.inline import InlineWorker
from nas_asc.workers.processes import WorkerProcesses


class Workers(Protocol):
    """Something that runs jobs and tells how they end."""

    @property
    def capacity(self) -> int:
        """How many jobs run at once."""

    @property
    def free(self) -> int:
        """How many more jobs could be submitted now."""

    def submit(self, job: Job) -> None:
        """Start a job; only while something is free."""

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Give what has happened, waiting at most `timeout_s` seconds for the first event.

        Each job ends with one `Done` or `Failed`.
        """

    def cancel(self, number: int) -> None:
        """End the job of this trial; no event tells of it any more."""

    def close(self) -> None:
        """End everything that still runs."""


# How the kinds of workers are made: from a number of workers and the name of a job's function.
KINDS: dict[str, Callable[[int, str], Workers]] = {
    "inline": lambda count, function: InlineWorker(function),
    "processes": WorkerProcesses,
}
