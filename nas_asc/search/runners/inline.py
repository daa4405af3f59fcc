"""One worker in the driver's own process; and a job run so that whatever happens is an event."""

import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pkgutil import resolve_name
from types import FrameType

from nas_asc.errors import DatasetError, NasAscError, StorageError
from nas_asc.study import EpochReported, Event, Job, JobFailed, JobFinished, JobResult, OnEpoch

JobFunction = Callable[[Job, OnEpoch], JobResult]
_LONGEST_REASON = 500
# How CUDA and its libraries, cuBLAS and cuDNN, say that a GPU has no memory left, besides an
# `OutOfMemoryError` of PyTorch: cuBLAS cannot even begin then. Torch is not to be loaded here.
_GPU_FULL = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
)


def job_function(name: str) -> JobFunction:
    """Return a job's function by its name, "module:function"."""
    found: JobFunction = resolve_name(name)
    return found


def attempt(function_name: str, job: Job, send: Callable[[Event], None]) -> None:
    """Run a job and send its events; an exception of the job is its last event, not ours."""

    def report(entry: Mapping[str, object]) -> None:
        send(EpochReported(job.number, dict(entry)))

    try:
        result = job_function(function_name)(job, report)
    except Exception as error:
        send(_failure(job.number, error))
    else:
        send(JobFinished(job.number, result))


def _failure(number: int, error: Exception) -> JobFailed:
    message = " ".join(str(error).split())[:_LONGEST_REASON]
    if isinstance(error, NasAscError):
        return JobFailed(number, message, stops=isinstance(error, DatasetError | StorageError))
    if type(error).__name__ == "OutOfMemoryError" or any(words in message for words in _GPU_FULL):
        what = ". ".join(message.split(". ")[:2])  # then come figures of an allocator
        reason = f"out of memory on the GPU: {what}"
        return JobFailed(number, reason, lost=True, restart=True, gpu_full=True)
    if "CUDA error" in message:  # after one all that its process asks of the GPU fails
        return JobFailed(number, message, lost=True, restart=True)
    if isinstance(error, MemoryError) or "allocate memory" in message:
        return JobFailed(number, f"out of memory: {message}".rstrip(": "), lost=True)
    reason = f"{type(error).__name__}: {message}".rstrip(": ")
    return JobFailed(number, reason, "".join(traceback.format_exception(error)))


@contextmanager
def on_sigint(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let Ctrl-C call a handler, where this is the main thread and can decide about it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible_between_steps() -> Iterator[Callable[[], None]]:
    """Give what is to be called between two steps: it raises the Ctrl-C that came in a step.

    A second one does not wait for the end of the step.
    """
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    with on_sigint(press):
        yield check


class InlineRunner:
    """Runs a job while it is polled for events, and lets Ctrl-C break into it."""

    capacity = 1

    def __init__(self, workers: int, function_name: str) -> None:
        if workers != 1:
            raise ValueError(f"expected one worker, got {workers}")
        self._function_name = function_name
        self._job: Job | None = None

    @property
    def free(self) -> int:
        """Whether a job could be submitted, 1 or 0."""
        return 0 if self._job else 1

    def submit(self, job: Job) -> None:
        """Keep a job for the next poll."""
        self._job = job

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Run the job that was submitted to its end, however long it takes."""
        job, self._job = self._job, None
        events: list[Event] = []
        if job is not None:
            with on_sigint(signal.default_int_handler):
                attempt(self._function_name, job, events.append)
        return events

    def cancel(self, number: int) -> None:
        """Forget the job that was submitted."""
        self._job = None

    def close(self) -> None:
        """Forget the job that was submitted."""
        self._job = None
