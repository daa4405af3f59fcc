"""The kinds of pruning: what works while a network trains, and what is left of it in the end."""

from torch import Tensor, nn

from nas_asc.compression.channels import ChannelPruner, channel_masks
from nas_asc.compression.pruning import Pruner, largest, prunable
from nas_asc.pruning_counts import Pruning


def pruner_for(network: nn.Module, pruning: Pruning) -> Pruner | ChannelPruner | None:
    """Give what prunes a network while it trains; None if nothing does."""
    if pruning.kind == "magnitude":
        return Pruner(network, pruning.sparsity, pruning.classifier)
    return ChannelPruner(network, pruning) if pruning.kind == "channels" else None


def masks_of(network: nn.Module, pruning: Pruning) -> dict[str, Tensor]:
    """Mark what pruning leaves, by parameter: bool, of its shape, or (out,) for whole channels.

    Of a network that was pruned in training these are the values that are not held at zero.
    """
    if pruning.kind == "magnitude":
        return {
            name: largest(weight, pruning.sparsity)
            for name, weight in prunable(network, pruning.classifier).items()
        }
    return channel_masks(network, pruning) if pruning.kind == "channels" else {}
