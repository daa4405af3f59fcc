"""Channel pruning: whole output channels of a kernel become zero, those with the smallest L1 norm.

As in the IMT report (DCASE 2020 task 1B): each convolution and linear layer on its own, a fraction
of the channels that are still alive at a time. The scales of batch norms are pruned one by one by
magnitude, whatever becomes of the channels. Biases and shifts are never pruned, and shapes and
multiply-accumulates stay. `nas_asc.complexity.pruning` has the closed form.
"""

import torch
from torch import Tensor, nn

from nas_asc.complexity import ChannelPruning, channels_left
from nas_asc.networks.compression.magnitude import END, START, prunable

_Norm = nn.BatchNorm1d | nn.BatchNorm2d


def top_channels(weight: Tensor, kept: int) -> Tensor:
    """Mark the channels with the largest L1 norm: bool, (channels,); of equal ones the first stays.

    Args:
        weight: a kernel, (channels, ...), or scales, (channels,).
        kept: how many stay.
    """
    norms = weight.detach().abs().reshape(len(weight), -1).sum(dim=1)
    mask = torch.zeros(len(weight), dtype=torch.bool, device=weight.device)
    mask[norms.argsort(descending=True, stable=True)[:kept]] = True
    return mask


def targets(network: nn.Module, pruning: ChannelPruning) -> dict[str, Tensor]:
    """Return the weights that channel pruning works on, by name: kernels and batch norm scales."""
    kernels = prunable(network, pruning.prune_classifier)
    scales = {f"{n}.weight": m.weight for n, m in network.named_modules() if isinstance(m, _Norm)}
    return kernels | scales


def channel_masks(network: nn.Module, pruning: ChannelPruning) -> dict[str, Tensor]:
    """Mark the channels that are left after all iterations: bool, (channels,), by weight."""
    return {
        name: top_channels(weight, pruning.left(len(weight)))
        for name, weight in targets(network, pruning).items()
    }


class ChannelPruner:
    """Prune a network while it trains, an iteration at a time.

    The iterations are spread over the middle half of the training; between them the channels that
    are gone are held at zero, so that the others can make up for them.
    """

    def __init__(self, network: nn.Module, pruning: ChannelPruning) -> None:
        self.pruning = pruning
        self.iterations_done = 0
        self._weights: list[Tensor] = list(targets(network, pruning).values())
        self._alive = [len(weight) for weight in self._weights]
        self._masks: list[Tensor] = []

    def iterate(self) -> None:
        """Take the weakest of the channels that are still alive, and set them to zero."""
        self.apply()  # what an optimizer has moved since is not alive
        self._alive = [channels_left(alive, self.pruning.sparsity, 1) for alive in self._alive]
        self._masks = [
            top_channels(weight, alive).to(weight.dtype).reshape(-1, *[1] * (weight.dim() - 1))
            for weight, alive in zip(self._weights, self._alive, strict=True)
        ]
        self.iterations_done += 1
        self.apply()

    def after_step(self, done: int, steps: int) -> None:
        """Iterate if it is time to, and hold what is gone at zero."""
        share = min(1.0, (done / steps - START) / (END - START))
        self.apply()
        while self.iterations_done < share * self.pruning.iterations:
            self.iterate()

    @torch.no_grad()
    def apply(self) -> None:
        """Set the channels that are gone to zero."""
        if self._masks:
            torch._foreach_mul_(self._weights, self._masks)
