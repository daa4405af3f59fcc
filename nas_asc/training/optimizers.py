"""The optimizers, as PyTorch has them: made of a network's parameters and the learning rate."""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import nn
from torch.optim import Optimizer

from nas_asc.study import MOST, Part, Table


class WeightDecay(Table):
    """Settings of the Adam family.

    Attributes:
        weight_decay: of all parameters, batch norm and biases included, as PyTorch does.
    """

    weight_decay: float = Field(ge=0, le=MOST)


# fused: one call for all tensors, which counts where a network has a hundred small ones


def adamw(parameters: list[nn.Parameter], learning_rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101)."""
    decay = settings.weight_decay
    return torch.optim.AdamW(parameters, learning_rate, weight_decay=decay, fused=True)


def adam(parameters: list[nn.Parameter], learning_rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam (Kingma and Ba 2014, arXiv 1412.6980); weight decay is an L2 term of the loss."""
    decay = settings.weight_decay
    return torch.optim.Adam(parameters, learning_rate, weight_decay=decay, fused=True)


OPTIMIZERS: dict[str, Part[Callable[..., Optimizer]]] = {
    "adamw": Part(WeightDecay, adamw),
    "adam": Part(WeightDecay, adam),
}
