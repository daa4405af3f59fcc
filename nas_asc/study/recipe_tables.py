"""Tables of a recipe that are off where they are absent: L2, stop, keep, curriculum, pruning.

Conventions: shares are 0 to 1, epochs count from 1. What is judged is always the validation part.
"""

from math import floor
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nas_asc.study.data_source import Table

MOST = 1_000_000  # of trials, epochs, rates: more than any training gets through

Share = Annotated[float, Field(ge=0, le=1)]


class L2(Table):
    """The `[recipe.l2]` table: the factor times the sum of squares is a term of the loss.

    As Keras's `kernel_regularizer`, without a half, and beside any weight decay of the optimizer.
    The `train_loss` of a report leaves the term out.

    Attributes:
        layers: "kernels" for the kernels of all convolutions and linear layers, "all but
            classifier" for those kernels without the last one. Never biases or batch norm.
    """

    factor: float = Field(gt=0, le=MOST)
    layers: Literal["kernels", "all but classifier"]


class Stop(Table):
    """The `[recipe.stop]` table: a training ends that the validation log loss says is at its end.

    It is judged after each epoch then, of a pruned network from the end of pruning on.

    Attributes:
        patience: it ends after so many epochs in a row without a better log loss.
        min_delta: better is what is lower by more than this.
    """

    patience: int = Field(ge=1, le=MOST)
    min_delta: float = Field(default=0.0, ge=0, le=MOST)


class Keep(Table):
    """The `[recipe.keep]` table: the weights of the best epoch are the result, not the last ones.

    Of equal epochs the first is the best. Of a pruned network only those count at whose end it is
    pruned.

    Attributes:
        best: by the log loss or the macro accuracy of the validation part.
        after: only epochs after this share of all count: 0.75 of 400 epochs are 301 to 400.
    """

    best: Literal["log_loss", "accuracy"]
    after: float = Field(default=0.0, ge=0, lt=1)


class Curriculum(Table):
    """The `[recipe.curriculum]` table: easy training clips first.

    How hard a clip is says its loss under a first model: the same network, trained on all clips for
    some epochs before the training begins. An epoch has as many clips as without a curriculum: in
    stage k of n they are drawn from the easiest k/n of each class, some of them several times.

    Attributes:
        stages: how many, the last of which has all clips.
        until: share of the epochs at which the last stage begins; those before are equally long.
        first: share of the epochs that the first model is trained for, besides those of the
            training; one epoch at least.
    """

    stages: int = Field(ge=2, le=100)
    until: float = Field(gt=0, le=1)
    first: float = Field(gt=0, le=1)

    def first_epochs(self, epochs: int) -> int:
        """Return how many epochs the first model of a training of so many is trained for."""
        return max(1, round(self.first * epochs))

    def stage(self, epoch: int, epochs: int) -> int:
        """Return the stage, from 1, of an epoch of so many."""
        # what is a whole number but for rounding is one
        before = int((epoch - 1) * (self.stages - 1) / (self.until * epochs) + 1e-9)
        return min(self.stages, 1 + before)


class PruningSchedule(Table):
    """The `[recipe.pruning]` table: when a network that is to be pruned is pruned in its training.

    How, and how far, stands in the architecture. Without this table it is `USUAL_PRUNING`.

    Attributes:
        start: share of the training before which nothing is pruned.
        end: share from which on nothing more is.
        initial: sparsity at the start, of pruning by magnitude; the final one is the most.
        steps: of pruning by magnitude, equally far apart, besides that at the start; None for some
            fifty in a whole training. Of channels there is one for each iteration.
        rate: share of the learning rate that is left when something has been pruned: fine-tuning.
            None for all of it.
    """

    start: float = Field(ge=0, lt=1)
    end: float = Field(gt=0, le=1)
    initial: float = Field(default=0.0, ge=0, lt=1)
    steps: int | None = Field(default=None, ge=1, le=MOST)
    rate: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _ends_later(self) -> "PruningSchedule":
        if self.end <= self.start:
            raise ValueError(f"end: expected more than the {self.start:g} of start, got {self.end}")
        return self

    def share(self, progress: float) -> float:
        """Return the share of the way from start to end at a share of the training, below 0 too."""
        return min(1.0, (progress - self.start) / (self.end - self.start))

    def steps_done(self, progress: float) -> int:
        """Return how many of the `steps`, and of that at the start, belong before such a share."""
        if self.steps is None or progress < self.start:
            return 0
        if progress >= self.end:
            return self.steps + 1
        # what is a whole number but for rounding is one
        return 1 + min(self.steps - 1, floor(self.share(progress) * self.steps + 1e-9))

    def sparsity(self, share: float, final: float) -> float:
        """Return the sparsity at a share of the way to the final one: a cubic rise.

        Zhu and Gupta 2017 (arXiv 1710.01878): fast while weights are plentiful, slow towards the
        end.
        """
        if share >= 1:
            return final
        initial = min(self.initial, final)
        return initial + (final - initial) * (1 - (1 - max(0.0, share)) ** 3)


USUAL_PRUNING = PruningSchedule(start=0.2, end=0.7)
