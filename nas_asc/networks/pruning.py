"""Pruning in torch: what works while a network trains, and what is left in the end.

By magnitude: the smallest weights of each kernel become zero. By channels, as in the IMT report
(DCASE 2020 task 1B): whole output channels of a kernel become zero, those with the smallest L1
norm, a fraction of those still alive at a time; batch norm scales one by one, whatever becomes of
the channels. Biases and shifts are never pruned; shapes and multiply-accumulates stay. Another way
is a class and a function here, a row in `PRUNERS`, and a closed form in `nas_asc.complexity`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from nas_asc.complexity import (
    PRUNED_FROM,
    PRUNED_UNTIL,
    ChannelPruning,
    MagnitudePruning,
    Pruning,
    channels_left,
    values_left,
)

Kernel = nn.Conv1d | nn.Conv2d | nn.Linear  # the layers whose weights are pruned
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


class Pruner(Protocol):
    """Prunes a network while it trains, so that what stays can make up for what goes.

    Attributes:
        masks: what stays of each pruned weight, 1, and what is held at zero, 0; none at first.
        iterations_done: of those of channels; 0 where it has none.
    """

    masks: list[Tensor]
    iterations_done: int

    def after_step(self, done: int, steps: int) -> None:
        """Prune after a step, the `done`-th of so many."""

    def apply(self) -> None:
        """Set what is gone to zero."""


def largest(weight: Tensor, sparsity: float) -> Tensor:
    """Mark the largest magnitudes: bool, shape of `weight`; of equal ones the first stays."""
    values = weight.detach().reshape(-1, 1)
    return top_channels(values, values_left(len(values), sparsity)).reshape(weight.shape)


def top_channels(weight: Tensor, kept: int) -> Tensor:
    """Mark the `kept` channels with the largest L1 norm; of equal ones the first stays.

    The weight is a kernel, (channels, ...), or scales, (channels,); the mask bool, (channels,).
    """
    norms = weight.detach().abs().reshape(len(weight), -1).sum(dim=1)
    mask = torch.zeros(len(weight), dtype=torch.bool, device=weight.device)
    mask[norms.argsort(descending=True, stable=True)[:kept]] = True
    return mask


def sparsity_at(progress: float, sparsity: float) -> float:
    """Return the sparsity at a share of training: a cubic rise in its middle half, constant after.

    Zhu and Gupta 2017 (arXiv 1710.01878): fast while weights are plentiful, slow towards the end.
    """
    share = min(1.0, max(0.0, (progress - PRUNED_FROM) / (PRUNED_UNTIL - PRUNED_FROM)))
    return sparsity * (1 - (1 - share) ** 3)


def kernels(network: nn.Module, with_classifier: bool) -> dict[str, Tensor]:
    """Return the weights of convolutions and linear layers, by name; the classifier's is last."""
    modules = network.named_modules()
    found = {f"{name}.weight": m.weight for name, m in modules if isinstance(m, Kernel)}
    if not with_classifier:
        found.popitem()
    return found


def _targets(network: nn.Module, pruning: MagnitudePruning | ChannelPruning) -> dict[str, Tensor]:
    """Return the weights that are pruned, by name."""
    targets = kernels(network, pruning.prune_classifier)
    if isinstance(pruning, ChannelPruning):
        modules = network.named_modules()
        targets |= {f"{n}.weight": m.weight for n, m in modules if isinstance(m, BatchNorm)}
    return targets


def magnitude_masks(network: nn.Module, pruning: MagnitudePruning) -> dict[str, Tensor]:
    """Mark the values that stay: bool, of the weight's shape, by weight."""
    targets = _targets(network, pruning)
    return {name: largest(weight, pruning.sparsity) for name, weight in targets.items()}


def channel_masks(network: nn.Module, pruning: ChannelPruning) -> dict[str, Tensor]:
    """Mark the channels that are left after all iterations: bool, (channels,), by weight."""
    targets = _targets(network, pruning)
    return {name: top_channels(w, pruning.left(len(w))) for name, w in targets.items()}


class MagnitudePruner:
    """Prune by magnitude, ever more of it.

    The masks are drawn anew some fifty times in a training, and for the last time at its end or
    where the rise ends; between, the masked weights are held at zero.
    """

    def __init__(self, network: nn.Module, pruning: MagnitudePruning) -> None:
        self.sparsity = pruning.sparsity
        self.iterations_done = 0
        self._weights = list(_targets(network, pruning).values())
        self.masks: list[Tensor] = []

    def after_step(self, done: int, steps: int) -> None:
        """Draw masks if it is time to, and set the masked weights to zero."""
        progress = done / steps
        last = progress >= PRUNED_UNTIL > (done - 1) / steps
        if last or (PRUNED_FROM < progress < PRUNED_UNTIL and done % max(1, steps // 50) == 0):
            sparsity = sparsity_at(progress, self.sparsity)
            self.masks = [largest(weight, sparsity).to(weight.dtype) for weight in self._weights]
        self.apply()

    def apply(self) -> None:
        """Set the masked weights to zero."""
        _multiply(self._weights, self.masks)


class ChannelPruner:
    """Prune channels, an iteration at a time, spread over the middle half of the training.

    Between them the channels that are gone are held at zero.
    """

    def __init__(self, network: nn.Module, pruning: ChannelPruning) -> None:
        self.pruning = pruning
        self.iterations_done = 0
        self._weights = list(_targets(network, pruning).values())
        self.masks: list[Tensor] = []

    def iterate(self) -> None:
        """Take the weakest of the channels that are still alive, and set them to zero."""
        self.apply()  # what an optimizer has moved since is not alive
        self.iterations_done += 1
        self.masks = []
        for weight in self._weights:
            alive = channels_left(len(weight), self.pruning.sparsity, self.iterations_done)
            mask = top_channels(weight, alive).to(weight.dtype)
            self.masks.append(mask.reshape(-1, *[1] * (weight.dim() - 1)))
        self.apply()

    def after_step(self, done: int, steps: int) -> None:
        """Iterate if it is time to, and hold what is gone at zero."""
        share = min(1.0, (done / steps - PRUNED_FROM) / (PRUNED_UNTIL - PRUNED_FROM))
        self.apply()
        while self.iterations_done < share * self.pruning.iterations:
            self.iterate()

    def apply(self) -> None:
        """Set the channels that are gone to zero."""
        _multiply(self._weights, self.masks)


@torch.no_grad()
def _multiply(weights: list[Tensor], masks: list[Tensor]) -> None:
    if masks:
        torch._foreach_mul_(weights, masks)


# What works while a network trains; and what is left in the end, by parameter: a mask of its shape,
# or (out,) for whole channels.
PRUNERS: Mapping[str, tuple[Callable[..., Pruner], Callable[..., dict[str, Tensor]]]] = {
    "magnitude": (MagnitudePruner, magnitude_masks),
    "channels": (ChannelPruner, channel_masks),
}


def pruner_for(network: nn.Module, pruning: Pruning) -> Pruner | None:
    """Return what prunes a network while it trains; None if nothing does."""
    return PRUNERS[pruning.kind][0](network, pruning) if pruning.kind in PRUNERS else None


def masks_of(network: nn.Module, pruning: Pruning) -> dict[str, Tensor]:
    """Return what pruning leaves, by parameter: after a pruned training, what is not zero."""
    return PRUNERS[pruning.kind][1](network, pruning) if pruning.kind in PRUNERS else {}
