"""A job that is over at once: its metrics are computed from the architecture.

Larger networks are better, some choices are better than others, and chance has its part; all of it
depends on the architecture and the seed only.
"""

import math
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.errors import StorageError, TrainingError
from nas_asc.study.job import Job, JobResult, OnEpoch

CLASSES = ("bus", "park", "metro", "tram")
CLIP_S = 1.0


def run_job(job: Job, report: OnEpoch) -> JobResult:
    began = time.perf_counter()
    architecture = Architecture.from_dict(job.architecture)
    cost = count(architecture, len(CLASSES), CLIP_S, str(job.context["rule"]))
    rng = random.Random(f"{architecture.key}/{job.seed}")
    final = true_loss(architecture, cost.size_bytes) * rng.uniform(0.97, 1.03)
    curve: list[dict[str, object]] = []
    for epoch in range(1, job.until + 1):
        loss = final + 1.5 * math.exp(-4.0 * epoch / job.epochs) * rng.uniform(0.9, 1.1)
        judged = epoch in (*job.rungs, job.until)
        curve.append(
            {
                "epoch": epoch,
                "log_loss": loss if judged else None,
                "accuracy": math.exp(-loss) if judged else None,
            }
        )
        report(curve[-1])
    stopped = None if job.until == job.epochs else job.until
    reached = final if stopped is None else float(str(curve[-1]["log_loss"]))
    metrics: dict[str, object] = {"log_loss": reached, "accuracy": math.exp(-reached)}
    if job.context.get("final"):
        metrics["test"] = {"log_loss": final * 1.1, "accuracy": math.exp(-final * 1.1)}
    return JobResult(metrics, cost.to_dict(), curve, time.perf_counter() - began, stopped)


def true_loss(architecture: Architecture, size_bytes: int) -> float:
    choices = architecture.choices
    loss = 0.25 + 1.1 * math.exp(-math.log2(size_bytes / 200) / 3)
    loss *= {"mbconv": 0.8, "fused_mbconv": 0.9}.get(str(choices["stage1.block"]), 1.0)
    loss *= 1.0 + 0.15 * abs(math.log2(float(choices["frontend.n_mels"]) / 64))
    loss *= 0.9 if choices.get("stage2.squeeze_excite") else 1.0
    loss *= {"silu": 0.9, "hardswish": 0.95}.get(str(choices["stem.activation"]), 1.0)
    return loss


def unsteady(job: Job, report: OnEpoch) -> JobResult:
    """Take a while, some longer than others, so that jobs end in another order than they began."""
    key = Architecture.from_dict(job.architecture).key
    time.sleep(int(key[:2], 16) / 256 * 0.03)
    return run_job(job, report)


def leisurely(job: Job, report: OnEpoch) -> JobResult:
    """Take up to a tenth of a second."""
    key = Architecture.from_dict(job.architecture).key
    time.sleep(int(key[:2], 16) / 256 * 0.1)
    return run_job(job, report)


def faulty(job: Job, report: OnEpoch) -> JobResult:
    """Fail in one of four ways, every other time."""
    match job.number % 8:
        case 1:
            raise ValueError("three\nlines\nof text")
        case 3:
            raise TrainingError("expected a finite loss, found nan in epoch 1 of 3")
        case 5:
            return JobResult({"log_loss": math.nan, "accuracy": 0.5}, {}, [], 0.1)
        case 7:
            os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def slow(job: Job, report: OnEpoch) -> JobResult:
    """Take a fifth of a second, and note in the run folder that the job has begun."""
    begun = Path(str(job.context["run"])) / "begun"
    with begun.open("a", encoding="utf-8") as file:
        file.write(f"{job.number}\n")
    time.sleep(0.2)
    return run_job(job, report)


def slow_anywhere(job: Job, report: OnEpoch) -> JobResult:
    """Take a fifth of a second."""
    time.sleep(0.2)
    return run_job(job, report)


def small_space(job: Job, report: OnEpoch) -> JobResult:
    """Need no particular choice of the space."""
    loss = 1.0 + job.number / 100
    report({"epoch": 1, "log_loss": None, "accuracy": None})
    stopped = None if job.until == job.epochs else job.until
    return JobResult({"log_loss": loss, "accuracy": 0.5}, {}, [], 0.01, stopped)


def waiting(job: Job, report: OnEpoch) -> JobResult:
    """Never end."""
    report({"epoch": 1, "log_loss": None, "accuracy": None})
    time.sleep(3600)
    raise AssertionError


