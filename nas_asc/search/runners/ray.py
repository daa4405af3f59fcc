"""Jobs as trials of Ray Tune: on this machine, or on all nodes of a cluster.

```
submit -------------> JobBox, an actor beside the driver --- the next job ---v
                      Places --> Tune: one trial for each job --> WorkerActor on some node
poll <-- queue <----- Reports <------------- events and files ----'
```

Conventions: Tune has its own loop, which runs in a thread here. One trial of Tune is one job, since
a rung ends a job: what goes on from there is another job, on whatever node, from the checkpoint
that this one left. A trial of Tune gets its job when it has a worker, so that jobs begin in their
order, and as many trials wait as run, so that Tune has a reason to keep the workers. Ray carries
plain data alone (dicts, lists, numbers, text, bytes), and no file that it writes is ever read:
trials, checkpoints and models are in the run folder, which only the driver needs to see. Each node
needs this package and the recordings at the same place.
"""

import logging
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import uuid4

import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nas_asc.errors import RunError
from nas_asc.files import UNFINISHED, folder_atomically, write_atomically
from nas_asc.search.runners.gpu import tell_gpu_full
from nas_asc.search.runners.ray_worker import JobBox, WorkerActor, read_event
from nas_asc.study import TEACHER_FILE, Event, Job, JobFailed, JobWaiting

