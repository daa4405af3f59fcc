import errno
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from fake_job import run_job
from study_cases import KINDS, start

from nas_asc.errors import DatasetError, RunError
from nas_asc.reports.lookup import report_model
from nas_asc.search.runners import RUNNERS
from nas_asc.search.runners.gpu import Gpu
from nas_asc.search.runners.inline import attempt
from nas_asc.search.runners.processes import available_bytes, fitting_workers, processors
from nas_asc.study.job import EpochReported, Job, JobFailed, JobFinished, JobResult, JobWaiting

LONGEST_S = 60.0


def job(number=0, until=3, run="."):
    architecture = report_model("deepsound-32").architecture.to_dict()
    return Job(number, architecture, 0, 3, until, context={"rule": "plain", "run": str(run)})


def events_of(workers, wanted):
    """Poll until so many jobs have ended."""
    events, ended, until = [], 0, time.monotonic() + LONGEST_S
    while ended < wanted:
        assert time.monotonic() < until, events
        new = [event for event in workers.poll(0.5) if not isinstance(event, JobWaiting)]
        events += new
        ended += sum(isinstance(event, JobFinished | JobFailed) for event in new)
    return events


@pytest.fixture
def make(monkeypatch):
    """Make workers with a job of this module or fake_job, and close them in the end."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # where Ray's find them
    made = []

    def make(kind, function, count=1):
        made.append(RUNNERS[kind](count, function))
        return made[-1]

    yield make
    for workers in made:
        workers.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_reports_its_epochs_and_ends_with_its_result_or_at_a_rung(make, kind):
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

    workers.submit(job(until=2))
    resting = events_of(workers, 1)[-1].result
    assert (resting.stopped_epoch, len(resting.curve)) == (2, 2)


TORCH_HUNGRY = "DefaultCPUAllocator: can't allocate memory"
FAULTS = (
    DatasetError("clip.wav: expected audio, found text"),
    MemoryError(),
    RuntimeError(f"{TORCH_HUNGRY}: you tried 8 bytes"),
    ZeroDivisionError("what\na   pity"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    None,  # PyTorch's, made where it is raised: worker processes need not import it
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
)
GPU_FULL = "out of memory on the GPU"


def faulty(job, report):
    if job.number == 5:
        from torch import OutOfMemoryError

        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has ...")
    raise FAULTS[job.number]


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_is_a_reason_of_one_line(make, kind):
    workers = make(kind, "test_runners:faulty")
    for _ in range(2):  # it goes on
        workers.submit(job(3))
        (failed,) = events_of(workers, 1)
        assert failed.reason == "ZeroDivisionError: what a pity"
        assert "test_runners.py" in failed.traceback


@pytest.mark.parametrize(
    ("function", "number", "reason"),
    [
        ("test_runners:faulty", 0, "clip.wav: expected audio, found text"),
        ("test_runners:faulty", 1, "out of memory"),
        ("test_runners:faulty", 2, f"out of memory: {TORCH_HUNGRY}"),
        ("test_runners:faulty", 4, "out of memory: [Errno 12] Cannot allocate memory"),
        ("test_runners:faulty", 5, f"{GPU_FULL}: CUDA out of memory. Tried to allocate 20.00 MiB"),
        ("test_runners:faulty", 6, f"{GPU_FULL}: CUDA error: CUBLAS_STATUS_ALLOC_FAILED"),
        ("test_runners:faulty", 7, "CUDA error: an illegal memory access was encountered"),
        ("test_runners:nowhere", 0, "AttributeError: module 'test_runners' has no attribute"),
        ("no_module:run", 0, "ModuleNotFoundError: No module named 'no_module'"),
    ],
)
def test_reasons_are_what_a_user_can_read(function, number, reason):
    events = []
    attempt(function, job(number), events.append)
    assert events[0].reason.startswith(reason)


@pytest.mark.parametrize(("number", "stops"), [(0, True), (1, False), (3, False)])
def test_only_what_no_trial_is_to_blame_for_stops_a_search(number, stops):
    events = []
    attempt("test_runners:faulty", job(number), events.append)
    assert events[0].stops is stops


@pytest.mark.parametrize(("number", "full"), [(1, None), (5, True), (6, True), (7, False)])
def test_after_a_fault_of_a_gpu_a_trial_is_run_again_by_another_process(number, full):
    events = []
    attempt("test_runners:faulty", job(number), events.append)
    assert events[0].lost
    assert (events[0].restart, events[0].gpu_full) == (full is not None, bool(full))


def test_a_process_that_finds_the_gpu_full_ends_and_the_last_one_is_replaced(make, caplog):
    workers = make("local", "test_runners:full_by_number", count=3)
    before = {worker.process.pid for worker in workers._workers}
    for numbers, capacity in (((1, 5, 6), 1), ((5,), 1), ((1,), 1)):
        for number in numbers:
            workers.submit(job(number))
        events_of(workers, len(numbers))
        assert (workers.capacity, workers.free) == (capacity, capacity)
    assert caplog.text.count("the memory of the GPU is full") == 2
    assert {worker.process.pid for worker in workers._workers}.isdisjoint(before)


def test_a_process_is_replaced_after_another_fault_of_a_gpu(make):
    workers = make("local", "test_runners:full_by_number")
    before = workers._workers[0].process.pid
    workers.submit(job(7))
    events_of(workers, 1)
    assert workers._workers[0].process.pid != before
    assert workers.capacity == 1


def test_a_killed_process_is_one_failed_trial_and_is_replaced(make):
    workers = make("local", "test_runners:killed_or_done", count=2)
    for number in (0, 1):
        workers.submit(job(number))
    ends = {e.number: e for e in events_of(workers, 2) if isinstance(e, JobFinished | JobFailed)}
    assert ends[0].reason.startswith("worker died (signal 9")
    assert "memory" in ends[0].reason
    assert isinstance(ends[1], JobFinished)
    for number in (3, 5):
        workers.submit(job(number))
    assert not any(isinstance(event, JobFailed) for event in events_of(workers, 2))


def test_a_cancelled_job_says_nothing_more_and_frees_its_worker(make):
    workers = make("local", "fake_job:waiting")
    workers.submit(job(1))
    while not any(isinstance(event, EpochReported) for event in workers.poll(0.5)):
        pass
    workers.cancel(1)
    assert workers.free == 1
    assert not [event for event in workers.poll(0.2) if event.number == 1]


def test_a_job_waits_while_its_process_starts_and_not_for_ever(make, monkeypatch):
    workers = make("local", "fake_job:run_job")
    workers.submit(job(3))
    assert workers.poll(0.0) == [JobWaiting(3)]  # the process takes longer than this to be there
    monkeypatch.setattr("nas_asc.search.runners.processes._LONGEST_START_S", 0.0)
    assert isinstance(events_of(workers, 1)[-1], JobFinished)
    assert workers.ready


def test_processes_that_never_start_are_an_error(make, monkeypatch):
    monkeypatch.setattr("nas_asc.search.runners.processes._serve", os._exit)  # with two arguments
    workers = make("local", "fake_job:run_job")
    with pytest.raises(RunError, match="3 died"):
        events_of(workers, 1)


def test_processes_train_with_one_thread_and_without_ctrl_c(make):
    workers = make("local", "test_runners:interrupted_threads")
    workers.submit(job())
    assert events_of(workers, 1)[-1].result.metrics == {"threads": "1"}
    for _ in range(2):
        workers.close()


DRIVER = """
import test_runners as t
workers = t.RUNNERS['local'](2, 'fake_job:waiting')  # not guarded by __name__
workers.submit(t.job())
while not any(isinstance(event, t.EpochReported) for event in workers.poll(0.5)): pass
print(*[w.process.pid for w in workers._workers], flush=True)
workers.poll(60)
"""


def test_processes_end_when_the_driver_is_killed(tmp_path):
    with start(tmp_path, DRIVER) as driver:
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


@pytest.mark.parametrize(("free_bytes", "workers"), [(8e9, 3), (100e9, 8), (1e9, 1)])
def test_on_a_gpu_there_are_as_many_as_have_a_share_of_its_memory(monkeypatch, free_bytes, workers):
    monkeypatch.setattr("nas_asc.search.runners.processes.processors", lambda: 8)
    monkeypatch.setattr("nas_asc.search.runners.processes.available_bytes", lambda: 64e9)
    gpu = Gpu("NVIDIA H200", int(free_bytes))
    monkeypatch.setattr("nas_asc.search.runners.processes.find_gpu", lambda: gpu)
    assert fitting_workers("cuda") == workers
    assert fitting_workers() == 8


class OutOfMemoryError(RuntimeError):
    """As PyTorch's, which this need not wait for."""


def full_by_number(job, report):
    if job.number in (5, 6):
        raise OutOfMemoryError("CUDA out of memory.")
    if job.number == 7:
        raise RuntimeError("CUDA error: unspecified launch failure")
    return run_job(job, report)


def killed_or_done(job, report):
    if job.number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def interrupted_threads(job, report):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
    return JobResult({"threads": os.environ["OMP_NUM_THREADS"]}, {}, [], 0.0)
