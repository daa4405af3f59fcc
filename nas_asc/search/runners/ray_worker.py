"""The side of Ray's workers: they take jobs from a box beside the driver, and report on them.

Conventions: what passes is plain data alone: dicts, lists, numbers, text and bytes.
"""

import asyncio
import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import ray
from ray import tune

from nas_asc.files import UNFINISHED
from nas_asc.search.runners.inline import attempt
from nas_asc.search.runners.processes import one_thread_for_each_library
from nas_asc.study import EpochReported, Event, Job, JobFailed, JobFinished, JobResult

_REPORT_S = 0.5  # between two reports of a job
_EVENTS = {kind.__name__: kind for kind in (EpochReported, JobFinished, JobFailed)}


class JobBox:
    """The jobs that wait for a worker, and who took which: an actor beside the driver."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        self._taken: dict[str, tuple[str, Any]] = {}  # a job: a trial of Tune, and its actor
        self._new = asyncio.Event()

    async def put(self, key: str, job: dict[str, Any]) -> None:
        """Keep a job, as plain data, and its files."""
        self._jobs[key] = job
        self._new.set()

    async def take(self, trial_id: str, actor: Any, wait_s: float) -> Any:
        """Return the next job with its key to a trial of Tune; None where none comes in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._new.wait(), wait_s)
        if not self._jobs:
            return None
        key = next(iter(self._jobs))
        job = self._jobs.pop(key)
        if not self._jobs:
            self._new.clear()
        self._taken[key] = trial_id, actor
        return key, job

    async def job_of(self, trial_id: str) -> str | None:
        """Return the job that a trial of Tune took."""
        return next((key for key, (taker, _) in self._taken.items() if taker == trial_id), None)

    async def forget(self, key: str) -> Any:
        """Forget a job; return the actor that took it, if one has."""
        self._jobs.pop(key, None)
        if not self._jobs:
            self._new.clear()
        return self._taken.pop(key, (None, None))[1]


class WorkerActor(tune.Trainable):
    """A worker on some node: runs one job after the other, each in a thread.

    A step is what happened in some time. Files are written in a folder of the job on the node, and
    sent.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Get ready, once for all jobs."""
        one_thread_for_each_library()
        logging.getLogger("nas_asc").setLevel(logging.ERROR)
        self._box = ray.get_actor(config["box"])
        self._function = config["function"]
        self._key: str | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Stay as it is: jobs are asked for."""
        return True

    def step(self) -> dict[str, Any]:
        """Return what has happened to the job, at its end or after a while."""
        if self._key is None:
            actor = ray.get_runtime_context().current_actor
            found: Any = ray.get(self._box.take.remote(self.trial_id, actor, _REPORT_S))
            if found is None:
                return {"report": {}, "done": False}
            self._begin(*found)
        events, until_s, ended = list[Event](), time.monotonic() + _REPORT_S, False
        while not ended and (left_s := until_s - time.monotonic()) > 0:
            with suppress(Empty):
                events.append(self._events.get(timeout=left_s))
                ended = not isinstance(events[-1], EpochReported)
        report = {
            "job": self._key,
            "events": [plain_event(each) for each in events],
            "ended": ended,
        }
        report |= self._files(ended)
        if ended:
            self.cleanup()
        return {"report": report, "done": ended}

    def cleanup(self) -> None:
        """Leave nothing of the job on the node."""
        if self._key is not None:
            shutil.rmtree(self._run, ignore_errors=True)
            self._key = None

    def _begin(self, key: str, given: Mapping[str, Any]) -> None:
        self._key = key
        self._run = Path(tempfile.mkdtemp(prefix="nas-asc-job-"))
        self._sent: dict[str, int] = {}
        self._events: SimpleQueue[Event] = SimpleQueue()
        for name, content in given["files"].items():
            path = self._run / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._sent[name] = path.stat().st_mtime_ns
        job = Job(**given["job"])
        job = replace(job, context={**job.context, "run": str(self._run)})
        if given["version"] != (here := version("nas-asc")):
            reason = (
                f"{socket.gethostname()}: expected nas-asc {given['version']}, as the driver has, "
                f"found {here} - install the same on every node"
            )
            self._events.put(JobFailed(job.number, reason, stops=True))
            return
        run = (self._function, job, self._events.put)
        Thread(target=attempt, args=run, daemon=True).start()

    def _files(self, ended: bool) -> dict[str, Any]:
        """Return checkpoints that are new, at the end with the model, by name."""
        found = {}
        for path in self._run.rglob("*"):
            name = str(path.relative_to(self._run))
            if not path.is_file() or UNFINISHED in name:
                continue
            if not ended and not name.startswith("checkpoints"):
                continue
            with suppress(FileNotFoundError):  # replaced just now
                changed = path.stat().st_mtime_ns
                if self._sent.get(name) != changed:
                    found[name] = path.read_bytes()
                    self._sent[name] = changed
        left = [name for name in self._sent if (self._run / name).exists()]
        return {"files": found, "left": left}


def plain_event(event: Event) -> dict[str, Any]:
    """Return an event as plain data."""
    return {"event": type(event).__name__, **asdict(event)}


def read_event(plain: Mapping[str, Any]) -> Event:
    """Return the event that `plain_event` was given."""
    values = {name: value for name, value in plain.items() if name != "event"}
    if "result" in values:
        values["result"] = JobResult(**values["result"])
    event: Event = _EVENTS[plain["event"]](**values)
    return event
