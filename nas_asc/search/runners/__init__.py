"""Runners: where jobs run. All give the same results; they differ in where and how many.

A job's function is named "module:function" so that it can be found in any process. It is called
with the job and an `OnEpoch`, and returns a `JobResult`.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nas_asc.search.runners.gpu import find_gpu, resolve_device
from nas_asc.search.runners.inline import InlineRunner
from nas_asc.search.runners.processes import ProcessRunner, fitting_workers, held_workers
from nas_asc.study import Event, Job

__all__ = [
    "RUNNERS", "Runner", "find_gpu", "fitting_workers", "held_workers", "resolve_device",
]  # fmt: skip


class Runner(Protocol):
    """Something that runs jobs and reports how they end."""

    @property
    def capacity(self) -> int:
        """How many jobs run at once; fewer when the memory of a GPU has run out."""

    @property
    def free(self) -> int:
        """How many more jobs could be submitted now."""

    def submit(self, job: Job) -> None:
        """Start a job; only while something is free."""

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened, waiting at most `timeout_s` seconds for the first event.

        Each job ends with one `JobFinished` or `JobFailed`.
        """

    def cancel(self, number: int) -> None:
        """End the job of this trial; no event tells of it any more."""

    def close(self) -> None:
        """End everything that still runs."""


def _ray(
    workers: int | None, function_name: str, *, address: str | None = None, **options: Any
) -> Runner:
    if address is None:
        # Read when Ray is loaded: a Ray of our own listens on the loopback address alone then.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    from nas_asc.search.runners.ray import RayRunner  # takes seconds

    return RayRunner(workers, function_name, address=address, **options)


# How runners are made, by name: from a number of workers and the name of a job's function.
RUNNERS: dict[str, Callable[..., Runner]] = {
    "inline": InlineRunner,
    "local": ProcessRunner,
    "ray": _ray,
}
