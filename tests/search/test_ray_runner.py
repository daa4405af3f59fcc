"""Jobs on Ray: a Ray of our own, and a cluster of two nodes on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_job import run_job
from real_job import results, search_tones
from study_cases import search, start, trials_of, write_tones
from test_runners import LONGEST_S, alive, events_of, job

from nas_asc.datasets import load_dataset
from nas_asc.errors import RunError
from nas_asc.search.runners import RUNNERS
from nas_asc.search.storage.finals import read_finals
from nas_asc.study.job import TEACHER_FILE, JobFailed, JobFinished

pytestmark = [
    pytest.mark.slow,
    # of Ray 2.60 and of its actors' sockets, which it closes when the interpreter ends
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(autouse=True)
def find_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture
def ray_of_two():
    runner = RUNNERS["ray"](2, "test_ray_runner:leaves_files")
    yield runner
    runner.close()


def leaves_files(job, report):
    """Count in a checkpoint how often the training was gone on with; leave a model at the end.

    It holds what teachers say, too.
    """
    run = Path(job.context["run"])
    checkpoint, model = run / "checkpoints" / job.name, run / "models" / job.name
    begun = int(checkpoint.read_text(encoding="utf-8")) if checkpoint.exists() else 0
    checkpoint.parent.mkdir(exist_ok=True)
    checkpoint.write_text(str(begun + 1), encoding="utf-8")
    if job.number == 9:
        time.sleep(3600)
    result = run_job(job, report)
    if job.until == job.epochs:
        model.mkdir(parents=True)
        said = b"".join(path.read_bytes() for path in run.glob(TEACHER_FILE))
        (model / "weights.bin").write_bytes(bytes([begun + 1]) + said)
        checkpoint.unlink()
    return result


def test_checkpoints_and_models_pass_through_ray_alone(ray_of_two, tmp_path):
    (tmp_path / TEACHER_FILE).write_bytes(b" said")
    for until in (1, 2, 3):
        ray_of_two.submit(job(4, until, tmp_path))
        assert isinstance(events_of(ray_of_two, 1)[-1], JobFinished)
        checkpoint = tmp_path / "checkpoints" / "4"
        assert not checkpoint.exists() if until == 3 else checkpoint.read_text() == str(until)
    assert (tmp_path / "models" / "4" / "weights.bin").read_bytes() == b"\3 said"
    left = ["checkpoints", "models", TEACHER_FILE]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_a_checkpoint_arrives_while_a_job_goes_on_which_may_be_cancelled(ray_of_two, tmp_path):
    ray_of_two.submit(job(9, run=tmp_path))
    until = time.monotonic() + LONGEST_S
    while not (tmp_path / "checkpoints" / "9").exists():
        assert time.monotonic() < until
        assert not ray_of_two.poll(0.2)
    ray_of_two.cancel(9)
    assert ray_of_two.free == 2
    ray_of_two.submit(job(1, run=tmp_path))
    assert [event.number for event in events_of(ray_of_two, 1)] == [1] * 4


@pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")
def test_workers_get_their_share_of_the_processors(ray_of_two, tmp_path):
    ray_of_two.submit(job(1, run=tmp_path))
    events_of(ray_of_two, 1)
    command = ["ps", "-eo", "ni=,args="]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    own = os.getpriority(os.PRIO_PROCESS, 0)
    of_ray = [line.split()[0] for line in found.splitlines() if "ray::WorkerActor" in line]
    assert of_ray
    assert {*of_ray} == {str(own)}


@pytest.mark.skipif(not shutil.which("ss"), reason="ss is not installed")
def test_nothing_listens_beyond_this_machine(ray_of_two, tmp_path):
    ray_of_two.submit(job(1, run=tmp_path))
    events_of(ray_of_two, 1)
    found = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    of_ray = [line.split() for line in found.splitlines() if "ray" in line or "gcs" in line]
    assert of_ray
    assert {fields[3].rpartition(":")[0] for fields in of_ray} <= {
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    }


def test_a_node_of_another_version_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "nas_asc.search.runners.ray.version", lambda _: "0.0.9"
    )  # of the driver alone
    runner = RUNNERS["ray"](1, "fake_job:run_job")
    try:
        runner.submit(job(1, run=tmp_path))
        (failed,) = events_of(runner, 1)
    finally:
        runner.close()
    assert failed.stops
    assert "expected nas-asc 0.0.9, as the driver has, found" in failed.reason


def test_an_address_without_a_cluster_is_one_line():
    with pytest.raises(RunError, match=r"ray: expected a cluster at 127.0.0.1:1, found none"):
        RUNNERS["ray"](1, "fake_job:run_job", address="127.0.0.1:1")


def same(one, two):
    """Compare what two runs trained and found, but for times."""
    for run in (one, two):
        assert [trial.number for trial in run] == [*range(len(run))]
    keys = [[(t.architecture.key, t.state, t.seed, t.jobs) for t in run] for run in (one, two)]
    assert keys[0] == keys[1]
    metrics = [[t.result and t.result.metrics for t in run] for run in (one, two)]
    assert metrics[0] == metrics[1]


def test_the_same_trials_as_with_processes(tmp_path):
    options = {"job": "unsteady", "trials": 24, "lag": 4}
    search(tmp_path / "local", kind="local", workers=2, **options)
    search(tmp_path / "ray", kind="ray", workers=3, **options)
    same(trials_of(tmp_path / "local"), trials_of(tmp_path / "ray"))


@pytest.mark.usefixtures("one_thread")
def test_real_trainings_leave_the_same_weights_as_with_processes(tmp_path, monkeypatch):
    """Some rest and go on from checkpoints, and the front is trained again."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tones").mkdir()
    dataset = load_dataset(write_tones(tmp_path / "tones", rate_hz=16000, clip_s=0.5))
    for kind in ("local", "ray"):
        search_tones(tmp_path / kind, dataset, kind=kind, workers=2, final_seeds=1)
    local, ray = (results(tmp_path / kind) for kind in ("local", "ray"))
    assert len(local[1]) > 1  # models
    assert local == ray
    figures = [
        [(each.trial, each.seed, each.validation, each.test) for each in finals.retrainings]
        for finals in map(read_finals, (tmp_path / "local", tmp_path / "ray"))
    ]
    assert sorted(figures[0]) == sorted(figures[1])
    assert not list((tmp_path / "ray" / "checkpoints").glob("final*"))


