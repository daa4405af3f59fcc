"""The equal terms of `search.py`: what a peer asks for is trained as this project's search does it.

A peer says which architecture is trained next and which training is stopped. The trainings are jobs
of `run_job`, with the seeds and the context that the search gives them, in as many processes of one
thread. Time begins when they ask for their first jobs; a peer thinks about the next one while they
train, as the search does.
"""

import multiprocessing
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from nas_asc.architectures import Architecture
from nas_asc.search import Task
from nas_asc.study import Job, JobResult, trial_seed

WORKERS = 2


@dataclass(frozen=True)
class Training:
    """One training, or a part of one, that has ended.

    Attributes:
        seconds: since the search began.
        epochs: that it was trained for, of one that had rested those since then.
        state: completed, stopped_early, failed, or rested, for a part of one that went on later.
        log_loss, accuracy: on validation clips, of what was trained to its end.
    """

    trial: int
    seconds: float
    epochs: int
    state: str
    size_bytes: int
    log_loss: float | None = None
    accuracy: float | None = None


class Peer(Protocol):
    """A way of searching; trials are numbered from 0 as it is asked for them."""

    judged: Collection[int]  # epochs after which the validation clips are judged, besides the last

    def ask(self) -> Architecture:
        """Return what to train next; it fits the budget."""

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        """Return whether a training goes on that has this loss after one of the epochs."""

    def tell(self, trial: int, loss: float | None, state: str) -> None:
        """Note how a training has ended; a loss has what was trained to its end."""


def compete(peer: Peer, task: Task, run: Path) -> list[Training]:
    """Train what a peer asks for until the time of the study is up; models are saved in `run`."""
    study, context = task.config, multiprocessing.get_context("spawn")
    assert study.time_s is not None
    pipes, processes = [], []
    for _ in range(WORKERS):
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.poll(None)
    began = time.monotonic()
    desk = _Desk(peer, task, run, began)
    try:
        while (left_s := began + study.time_s - time.monotonic()) > 0:
            for pipe in wait(pipes, left_s):
                assert isinstance(pipe, Connection)
                question, *arguments = pipe.recv()
                pipe.send(getattr(desk, question)(*arguments))
            desk.look_ahead()
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return desk.trainings


def _work(pipe: Connection) -> None:
    """Train one job after the other in a process of its own, asking at each turn what to do."""
    from nas_asc.training.run_job import run_job

    def asked(*question: object) -> Any:
        pipe.send(question)
        return pipe.recv()

    def report(entry: Mapping[str, Any]) -> None:
        judged = entry["log_loss"] is not None and entry["epoch"] < job.epochs
        if judged and not asked("goes_on", job.number, entry["epoch"], entry["log_loss"]):
            raise _Stopped

    while True:
        job: Job = asked("next_job")
        try:
            result = run_job(job, report)
        except _Stopped:
            pass  # as is known where that was decided
        except Exception as error:
            asked("failed", job.number, f"{type(error).__name__}: {error}")
        else:
            asked("finished", job.number, result)


class _Stopped(Exception):
    """A training is not to go on."""


class _Desk:
    """Answers the processes of a peer, and keeps what has ended."""

    def __init__(self, peer: Peer, task: Task, run: Path, began: float) -> None:
        self._peer = peer
        self._task = task
        self._run = run
        self._began = began
        self._sizes: list[int] = []
        self._ahead: Architecture | None = None
        self.trainings: list[Training] = []

    def next_job(self) -> Job:
        """Ask for an architecture and make a job of it, as the search does."""
        task, study, number = self._task, self._task.config, len(self._sizes)
        architecture, self._ahead = self._ahead or self._peer.ask(), None
        self._sizes.append(task.measure(architecture).size_bytes)
        context = {
            "data": task.dataset.source.to_dict(),
            "split_seed": task.dataset.split_seed,
            "validation_clips": study.validation_clips,
            "recipe": study.recipe.to_dict(),
            "rule": task.rule.id,
            "space": study.space,
            "run": str(self._run),
        }
        return Job(
            number=number,
            architecture=architecture.to_dict(),
            seed=trial_seed(study.seed, number, "training"),
            epochs=study.epochs,
            until=study.epochs,
            rungs=tuple(self._peer.judged),
            context=context,
        )

    def look_ahead(self) -> None:
        """Ask for the architecture of the next job, while others are in training."""
        if self._sizes and self._ahead is None:
            self._ahead = self._peer.ask()

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        """Pass the question on, and keep what is stopped."""
        goes_on = self._peer.goes_on(trial, epoch, loss)
        if not goes_on:
            self._end(trial, epoch, "stopped_early")
        return goes_on

    def finished(self, trial: int, result: JobResult) -> None:
        """Keep a training that was done."""
        loss, accuracy = result.metrics["log_loss"], result.metrics["accuracy"]
        self._end(trial, result.curve[-1]["epoch"], "completed", loss, accuracy)

    def failed(self, trial: int, reason: str) -> None:
        """Keep that a training failed; the epochs of it are not known."""
        print(f"trial {trial} failed: {reason}")
        self._end(trial, 0, "failed")

    def _end(self, trial: int, epochs: int, state: str, *metrics: float) -> None:
        seconds = time.monotonic() - self._began
        self.trainings.append(Training(trial, seconds, epochs, state, self._sizes[trial], *metrics))
        self._peer.tell(trial, metrics[0] if metrics else None, state)
