"""Rungs: epochs at which a training is compared with earlier ones and may end.

Optuna's pruners refuse studies with two objectives, and successive halving by the loss alone keeps
only large networks. Here size counts: what no earlier trial beats in both size and loss goes on,
the rest is compared with trials of like size. The rule follows asynchronous successive halving (Li
et al. 2020, arXiv:1810.05934) but never takes up a stopped training later, and what it compares
with is fixed when a trial is asked for, so that it does not depend on the number of workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, log2

# A trial is compared with this share of the earlier ones, those nearest in size, and with at least
# so many.
_LIKE_SIZE_SHARE = 1 / 3
_LIKE_SIZE_LEAST = 6


@dataclass(frozen=True)
class Rung:
    """One rung of one trial; a loss is what is minimised: log loss, or 1 - accuracy.

    Attributes:
        epoch: after which it stands.
        keep: share of the trials of like size that goes on, 0 to 1.
        objective: "log_loss" or "accuracy", which of a report's values is compared.
        lowest: lowest loss at this epoch of the earlier trials that are no larger.
        like_size: losses at this epoch of the earlier trials nearest in size; empty lets
            everything pass.
    """

    epoch: int
    keep: float
    objective: str
    lowest: float = inf
    like_size: tuple[float, ...] = ()

    def goes_on(self, entry: Mapping[str, object]) -> bool:
        """Say whether a trial that reports this after the rung's epoch is trained further.

        What is on the first front goes on, so there is never a rung that nobody passes.
        """
        loss = loss_of(entry, self.objective)
        if loss is None or not self.like_size or loss < self.lowest:
            return True
        better = sum(other <= loss for other in self.like_size)
        return better < self.keep * (len(self.like_size) + 1)


def rung(
    epoch: int,
    keep: float,
    objective: str,
    size_bytes: int,
    earlier: Sequence[tuple[int, float]],
) -> Rung:
    """Make the rung of a trial of `size_bytes`, given (size_bytes, loss) of earlier ones there."""
    count = max(_LIKE_SIZE_LEAST, ceil(_LIKE_SIZE_SHARE * len(earlier)))
    nearest = sorted(earlier, key=lambda pair: abs(log2(pair[0] / size_bytes)))[:count]
    return Rung(
        epoch,
        keep,
        objective,
        min((loss for size, loss in earlier if size <= size_bytes), default=inf),
        tuple(loss for _, loss in nearest),
    )


def loss_of(entry: Mapping[str, object], objective: str) -> float | None:
    """Give what is minimised of a report or a result: log loss, or 1 - accuracy; None if absent."""
    value = entry.get(objective)
    if not isinstance(value, int | float):
        return None
    return float(value) if objective == "log_loss" else 1.0 - float(value)
