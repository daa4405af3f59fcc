"""What a worker is given and what it gives back, and the comparisons that may end a training early.

Conventions: everything here is plain data that survives JSON or a pipe. `log_loss` and `accuracy`
are those of the validation clips.

Optuna's pruners refuse studies with two objectives, and successive halving by the loss alone keeps
only large networks. Here size counts: what no earlier trial beats in both size and loss goes on,
the rest is compared with trials of like size. The rule follows asynchronous successive halving (Li
et al. 2020, arXiv:1810.05934), but a stopped training is never continued, and what a trial is
compared with is fixed when it is proposed, so that it does not depend on the number of workers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil, inf, log2
from typing import Any

# A trial is compared with this share of the earlier ones, those nearest in size, at least 6.
_PEER_SHARE = 1 / 3
_LEAST_PEERS = 6


@dataclass(frozen=True)
class Rung:
    """One comparison of one trial, after an epoch; a loss is `loss_of` by the objective.

    Attributes:
        keep: share of the trials of like size that goes on, 0 to 1.
        best_loss: lowest loss at this epoch of the earlier trials that are no larger.
        peer_losses: losses at this epoch of the earlier trials nearest in size; where there are
            none, everything passes.
    """

    epoch: int
    keep: float
    objective: str
    best_loss: float = inf
    peer_losses: tuple[float, ...] = ()

    def promotes(self, entry: Mapping[str, object]) -> bool:
        """Return whether a trial that reports this after the rung's epoch is trained further.

        What is on the first front, or equal to it, goes on, so there is never a rung that nobody
        passes. Of those of like size a tie counts half.
        """
        loss = loss_of(entry, self.objective)
        if loss is None or not self.peer_losses or loss <= self.best_loss:
            return True
        better = sum((other < loss) + (other <= loss) for other in self.peer_losses) / 2
        return better < self.keep * (len(self.peer_losses) + 1)


def make_rung(
    epoch: int, keep: float, objective: str, size_bytes: int, earlier: Sequence[tuple[int, float]]
) -> Rung:
    """Return the rung of a trial of a size, given (size_bytes, loss) of earlier ones there."""
    count = max(_LEAST_PEERS, ceil(_PEER_SHARE * len(earlier)))
    nearest = sorted(earlier, key=lambda pair: abs(log2(pair[0] / size_bytes)))[:count]
    best_loss = min((loss for size, loss in earlier if size <= size_bytes), default=inf)
    return Rung(epoch, keep, objective, best_loss, tuple(loss for _, loss in nearest))


def loss_of(entry: Mapping[str, object], objective: str) -> float | None:
    """Return what is minimised of a report or result: log loss, or 1 - accuracy; None if absent."""
    value = entry.get(objective)
    if not isinstance(value, int | float):
        return None
    return float(value) if objective == "log_loss" else 1.0 - float(value)


@dataclass(frozen=True)
class Job:
    """One architecture to be taken through the whole pipeline.

    Attributes:
        architecture: as `to_dict` of an `Architecture` or `EnsembleReference` gives it.
        seed: of initial weights, order and augmentations.
        rungs: where training may end early; validation clips are judged after their epochs even
            where a rung lets everything pass, since later trials are compared with this one.
        context: what all jobs of a study share: `data`, `split_seed`, `validation_clips`, `recipe`,
            `rule`, `space`, `run`. With `final` it is a training after the search, of which no
            model is kept and which test clips judge too: {"fold": its fold, or None for the split
            of the search}.
    """

    number: int
    architecture: Mapping[str, object]
    seed: int
    epochs: int
    rungs: tuple[Rung, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

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
        retries: how often it was begun anew with a tenth of the learning rate, having diverged.
        learning_rate: that it was trained with then; None for that of the recipe.
    """

    metrics: Mapping[str, Any]
    complexity: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]]
    seconds: float
    stopped_epoch: int | None = None
    retries: int = 0
    learning_rate: float | None = None


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
    """

    number: int
    reason: str
    traceback: str = ""
    lost: bool = False


Event = EpochReported | JobFinished | JobFailed
