"""Early stopping: after some epochs a training is compared with earlier ones and may end.

Optuna's pruners refuse studies with two objectives, and successive halving by the loss alone keeps
only large networks. Here size counts: what no earlier trial beats in both size and loss goes on,
the rest is compared with trials of like size. The rule follows asynchronous successive halving (Li
et al. 2020, arXiv:1810.05934), but a stopped training is never continued, and what a trial is
compared with is fixed when it is proposed, so that it does not depend on the number of workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, log2
from typing import Annotated

from pydantic import Field

from nas_asc.study.recipe import MOST, Table

# A trial is compared with this share of the earlier ones, those nearest in size, and with at least
# so many.
_PEER_SHARE = 1 / 3
_LEAST_PEERS = 6


class EarlyStopping(Table):
    """The `[early_stopping]` table of a study.

    Attributes:
        enabled: whether trainings are compared at all.
        rungs: shares of the epochs after which they are.
        keep: share of the trials of like size that goes on at each rung.
        min_history: earlier trials that a comparison needs at least.
    """

    enabled: bool
    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(strict=False)
    keep: float = Field(gt=0, le=1)
    min_history: int = Field(ge=1, le=MOST)

    def epochs(self, total: int) -> tuple[int, ...]:
        """Return the epochs, of `total`, after which trials are compared."""
        if not self.enabled:
            return ()
        return tuple(sorted({e for s in self.rungs if 0 < (e := round(s * total)) < total}))


@dataclass(frozen=True)
class Rung:
    """One comparison of one trial; a loss is what is minimised: log loss, or 1 - accuracy.

    Attributes:
        epoch: after which it takes place.
        keep: share of the trials of like size that goes on, 0 to 1.
        objective: "log_loss" or "accuracy", which of a report's values is compared.
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

        What is on the first front goes on, so there is never a rung that nobody passes.
        """
        loss = loss_of(entry, self.objective)
        if loss is None or not self.peer_losses or loss < self.best_loss:
            return True
        better = sum(other <= loss for other in self.peer_losses)
        return better < self.keep * (len(self.peer_losses) + 1)


def make_rung(
    epoch: int,
    keep: float,
    objective: str,
    size_bytes: int,
    earlier: Sequence[tuple[int, float]],
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
