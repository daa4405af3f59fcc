"""One worker in the driver's own process: for tests and for looking at a trial in a debugger."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nas_asc.search.runners.attempt import attempt
from nas_asc.study import Event, Job


class InlineRunner:
    """Runs a job while it is polled for events."""

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
        if self._job is not None:
            raise ValueError("expected a free worker")
        self._job = job

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Run the job that was submitted to its end, however long it takes."""
        job, self._job = self._job, None
        events: list[Event] = []
        if job is not None:
            with _interruptible():
                attempt(self._function_name, job, events.append)
        return events

    def cancel(self, number: int) -> None:
        """Forget the job that was submitted."""
        self._job = None

    def close(self) -> None:
        """Forget the job that was submitted."""
        self._job = None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C break into the job, whatever the driver has set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