def test_of_two_nodes_one_dies_and_no_trial_is_lost_or_doubled(tmp_path):
    from ray.cluster_utils import Cluster

    options = {"job": "leisurely", "trials": 30, "lag": 4}
    search(tmp_path / "local", kind="local", workers=2, **options)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)
    done = []

    def kill_in_the_middle(progress):
        if progress.finished >= 8 and not done:
            done.append(progress.finished)
            cluster.remove_node(node, allow_graceful=False)

    try:
        search(
            tmp_path / "ray",
            kind="ray",
            workers=2,
            progress=kill_in_the_middle,
            runner_options={"address": cluster.address},
            **options,
        )
    finally:
        cluster.shutdown()
    assert done
    same(trials_of(tmp_path / "local"), trials_of(tmp_path / "ray"))


DRIVER = """
import sys
from pathlib import Path
from study_cases import search
if __name__ == "__main__":
    search(Path(sys.argv[1]), job="slow_anywhere", kind="ray", workers=2, trials=16)
"""


def test_a_killed_driver_is_gone_on_with_and_leaves_no_process(tmp_path):
    run = tmp_path / "run"
    with start(tmp_path, DRIVER, run) as driver:
        until = time.monotonic() + LONGEST_S
        while not (run / "study.db").exists() or sum(t.finished for t in trials_of(run)) < 4:
            assert time.monotonic() < until
            time.sleep(0.2)
        children = [
            int(pid)
            for pid in Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
        ]
        driver.send_signal(signal.SIGKILL)
    assert children
    until = time.monotonic() + LONGEST_S
    while any(alive(pid) for pid in children):
        assert time.monotonic() < until
        time.sleep(0.2)
    search(run, job="slow_anywhere", kind="ray", workers=2, trials=16, resume=True)
    search(tmp_path / "whole", job="run_job", trials=16)
    same(trials_of(run), trials_of(tmp_path / "whole"))


def test_a_worker_that_is_killed_is_a_lost_job(tmp_path):
    runner = RUNNERS["ray"](1, "test_runners:killed_or_done")
    try:
        for number in (0, 1):
            runner.submit(job(number, run=tmp_path))
            end = events_of(runner, 1)[-1]
            assert isinstance(end, JobFinished if number else JobFailed)
            assert number or end.lost
    finally:
        runner.close()


def test_jobs_of_other_programs_on_the_cluster_are_left_alone():
    """A runner that is closed leaves a cluster that it did not start."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        runner = RUNNERS["ray"](None, "fake_job:run_job", address=cluster.address)
        assert runner.capacity == 1
        runner.close()
        assert alive(cluster.head_node.all_processes["raylet"][0].process.pid)
    finally:
        cluster.shutdown()
    assert threading.active_count() < 20
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