def waiting_after_the_rung(job: Job, report: OnEpoch) -> JobResult:
    """Never end a job that goes on from a rung."""
    return run_job(job, report) if job.until < job.epochs else waiting(job, report)


def waiting_for_two(job: Job, report: OnEpoch) -> JobResult:
    """Never end trials 1 and 2."""
    return waiting(job, report) if job.number in (1, 2) else run_job(job, report)


def held_up(job: Job, report: OnEpoch) -> JobResult:
    """Wait until there is a file "go" in the run folder."""
    while not (Path(str(job.context["run"])) / "go").exists():
        time.sleep(0.01)
    return run_job(job, report)


def attempts(job: Job) -> int:
    """Note in the run folder that trial 3 or 4 is run, and return how often it was."""
    path = Path(str(job.context["run"])) / f"attempts-{job.number}"
    with path.open("a", encoding="utf-8") as file:
        file.write(".")
    return path.stat().st_size


def lost_twice(job: Job, report: OnEpoch) -> JobResult:
    """Be killed twice, or run out of memory twice, and end at the third attempt."""
    if job.number in (3, 4) and attempts(job) < 3:
        if job.number == 4:
            raise MemoryError
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def lost_three_times(job: Job, report: OnEpoch) -> JobResult:
    """Be killed three times, and end at the fourth attempt."""
    if job.number == 3 and attempts(job) < 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def hanging_once(job: Job, report: OnEpoch) -> JobResult:
    """Never end at the first attempt."""
    if job.number == 3 and attempts(job) < 2:
        time.sleep(3600)
    return run_job(job, report)


def noted_final(job: Job, report: OnEpoch) -> JobResult:
    """Note in the run folder what is trained after the search: fold and seed."""
    if final := job.context.get("final"):
        with (Path(str(job.context["run"])) / "noted").open("a", encoding="utf-8") as file:
            file.write(f"{final['fold']} {job.seed}\n")
    return run_job(job, report)


def after_the_front(job: Job, report: OnEpoch) -> JobResult:
    """Fail where the front is not stored before test clips are judged, or is before that."""
    stored = (Path(str(job.context["run"])) / "front.json").is_file()
    assert stored == bool(job.context.get("final"))
    return run_job(job, report)


def odd_finals_fail(job: Job, report: OnEpoch) -> JobResult:
    """Fail after the search with odd seeds, and give no numbers with those of every fourth."""
    result = run_job(job, report)
    if job.context.get("final"):
        if job.seed % 2:
            raise ValueError("an odd seed")
        if job.seed % 4:
            result.metrics["test"]["log_loss"] = math.nan
    return result


def finals_without_disk(job: Job, report: OnEpoch) -> JobResult:
    """Find the disk full at the third training after the search."""
    if job.context.get("final") and job.number == 2:
        raise StorageError("no space left on the disk - make room")
    return run_job(job, report)


def searching_never_ends(job: Job, report: OnEpoch) -> JobResult:
    """Never end before the search does; after it, be killed once."""
    if not job.context.get("final"):
        return waiting(job, report)
    if job.number == 3 and attempts(job) < 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job, report)


def retried(job: Job, report: OnEpoch) -> JobResult:
    """Have diverged once in the search, and fail after it with another learning rate than then."""
    assert not job.context.get("final") or job.learning_rate == 0.0025
    return replace(run_job(job, report), retries=1, learning_rate=0.0025)


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises, by its name: to import it would take longer than the job."""


def crowded(job: Job, report: OnEpoch) -> JobResult:
    """Find the memory of a GPU full where more than two are run at once."""
    place = Path(str(job.context["run"])) / "on-gpu"
    place.mkdir(exist_ok=True)
    mine = place / str(os.getpid())
    mine.touch()
    try:
        time.sleep(0.1)
        alive = [each for each in place.iterdir() if Path(f"/proc/{each.name}").exists()]
        if len(alive) > 2:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB. GPU 0 has ...")
        assert job.context["device"] == "cuda"
        return run_job(job, report)
    finally:
        mine.unlink()


def of_a_machine(job: Job, report: OnEpoch) -> JobResult:
    """Be computed on the kind of machine that is named by a file in the run folder."""
    kind = Path(str(job.context["run"])) / "machine"
    machine = kind.read_text(encoding="utf-8") if kind.exists() else "processor A"
    return replace(run_job(job, report), machine=machine)


def of_machines_by_turns(job: Job, report: OnEpoch) -> JobResult:
    """Be computed on one of two kinds of machine."""
    return replace(run_job(job, report), machine=f"processor {'AB'[job.number % 2]}")
