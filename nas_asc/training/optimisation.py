"""What happens to the weights after each batch: gradient, schedule, pruning, moving average."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nas_asc.complexity import Pruning
from nas_asc.networks import pruner_for
from nas_asc.study import Recipe
from nas_asc.training.parts import Parts


class Optimisation:
    """The state of one training beside its weights.

    Args:
        network: is changed in place.
        recipe: learning rate, gradient clipping, decay of the average.
        parts: of the recipe; gives optimizer and schedule.
        epochs: that the schedule is made for.
        epoch_steps: steps of one.
        pruning: which weights become zero on the way.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        parts: Parts,
        epochs: int,
        epoch_steps: int,
        pruning: Pruning,
    ) -> None:
        self.steps, self.done = epochs * epoch_steps, 0
        self._largest_norm = recipe.gradient_clip
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._optimizer = parts.optimizer(self._parameters, recipe.learning_rate)
        self._schedule = parts.schedule(self._optimizer, epochs, epoch_steps)
        self._pruner = pruner_for(network, pruning)
        self._average = MovingAverage(network, recipe.ema_decay) if recipe.ema_decay else None

    def step(self, loss: Tensor) -> None:
        """Change the weights to lessen a loss."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self._largest_norm:
            nn.utils.clip_grad_norm_(self._parameters, self._largest_norm)
        self._optimizer.step()
        self.done += 1
        if self.done < self.steps:
            self._schedule.step()
        if self._pruner:
            self._pruner.after_step(self.done, self.steps)
        if self._average:
            self._average.update()

    @contextmanager
    def evaluated_weights(self) -> Iterator[None]:
        """Put the weights that count in place, the average if there is one, for a `with` block."""
        if self._average is None:
            yield
            return
        self.finish()
        try:
            yield
        finally:
            self._average.swap()

    def finish(self) -> None:
        """Leave the weights that count in the network."""
        if self._average:
            self._average.swap()
        if self._pruner:
            self._pruner.apply()


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
        """Update the average after one more step."""
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