_WAITING_S = 10.0  # between two events of a job that waits for a free node
_RESOURCES_S = 2.0  # between two looks at how large the cluster is
_CLOSE_S = 10.0
_CONNECT_S = 10.0
_DEATHS_AT_START = 3
_MOST_TRIALS = 1_000_000
_OBJECT_STORE_BYTES = 100_000_000  # of a Ray of our own: checkpoints and models pass through it
# Of Ray and Tune, unless the user has set them: nothing is sent home, no results are written, a
# call after the end does not start another Ray, and workers of a Ray of our own get the same share
# of the processors as other programs (Ray's default is niceness 15).
_SETTINGS = {
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
# What came from a trial of Tune, by its id.
_Report = tuple[str, Mapping[str, Any]]


class RayRunner:
    """Runs jobs on a Ray of its own, or on a cluster that is there."""

    def __init__(
        self,
        workers: int | None,
        function_name: str,
        *,
        address: str | None = None,
        gpus_per_trial: float = 0.0,
    ) -> None:
        """Start Ray, or join a cluster.

        Args:
            workers: how many jobs run at once at most; None for as many as the cluster has room
                for, which may change.
            function_name: of the job's function, "module:function".
            address: of a cluster, as `ray.init` takes it; None for a Ray of our own.
            gpus_per_trial: GPUs, or the share of one, that each job takes.

        Raises:
            RunError: there is no cluster at the address, or Ray does not start.
        """
        self._workers = workers
        self._needs = {"CPU": 1.0} | ({"GPU": gpus_per_trial} if gpus_per_trial else {})
        _connect(address, workers, gpus_per_trial)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._box_name = f"jobs-{uuid4().hex}"
        box: Any = ray.remote(JobBox)
        self._box = box.options(name=self._box_name, num_cpus=0, scheduling_strategy=here).remote()
        self._keys = count()
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, float] = {}  # of which nothing has come: when that was last told
        self._begun: set[str] = set()  # trials of Tune that have a worker
        self._deaths_at_start = 0
        self._fewer = 0  # since the memory of a GPU was full
        self._slots, self._looked_s = 0, -_RESOURCES_S
        self._reports: SimpleQueue[_Report] = SimpleQueue()
        self._closing = Flag()
        self._folder = tempfile.mkdtemp(prefix="nas-asc-ray-")
        self._thread = Thread(target=self._tune, args=(function_name,), daemon=True)
        self._thread.start()

    @property
    def capacity(self) -> int:
        """How many jobs run at once: what the nodes that live have room for."""
        if time.monotonic() - self._looked_s >= _RESOURCES_S:
            self._looked_s = time.monotonic()
            with suppress(RayError):  # as it was; if Ray has ended, its loop tells
                there = ray.cluster_resources()
                room = min(there.get(name, 0.0) / each for name, each in self._needs.items())
                self._slots = int(room + 1e-6)
        most = self._slots if self._workers is None else min(self._slots, self._workers)
        return max(1, most - self._fewer)

    def _places(self) -> int:
        """Return how many trials Tune is to have: none that would take a place of its own."""
        capacity = self.capacity
        return capacity if self._slots > capacity else 2 * capacity

    @property
    def free(self) -> int:
        """How many more jobs could be submitted now."""
        return max(0, self.capacity - len(self._jobs))

    def submit(self, job: Job) -> None:
        """Put a job where a worker finds it, with the files of the run that it reads.

        These are the checkpoints that it goes on from, and what teachers say.
        """
        key = f"{next(self._keys)}-{job.name}"
        run = Path(str(job.context["run"]))
        paths = [*_checkpoints(run, job), *run.glob(TEACHER_FILE)]
        files = {str(path.relative_to(run)): path.read_bytes() for path in paths}
        given = {"job": asdict(job), "files": files, "version": version("nas-asc")}
        ray.get(self._box.put.remote(key, given))
        self._jobs[key] = job
        self._waiting[key] = time.monotonic()

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Return what has happened, waiting at most `timeout_s` seconds for the first event.

        Raises:
            RunError: Ray has ended, or workers die again and again before they get to a job.
        """
        events: list[Event] = []
        with suppress(Empty):
            events += self._received(*self._reports.get(timeout=timeout_s))
            while True:
                events += self._received(*self._reports.get_nowait())
        now_s = time.monotonic()
        for key, told_s in self._waiting.items():
            if now_s - told_s > _WAITING_S:
                self._waiting[key] = now_s
                events.append(JobWaiting(self._jobs[key].number))
        return events

    def cancel(self, number: int) -> None:
        """Kill the worker that runs this trial; where none does yet, none will."""
        for key in [key for key, job in self._jobs.items() if job.number == number]:
            self._forget(key, kill=True)

    def close(self) -> None:
        """End everything that still runs, and Ray where it is ours."""
        self._closing.set()
        self._thread.join(_CLOSE_S)
        ray.shutdown()  # ends our actors too
        shutil.rmtree(self._folder, ignore_errors=True)

    def _tune(self, function_name: str) -> None:
        """Live in a thread: Tune's own loop, until the runner is closed."""
        needs = {name.lower(): number for name, number in self._needs.items()}
        try:
            tune.run(
                WorkerActor,
                config={"box": self._box_name, "function": function_name},
                search_alg=Places(self._places),
                callbacks=[Reports(self._reports.put, self._closing)],
                num_samples=-1,
                max_concurrent_trials=_MOST_TRIALS,  # without it Tune takes one at a time
                resources_per_trial=needs,
                reuse_actors=True,
                max_failures=0,
                raise_on_failed_trial=False,
                storage_path=self._folder,
                verbose=0,
            )
        except _Closing:
            pass
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            self._reports.put(("", {"error": reason}))

    def _received(self, trial_id: str, report: Mapping[str, Any]) -> list[Event]:
        """Return the events of a report, whose files are written; none where it was cancelled."""
        if "error" in report:
            raise RunError(
                f"ray: expected it to go on, it has ended ({report['error']}) - go on with --resume"
            )
        if "died" in report:
            return self._died(trial_id)
        self._begun.add(trial_id)
        self._deaths_at_start = 0
        key = report.get("job")
        if key not in self._jobs:
            return []
        job = self._jobs[key]
        self._waiting.pop(key, None)
        _write(Path(str(job.context["run"])), job, report)
        events = [read_event(each) for each in report["events"]]
        if report["ended"]:
            self._begun.discard(trial_id)
            failures = [event for event in events if isinstance(event, JobFailed)]
            if any(event.gpu_full for event in failures) and (left := self.capacity - 1):
                self._fewer += 1
                tell_gpu_full(left)
            self._forget(key, kill=any(event.restart for event in failures))
        return events

    def _died(self, trial_id: str) -> list[Event]:
        """Return that the job of a worker that died is lost, if it had one."""
        self._deaths_at_start += trial_id not in self._begun
        self._begun.discard(trial_id)
        if self._deaths_at_start == _DEATHS_AT_START:
            raise RunError(
                f"ray: expected workers that start, {_DEATHS_AT_START} died - is nas-asc installed "
                "on every node? Ray's logs there tell more"
            )
        key = ray.get(self._box.job_of.remote(trial_id))
        if key not in self._jobs:
            return []
        number = self._jobs[key].number
        self._forget(key)
        return [JobFailed(number, "its worker or node died", lost=True)]

    def _forget(self, key: str, kill: bool = False) -> None:
        """Forget a job that has ended, or is to; the worker that has it may be killed."""
        del self._jobs[key]
        self._waiting.pop(key, None)
        taker = self._box.forget.remote(key)
        if kill and (actor := ray.get(taker)):
            ray.kill(actor)


