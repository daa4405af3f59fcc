"""The ways of pruning in torch: what works while a network trains, and what is left in the end.

Another one is a file here, a row in `PRUNERS`, and a closed form in nas_asc/complexity/pruning.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from nas_asc.complexity import Pruning
from nas_asc.networks.compression.channels import ChannelPruner, channel_masks
from nas_asc.networks.compression.magnitude import MagnitudePruner, magnitude_masks


class Pruner(Protocol):
    """Prunes a network while it trains, so that what stays can make up for what goes."""

    def after_step(self, done: int, steps: int) -> None:
        """Prune after a step, the `done`-th of so many."""

    def apply(self) -> None:
        """Set what is gone to zero."""


class PruningMethod(NamedTuple):
    """A way of pruning a network, given with its settings.

    Attributes:
        pruner: what works while it trains.
        masks: what is left in the end, by parameter: bool, of its shape, or (out,) for whole
            channels.
    """

    pruner: Callable[[nn.Module, Any], Pruner]
    masks: Callable[[nn.Module, Any], dict[str, Tensor]]


PRUNERS: Mapping[str, PruningMethod] = {
    "magnitude": PruningMethod(MagnitudePruner, magnitude_masks),
    "channels": PruningMethod(ChannelPruner, channel_masks),
}


def pruner_for(network: nn.Module, pruning: Pruning) -> Pruner | None:
    """Return what prunes a network while it trains; None if nothing does."""
    method = PRUNERS.get(pruning.kind)
    return None if method is None else method.pruner(network, pruning)


def masks_of(network: nn.Module, pruning: Pruning) -> dict[str, Tensor]:
    """Return what pruning leaves, by parameter.

    Of a network that was pruned in training these are the values that are not held at zero.
    """
    method = PRUNERS.get(pruning.kind)
    return {} if method is None else method.masks(network, pruning)
