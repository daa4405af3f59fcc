"""Unstructured magnitude pruning: the smallest weights of each tensor become zero.

Only weights of convolutions and linear layers are pruned, never a bias or a batch norm.
"""

import torch
from torch import Tensor, nn

from nas_asc.complexity import MagnitudePruning, values_left

Kernel = nn.Conv1d | nn.Conv2d | nn.Linear  # the layers whose weights are pruned

START, END = 0.2, 0.7  # shares of training between which the sparsity grows


def largest(weight: Tensor, sparsity: float) -> Tensor:
    """Mark the largest magnitudes: bool, shape of `weight`; of equal ones the first stays."""
    values = weight.detach().reshape(-1).abs()
    order = values.argsort(descending=True, stable=True)
    mask = torch.zeros_like(values, dtype=torch.bool)
    mask[order[: values_left(len(values), sparsity)]] = True
    return mask.reshape(weight.shape)


def sparsity_at(progress: float, sparsity: float) -> float:
    """Return the sparsity at a share of training: a cubic rise in its middle half, constant after.

    Zhu and Gupta 2017 (arXiv 1710.01878): fast while weights are plentiful, slow towards the end.
    """
    share = min(1.0, max(0.0, (progress - START) / (END - START)))
    return sparsity * (1 - (1 - share) ** 3)


def prunable(network: nn.Module, classifier: bool = True) -> dict[str, Tensor]:
    """Return the weights that pruning works on, by name; the classifier's, the last, if it does."""
    modules = network.named_modules()
    weights: dict[str, Tensor] = {
        f"{n}.weight": m.weight for n, m in modules if isinstance(m, Kernel)
    }
    if not classifier:
        weights.popitem()
    return weights


def magnitude_masks(network: nn.Module, pruning: MagnitudePruning) -> dict[str, Tensor]:
    """Mark the values that stay: bool, of the weight's shape, by weight."""
    weights = prunable(network, pruning.prune_classifier)
    return {name: largest(weight, pruning.sparsity) for name, weight in weights.items()}


class MagnitudePruner:
    """Prune a network while it trains, so that the weights that stay can make up for those that go.

    The masks are drawn anew some fifty times in a training, and for the last time at its end or
    where the rise ends; between, the masked weights are held at zero.
    """

    def __init__(self, network: nn.Module, pruning: MagnitudePruning) -> None:
        self.sparsity = pruning.sparsity
        self._weights = list(prunable(network, pruning.prune_classifier).values())
        self._masks: list[Tensor] = []
        self._final = False

    def after_step(self, done: int, steps: int) -> None:
        """Draw masks if it is time to, and set the masked weights to zero."""
        progress = done / steps
        last = progress >= END and not self._final
        if last or (START < progress < END and done % max(1, steps // 50) == 0):
            sparsity = sparsity_at(progress, self.sparsity)
            self._masks = [largest(weight, sparsity).to(weight.dtype) for weight in self._weights]
            self._final = last
        self.apply()

    @torch.no_grad()
    def apply(self) -> None:
        """Set the masked weights to zero."""
        if self._masks:
            torch._foreach_mul_(self._weights, self._masks)
