import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_job import run_job

from nas_asc.errors import DatasetError, RunError
from nas_asc.reports.lookup import report_model
from nas_asc.search.runners import RUNNERS
from nas_asc.search.runners.attempt import attempt
from nas_asc.search.runners.processes import available_bytes, fitting_workers, processors
from nas_asc.study.early_stopping import Rung
from nas_asc.study.job import EpochReported, Job, JobFailed, JobFinished, JobResult

LONGEST_S = 60.0


def job(number=0, rungs=(), run="."):
    architecture = report_model("deepsound-32").architecture.to_dict()
    return Job(number, architecture, 0, 3, rungs, {"rule": "plain", "run": str(run)})


def events_of(workers, wanted):
    """Poll until so many jobs have ended."""
    events, ended, until = [], 0, time.monotonic() + LONGEST_S
    while ended < wanted:
        assert time.monotonic() < until, events
        new = workers.poll(0.5)
        events += new
        ended += sum(isinstance(event, JobFinished | JobFailed) for event in new)
    return events


@pytest.fixture
def make(monkeypatch):
    """Make workers with a job of this module or fake_job, and close them in the end."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    made = []

    def make(kind, function, count=1):
        made.append(RUNNERS[kind](count, function))
        return made[-1]

    yield make
    for workers in made:
        workers.close()


@pytest.mark.parametrize("kind", RUNNERS)
def test_a_job_reports_its_epochs_and_ends_with_its_result(make, kind):
    workers = make(kind, "fake_job:run_job")
    assert (workers.capacity, workers.free) == (1, 1)
    workers.submit(job(5))
    assert workers.free == 0
    events = events_of(workers, 1)
    assert [type(event) for event in events] == [EpochReported] * 3 + [JobFinished]
    assert {event.number for event in events} == {5}
    assert [event.entry["epoch"] for event in events[:3]] == [1, 2, 3]
    assert workers.free == 1
    seen = []
    attempt("fake_job:run_job", job(5), seen.append)
    assert events[-1].result.metrics == seen[-1].result.metrics  # the same of each kind


@pytest.mark.parametrize("kind", RUNNERS)
def test_a_rung_ends_a_job(make, kind):
    workers = make(kind, "fake_job:run_job")
    workers.submit(job(rungs=(Rung(2, 0.5, "log_loss", best_loss=0.0, peer_losses=(0.0,) * 8),)))
    done = events_of(workers, 1)[-1]
    assert done.result.stopped_epoch == 2
    assert len(done.result.curve) == 2


@pytest.mark.parametrize("kind", RUNNERS)
def test_an_exception_is_a_reason_of_one_line(make, kind):
    workers = make(kind, "test_workers:broken")
    workers.submit(job())
    (failed,) = events_of(workers, 1)
    assert failed.reason == "ZeroDivisionError: what a pity"
    assert "test_workers.py" in failed.traceback
    workers.submit(job())
    assert events_of(workers, 1)  # it goes on


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("test_workers:user_fault", "clip.wav: expected audio, found text"),
        ("test_workers:hungry", "out of memory"),
        ("test_workers:hungry_torch", "out of memory: DefaultCPUAllocator: can't allocate memory"),
        ("test_workers:nowhere", "AttributeError: module 'test_workers' has no attribute"),
        ("no_module:run", "ModuleNotFoundError: No module named 'no_module'"),
    ],
)
def test_reasons_are_what_a_user_can_read(make, function, reason):
    workers = make("inline", function)
    workers.submit(job())
    (failed,) = events_of(workers, 1)
    assert failed.reason.startswith(reason)


def test_a_killed_process_is_one_failed_trial_and_is_replaced(make):
    workers = make("processes", "test_workers:killed_or_done", count=2)
    for number in (0, 1):
        workers.submit(job(number))
    ends = {e.number: e for e in events_of(workers, 2) if isinstance(e, JobFinished | JobFailed)}
    assert ends[0].reason.startswith("worker died (signal 9")
    assert "memory" in ends[0].reason
    assert isinstance(ends[1], JobFinished)
    workers.submit(job(3))
    workers.submit(job(5))
    assert all(
        isinstance(e, JobFinished)
        for e in events_of(workers, 2)
        if not isinstance(e, EpochReported)
    )


def test_a_cancelled_job_says_nothing_more_and_frees_its_worker(make):
    workers = make("processes", "fake_job:waiting")
    workers.submit(job(1))
    while not workers.poll(0.5):
        pass
    workers.cancel(1)
    assert workers.free == 1
    assert not [event for event in workers.poll(0.2) if event.number == 1]


def test_processes_that_never_start_are_an_error(make, monkeypatch):
    monkeypatch.setattr(
        "nas_asc.search.runners.processes._serve", os._exit
    )  # called with two arguments
    workers = make("processes", "fake_job:run_job")
    with pytest.raises(RunError, match="3 died"):  # noqa: PT012
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            workers.poll(0.5)


def test_processes_train_with_one_thread_and_without_ctrl_c(make):
    workers = make("processes", "test_workers:interrupted_threads")
    workers.submit(job())
    assert events_of(workers, 1)[-1].result.metrics == {"threads": "1"}
    for _ in range(2):
        workers.close()


def test_processes_end_when_the_driver_is_killed(tmp_path):
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import test_workers as t\n"
        "workers = t.RUNNERS['processes'](2, 'fake_job:waiting')\n"  # not guarded by __name__
        "workers.submit(t.job())\n"
        "while not workers.poll(0.5): pass\n"
        "print(*[w.process.pid for w in workers._workers], flush=True)\n"
        "workers.poll(60)\n"
    )
    script = tmp_path / "driver.py"
    script.write_text(program, encoding="utf-8")
    driver = subprocess.Popen(
        [
            sys.executable,
            str(script),
            str(Path(__file__).parent),
            str(Path(__file__).parent.parent),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with driver:
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        driver.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    until = time.monotonic() + LONGEST_S
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.1)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(("memory_bytes", "workers"), [(64e9, 8), (4e9, 3), (1e8, 1)])
def test_there_is_a_worker_for_each_processor_if_memory_allows(monkeypatch, memory_bytes, workers):
    assert 1 <= processors() <= (os.cpu_count() or 1)
    assert available_bytes() > 1e8
    monkeypatch.setattr("nas_asc.search.runners.processes.processors", lambda: 8)
    monkeypatch.setattr("nas_asc.search.runners.processes.available_bytes", lambda: memory_bytes)
    assert fitting_workers() == workers


def broken(job, report):
    raise ZeroDivisionError("what\na   pity")


def user_fault(job, report):
    raise DatasetError("clip.wav: expected audio, found text")


def hungry(job, report):
    raise MemoryError


def hungry_torch(job, report):
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 bytes")


def killed_or_done(job, report):
    if job.number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def interrupted_threads(job, report):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
    return JobResult({"threads": os.environ["OMP_NUM_THREADS"]}, {}, [], 0.0)
