"""What is known after each epoch, and what follows from it: when to end, which weights to keep.

Both are functions of the reports of the epochs so far, which a checkpoint has: a training that is
gone on with decides as one that was never cut. They look at the validation part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from nas_asc.complexity import NOT_PRUNED, Pruning
from nas_asc.study import Recipe


@dataclass(frozen=True)
class EpochReport:
    """What is known after an epoch, from 1, `seconds` after the training began.

    Attributes:
        train_loss: mean over the epoch's augmented clips, so not comparable with `log_loss`.
        log_loss: on the validation clips (files, where clips are windows); None where they were not
            judged.
        accuracy: macro, 0 to 1, likewise.
    """

    epoch: int
    train_loss: float
    log_loss: float | None
    accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class Selection:
    """When a training of so many epochs ends early, and which of them is the best."""

    recipe: Recipe
    epochs: int
    pruning: Pruning = NOT_PRUNED

    @property
    def judges(self) -> bool:
        """Whether validation clips are to be judged after each epoch."""
        return bool(self.recipe.stop or self.recipe.keep)

    def has_ended(self, history: Sequence[EpochReport]) -> bool:
        """Return whether the training ends after these epochs, were they not all."""
        if not (stop := self.recipe.stop):
            return False
        best, waited = inf, 0
        for report in self._pruned(history):
            assert report.log_loss is not None
            waited += 1
            if report.log_loss < best - stop.min_delta:
                best, waited = report.log_loss, 0
        return waited >= stop.patience

    def is_best(self, history: Sequence[EpochReport]) -> bool:
        """Return whether the last epoch is the best so far of those that count."""
        if not (keep := self.recipe.keep):
            return False
        counted = [each for each in self._pruned(history) if each.epoch > keep.after * self.epochs]
        if not counted or counted[-1] is not history[-1]:
            return False
        *before, last = [_loss(each, keep.best) for each in counted]
        return last < min(before, default=inf)

    def _pruned(self, history: Sequence[EpochReport]) -> list[EpochReport]:
        """Return the epochs at whose end a network has the zeros that it is to have."""
        if self.pruning == NOT_PRUNED:
            return [*history]
        end = self.recipe.pruning_schedule.end
        return [each for each in history if each.epoch / self.epochs >= end]


def _loss(report: EpochReport, best: str) -> float:
    """Return what the best epoch has least of."""
    value = report.log_loss if best == "log_loss" else report.accuracy
    assert value is not None
    return value if best == "log_loss" else -value
