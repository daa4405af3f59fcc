"""Channel pruning: whole output channels of a kernel become zero, those with the smallest L1 norm.

As in the IMT report (DCASE 2020 task 1B): each convolution and linear layer on its own, a fraction
of the channels that are still alive at a time. The scales of batch norms are pruned one by one by
magnitude, whatever becomes of the channels. Biases and shifts are never pruned, and shapes and
multiply-accumulates stay. `nas_asc.pruning_counts` has the closed form.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_asc.compression.pruning import END, START, Kernel
from nas_asc.pruning_counts import Pruning, surviving

_Norm = nn.BatchNorm1d | nn.BatchNorm2d


def strongest(weight: Tensor, kept: int) -> Tensor:
    """Mark the channels with the largest L1 norm: bool, (channels,); of equal ones the first stays.

    Args:
        weight: a kernel, (channels, ...), or scales, (channels,).
        kept: how many stay.
    """
    norms = weight.detach().abs().reshape(len(weight), -1).sum(dim=1)
    mask = torch.zeros(len(weight), dtype=torch.bool, device=weight.device)
    mask[norms.argsort(descending=True, stable=True)[:kept]] = True
    return mask


@dataclass
class _Target:
    weight: Tensor
    alive: Tensor


class ChannelPruner:
    """Prune a network while it trains, an iteration at a time.

    The iterations are spread over the middle half of the training; between them the channels that
    are gone are held at zero, so that the others can make up for them.
    """

    def __init__(self, network: nn.Module, pruning: Pruning) -> None:
        self.pruning = pruning
        self.iterations_done = 0
        kernels = [m.weight for m in network.modules() if isinstance(m, Kernel)]
        scales = [m.weight for m in network.modules() if isinstance(m, _Norm)]
        if not pruning.classifier:
            kernels.pop()
        self._targets = [
            _Target(weight, torch.ones(len(weight), dtype=torch.bool, device=weight.device))
            for weight in (*kernels, *scales)
        ]

    def iterate(self) -> None:
        """Take the weakest of the channels that are still alive, and set them to zero."""
        for target in self._targets:
            kept = surviving(int(target.alive.sum()), self.pruning.sparsity, 1)
            shape = (-1, *[1] * (target.weight.dim() - 1))
            target.alive = strongest(target.weight * target.alive.reshape(shape), kept)
        self.iterations_done += 1
        self.apply()

    @torch.no_grad()
    def apply(self) -> None:
        """Set the channels that are gone to zero."""
        for target in self._targets:
            target.weight[~target.alive] = 0.0

    def after_step(self, done: int, steps: int) -> None:
        """Iterate if it is time to, and hold what is gone at zero."""
        share = (done / steps - START) / (END - START)
        while self.iterations_done < min(1.0, share) * self.pruning.iterations:
            self.iterate()
        if self.iterations_done:
            self.apply()


def prune_channels(network: nn.Module, pruning: Pruning) -> None:
    """Do all iterations at once, on a network that was not pruned in training."""
    pruner = ChannelPruner(network, pruning)
    for _ in range(pruning.iterations):
        pruner.iterate()
