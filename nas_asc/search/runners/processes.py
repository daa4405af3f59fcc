"""Worker processes on this machine, one thread each, kept warm from job to job; and how many.

A pool of our own rather than `concurrent.futures`: there one killed process breaks the whole pool,
here it is one failed trial and a new process. Several may share one GPU, each with what CUDA takes
for itself; where its memory runs out, there is one process less from then on.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from nas_asc.errors import RunError
from nas_asc.search.runners.gpu import find_gpu, tell_gpu_full
from nas_asc.search.runners.inline import attempt, job_function
from nas_asc.study import EpochReported, Event, Job, JobFailed, JobWaiting

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LONGEST_END_S = 5.0
_DEATHS_AT_START = 3
# Importing torch takes minutes where a machine has other work; a job has not begun before that.
_LONGEST_START_S = 600.0
# What a worker needs: torch, a network, and a share of the features; with CUDA's libraries more.
_WORKER_BYTES = {"cpu": 1_200_000_000, "cuda": 2_500_000_000}
# And of the GPU: what CUDA takes for a process, features of a split, maps of a small network. One
# that needs more still may find it; where not, fewer are run.
_GPU_SHARE_BYTES = 2_500_000_000


class ProcessRunner:
    """Some processes; one that dies is replaced, but for one that found the GPU's memory full."""

    def __init__(self, count: int, function_name: str) -> None:
        self.capacity = count
        self._deaths_at_start = 0
        self._workers = [_Worker(function_name) for _ in range(count)]

    @property
    def free(self) -> int:
        """How many more jobs could be submitted now."""
        return sum(worker.number is None for worker in self._workers)

    @property
    def ready(self) -> bool:
        """Whether all processes have started, as far as polling has shown."""
        return all(worker.started for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Pass a job to a free process."""
        worker = next(worker for worker in self._workers if worker.number is None)
        worker.number = job.number
        with suppress(OSError):  # a process that has died is found when polled
            worker.connection.send(job)

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened, waiting at most `timeout_s` seconds for the first event.

        Raises:
            RunError: processes die again and again before they get to a job.
        """
        by_handle: dict[Any, _Worker] = {}
        for worker in self._workers:
            by_handle[worker.connection] = by_handle[worker.process.sentinel] = worker
        ready = dict.fromkeys(by_handle[handle] for handle in wait(list(by_handle), timeout_s))
        events: list[Event] = []
        for worker in self._workers:
            if worker.number is not None and worker.starting:
                events.append(JobWaiting(worker.number))
        for worker in ready:
            received = worker.received()
            events += received
            failures = [event for event in received if isinstance(event, JobFailed)]
            if any(event.restart for event in failures):
                self._restart(worker, fewer=any(event.gpu_full for event in failures))
            elif not worker.process.is_alive():
                events += worker.received()  # what it sent between the last look and its end
                events += self._replace(worker)
        return events

    def cancel(self, number: int) -> None:
        """Kill the process that runs this trial and start another."""
        for worker in self._workers:
            if worker.number == number:
                worker.end()
                worker.start()

    def close(self) -> None:
        """Kill all processes."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.end()

    def _restart(self, worker: "_Worker", fewer: bool) -> None:
        """End a process and, with it, what it holds on the GPU; start another, or have one less."""
        worker.end()
        if not fewer or self.capacity == 1:
            worker.start()
            return
        self._workers.remove(worker)
        self.capacity -= 1
        tell_gpu_full(self.capacity)

    def _replace(self, worker: "_Worker") -> list[Event]:
        worker.end()
        code = worker.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if code == -signal.SIGKILL:
            how += ", most likely for want of memory: try fewer workers"
        self._deaths_at_start = 0 if worker.started else self._deaths_at_start + 1
        if (deaths := self._deaths_at_start) == _DEATHS_AT_START:
            raise RunError(f"workers: expected processes that start, {deaths} died ({how})")
        number = worker.number
        worker.start()
        return [] if number is None else [JobFailed(number, f"worker died ({how})", lost=True)]


class _Worker:
    """A process, our end of its pipe, and the trial that it runs."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs, self._function_name), daemon=True
        )
        self.number: int | None = None
        self.started = False
        self._began_s = time.monotonic()
        _mask_interrupts("SIG_BLOCK")  # else Ctrl-C while it starts would print a traceback
        # It must not run the user's script again, guarded by `__name__` or not.
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            self.process.start()
        finally:
            sys.modules["__main__"] = main
            _mask_interrupts("SIG_UNBLOCK")
        theirs.close()

    @property
    def starting(self) -> bool:
        """Whether the process has yet to say that it is there, and may take longer still."""
        return not self.started and time.monotonic() - self._began_s < _LONGEST_START_S

    def received(self) -> list[Event]:
        events: list[Event] = []
        with suppress(EOFError, OSError):
            while self.connection.poll():
                message: Event | None = self.connection.recv()
                self.started = True
                if message is None or message.number != self.number:
                    continue
                events.append(message)
                if not isinstance(message, EpochReported):
                    self.number = None
        return events

    def end(self) -> None:
        self.process.terminate()
        self.process.join(_LONGEST_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def _mask_interrupts(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(getattr(signal, how), {signal.SIGINT})


def _serve(connection: Connection, function_name: str) -> None:
    """Live in a worker process: run jobs until the pipe or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mask_interrupts("SIG_UNBLOCK")
    one_thread_for_each_library()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(Exception):  # told again, as the job's failure
        job_function(function_name)
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            attempt(function_name, connection.recv(), connection.send)


def one_thread_for_each_library() -> None:
    """Have libraries compute with one thread; read when torch is imported, so before that."""
    os.environ |= dict.fromkeys(_THREADS, "1")


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def fitting_workers(device: str = "cpu") -> int:
    """Return the number of processors that this process may use, fewer where memory is short.

    On a GPU each trial has a processor too, which tells it what to do, and a share of its memory.
    """
    fitting = min(processors(), held_workers(device))
    if device == "cuda" and (gpu := find_gpu()):
        fitting = min(fitting, max(1, gpu.free_bytes // _GPU_SHARE_BYTES))
    return int(fitting)


def held_workers(device: str = "cpu") -> float:
    """Return how many workers memory has room for, at least one."""
    return max(1.0, available_bytes() // _WORKER_BYTES[device])


def processors() -> int:
    """Count the processors that this process may use, a container's share included."""
    affine = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if affine else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        return max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def available_bytes() -> float:
    """Return the memory that is free or can be freed, a container's limit included."""
    amounts = []
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                amounts.append(int(line.split()[1]) * 1024)
    with suppress(OSError, ValueError):
        cgroup = Path("/sys/fs/cgroup")
        limit = int((cgroup / "memory.max").read_text(encoding="utf-8"))
        amounts.append(limit - int((cgroup / "memory.current").read_text(encoding="utf-8")))
    return min(amounts, default=float("inf"))
