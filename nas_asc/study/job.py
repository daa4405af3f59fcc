"""What a worker is given and what it gives back.

Conventions: everything here is plain data that survives JSON or a pipe. `log_loss` and `accuracy`
are those of the validation clips.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from nas_asc.study.early_stopping import Rung


@dataclass(frozen=True)
class Job:
    """One architecture to be taken through the whole pipeline.

    Attributes:
        number: of the trial in its study.
        architecture: as `Architecture.to_dict` gives it.
        seed: of initial weights, order and augmentations.
        epochs: of full training.
        rungs: where training may end early; validation clips are judged after their epochs even
            where a rung lets everything pass, since later trials are compared with this one.
        context: what all jobs of a study share: `data`, `clip_s`, `skip_bad`, `recipe`, `rule`,
            `space`, `run`.
    """

    number: int
    architecture: Mapping[str, object]
    seed: int
    epochs: int
    rungs: tuple[Rung, ...] = ()
    context: Mapping[str, object] = field(default_factory=dict)

    @property
    def validation_epochs(self) -> tuple[int, ...]:
        """After which epochs the validation clips must be judged."""
        return (*(rung.epoch for rung in self.rungs), self.epochs)


def trial_seed(seed: int, number: int, purpose: str) -> int:
    """Return the seed, 0 to 2**32 - 1, of one purpose in one trial of a study."""
    digest = sha256(f"{seed}/{number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4])


# What `run_job` calls after each epoch with at least {"epoch", "log_loss", "accuracy"} (None where
# the validation clips were not judged); False asks it to stop and to return what it has.
OnEpoch = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True)
class JobResult:
    """What came of a job.

    Attributes:
        metrics: `log_loss`, `accuracy` and more, of the stored (compressed) weights.
        complexity: as counted, `Complexity.to_dict`.
        curve: what was reported after each epoch.
        seconds: that the job took, features included.
        stopped_epoch: after which training was stopped early; None when it went to its end.
    """

    metrics: Mapping[str, Any]
    complexity: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]]
    seconds: float
    stopped_epoch: int | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the result as JSON."""
        return asdict(self)


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
        reason: one line for people.
        traceback: where a fault of the program arose; empty for what a user can put right.
    """

    number: int
    reason: str
    traceback: str = ""


Event = EpochReported | JobFinished | JobFailed