class _Closing(BaseException):
    """Ends Tune's loop; with an `Exception` it would wait for workers first."""


class Places(Searcher):
    """Gives Tune trials for jobs to come: as many as run, and as many that wait."""

    def __init__(self, most: Callable[[], int]) -> None:
        super().__init__()
        self._most = most
        self._live = 0

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return a trial; None where there are enough."""
        if self._live >= self._most():
            return None
        self._live += 1
        return {}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Note that a trial has ended; the search is told by `poll`."""
        self._live -= 1

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the run folder has it."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


class Reports(tune.Callback):
    """Passes what Tune hears of jobs on to the driver, and keeps it out of Tune's own records."""

    def __init__(self, put: Callable[[_Report], None], closing: Flag) -> None:
        self._put = put
        self._closing = closing

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """End the loop when the runner is closed."""
        if self._closing.is_set():
            raise _Closing

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Pass a report on; Tune allows a callback to change it."""
        self._put((trial.trial_id, result.pop("report")))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report that a worker died."""
        self._put((trial.trial_id, {"died": True}))


def _connect(address: str | None, workers: int | None, gpus: float) -> None:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    quiet: Any = {"logging_level": logging.ERROR, "log_to_driver": False, "namespace": "nas-asc"}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        if address is not None:
            _check_reached(address)
            ray.init(address, **quiet)
            return
        ray.init(
            "local",  # else one that somebody has started here would be joined
            num_cpus=workers,
            num_gpus=None if gpus else 0,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
    except (RayError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        at = "on this machine" if address == "auto" else f"at {address}"
        where = "it to start" if address is None else f"a cluster {at}"
        raise RunError(
            f"ray: expected {where}, found none ({reason}) - see docs/cluster.md"
        ) from None


def _check_reached(address: str) -> None:
    """Check that somebody listens at HOST:PORT, for which Ray would wait for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdecimal():
        raise ValueError("an address is HOST:PORT, or auto on a machine of the cluster")
    socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()


def _checkpoints(run: Path, job: Job) -> list[Path]:
    """Return the checkpoints of a job: of its network, or of each of its networks."""
    folder = run / "checkpoints"
    found = [folder / job.name, *sorted(folder.glob(f"{job.name}-*"))]
    return [path for path in found if path.is_file() and UNFINISHED not in path.name]


def _write(run: Path, job: Job, report: Mapping[str, Any]) -> None:
    """Write the files of a report into the run folder; a checkpoint only saves time."""
    files = {Path(name): content for name, content in report["files"].items()}
    for name, content in files.items():
        if name.parts[0] == "checkpoints":
            with suppress(OSError):
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(run / name, content)
    model = Path("models") / job.name
    if of_model := {name: content for name, content in files.items() if model in name.parents}:
        with folder_atomically(run / model) as folder:
            for name, content in of_model.items():
                path = folder / name.relative_to(model)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    if report["ended"]:
        for path in _checkpoints(run, job):
            if str(path.relative_to(run)) not in report["left"]:
                path.unlink(missing_ok=True)
