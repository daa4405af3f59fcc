"""What a worker is given and what it gives back.

Conventions: everything here is plain data that survives JSON or a pipe. `log_loss` and `accuracy`
are those of the validation clips.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

# Of a run folder: the probabilities that teachers give the training clips.
TEACHER_FILE = "teacher.npy"


def loss_of(entry: Mapping[str, object], objective: str) -> float | None:
    """Return what is minimised of a report or result: log loss, or 1 - accuracy; None if absent."""
    value = entry.get(objective)
    if not isinstance(value, int | float):
        return None
    return float(value) if objective == "log_loss" else 1.0 - float(value)


@dataclass(frozen=True)
class Job:
    """One architecture to be trained up to an epoch, from where it is, or through to the end.

    Attributes:
        number: of its trial.
        architecture: as `to_dict` of an `Architecture` or `EnsembleReference` gives it.
        seed: of initial weights, order and augmentations.
        epochs: of the whole training, for which the schedule is made.
        until: the epoch after which this job ends; its trial may be taken up from there later.
        rungs: epochs after which validation clips are judged, besides the last one.
        learning_rate: that the trial is trained with where it diverged before; None for that of the
            recipe.
        context: what all jobs of a study share: `data`, `split_seed`, `validation_clips`, `recipe`,
            with hashes of teachers in the place of their names, `rule`, `space`, `run`, a folder
            with `TEACHER_FILE` if there are teachers; `device`, "cpu" (which absent means) or
            "cuda"; `member_recipes`, where networks of an ensemble have their own; and `clips`, how
            many `data` has, where that is to be checked. With `final` it is a training after the
            search, of which no model is kept and which test clips judge too: {"fold": its fold, or
            None for the split of the search}.
    """

    number: int
    architecture: Mapping[str, object]
    seed: int
    epochs: int
    until: int
    rungs: tuple[int, ...] = ()
    learning_rate: float | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its files in the run folder are called: by its trial, or as a final training."""
        return f"final-{self.seed}" if self.context.get("final") else str(self.number)


def trial_seed(seed: int, number: int, purpose: str) -> int:
    """Return the seed, 0 to 2**32 - 1, of one purpose in one trial of a study."""
    digest = sha256(f"{seed}/{number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4])


# What `run_job` calls after each epoch with at least {"epoch", "log_loss", "accuracy"} (None where
# the validation clips were not judged).
OnEpoch = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True)
class JobResult:
    """What came of a job.

    Attributes:
        metrics: `log_loss`, `accuracy` and more, of the stored (compressed) weights; of a training
            that is not at its end, of the weights as they are.
        complexity: as counted, `Complexity.to_dict`.
        curve: what was reported after each epoch, those of earlier jobs of the trial included.
        seconds: that the job took, features included.
        stopped_epoch: after which the training is to be taken up; None when it went to its end.
        retries: how often it was begun anew with a tenth of the learning rate, having diverged.
        learning_rate: that it was trained with then; None for that of the recipe.
        machine: kind of the processor or GPU that computed it, and what else decides how results
            are rounded, such as the threads of a trial; empty where that is not known.
    """

    metrics: Mapping[str, Any]
    complexity: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]]
    seconds: float
    stopped_epoch: int | None = None
    retries: int = 0
    learning_rate: float | None = None
    machine: str = ""


@dataclass(frozen=True)
class EpochReported:
    """A job's report of an epoch has come in."""

    number: int
    entry: Mapping[str, object]


@dataclass(frozen=True)
class JobFinished:
    """A job has ended with a result."""

    number: int
    result: JobResult


@dataclass(frozen=True)
class JobFailed:
    """A job has ended without a result.

    Attributes:
        traceback: of a fault of the program.
        lost: whether it may succeed elsewhere or later: its process died, or memory ran out.
        stops: whether no other will succeed before the user has put something right: a recording is
            gone, a disk is full.
        restart: whether its process is to be ended and another started: what went wrong on a GPU
            stays with it, and so does the memory that it holds there.
        gpu_full: whether the memory of the GPU ran out: fewer fit side by side than there were.
    """

    number: int
    reason: str
    traceback: str = ""
    lost: bool = False
    stops: bool = False
    restart: bool = False
    gpu_full: bool = False


@dataclass(frozen=True)
class JobWaiting:
    """A job still waits for a place to run."""

    number: int


Event = EpochReported | JobFinished | JobFailed | JobWaiting
