"""An exponential moving average of a network's weights, which is evaluated in their place."""

import torch
from torch import nn


class MovingAverage:
    """Average the parameters and the batch norm statistics of a network over its steps.

    The decay grows to its full value as min(decay, (1 + step) / (10 + step)), so that a short
    training is not judged by its first weights (Tan and Le 2019, arXiv 1905.11946, average the
    statistics too).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.step = 0
        state = [*network.parameters(), *network.buffers()]
        self._live = [tensor.detach() for tensor in state if tensor.is_floating_point()]
        self._average = [tensor.clone() for tensor in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after one more step."""
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        self.step += 1
        torch._foreach_lerp_(self._average, self._live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the network's weights with the average; a second call puts them back."""
        for average, live in zip(self._average, self._live, strict=True):
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)
