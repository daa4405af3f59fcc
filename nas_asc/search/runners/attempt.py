"""Running one job so that whatever happens becomes an event."""

import traceback
from collections.abc import Callable, Mapping
from importlib import import_module

from nas_asc.errors import NasAscError
from nas_asc.study import EpochReported, Event, Job, JobFailed, JobFinished, JobResult, OnEpoch

JobFunction = Callable[[Job, OnEpoch], JobResult]
_LONGEST_REASON = 500


def job_function(name: str) -> JobFunction:
    """Return a job's function by its name, "module:function"."""
    module, _, function = name.partition(":")
    found: JobFunction = getattr(import_module(module), function)
    return found


def attempt(function_name: str, job: Job, send: Callable[[Event], None]) -> None:
    """Run a job and send its events; an exception of the job is its last event, not ours.

    The rungs are decided here, beside the training, so that a training that ends early does not
    wait for the driver.
    """
    rungs = {rung.epoch: rung for rung in job.rungs}

    def report(entry: Mapping[str, object]) -> bool:
        send(EpochReported(job.number, dict(entry)))
        rung = rungs.get(entry["epoch"])  # type: ignore[call-overload]  # an int, by contract
        return rung is None or rung.promotes(entry)

    try:
        result = job_function(function_name)(job, report)
    except Exception as error:
        send(_failure(job.number, error))
    else:
        send(JobFinished(job.number, result))


def _failure(number: int, error: Exception) -> JobFailed:
    message = " ".join(str(error).split())[:_LONGEST_REASON]
    if isinstance(error, NasAscError):
        return JobFailed(number, message)
    if isinstance(error, MemoryError) or "can't allocate memory" in message:
        return JobFailed(number, f"out of memory: {message}".rstrip(": "))
    reason = f"{type(error).__name__}: {message}".rstrip(": ")
    return JobFailed(number, reason, "".join(traceback.format_exception(error)))
