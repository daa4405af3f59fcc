"""What a training makes small: a function of a network's logits and of the batch they are of.

A new one is a table of its settings, a function and a row in `LOSSES`; `[recipe.loss]` names it.
"""

from collections.abc import Callable

from pydantic import Field
from torch import Tensor, nn

from nas_asc.study import Part, Table
from nas_asc.training.batches import Batch


class CrossEntropy(Table):
    """Settings of the cross-entropy.

    Attributes:
        label_smoothing: share of each target that is spread over all classes.
    """

    label_smoothing: float = Field(ge=0, lt=1)


def cross_entropy(logits: Tensor, batch: Batch, settings: CrossEntropy) -> Tensor:
    """Return the mean cross-entropy, with smoothed labels (Szegedy et al. 2015, arXiv 1512.00567).

    Args:
        logits: float32, (batch, class).
        batch: its targets are probabilities, mixed ones among them.
        settings: as the recipe has them.
    """
    return nn.functional.cross_entropy(
        logits, batch.targets, label_smoothing=settings.label_smoothing
    )


LOSSES: dict[str, Part[Callable[..., Tensor]]] = {
    "cross_entropy": Part(CrossEntropy, cross_entropy),
}
