"""What happens to the weights after each batch: gradient, schedule, pruning, moving average."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nas_asc.compression.pruners import pruner_for
from nas_asc.moving_average import MovingAverage
from nas_asc.pruning_counts import Pruning
from nas_asc.recipe import Recipe
from nas_asc.schedules import SCHEDULES


class Optimisation:
    """The state of one training beside its weights."""

    def __init__(self, network: nn.Module, recipe: Recipe, steps: int, pruning: Pruning) -> None:
        self.recipe, self.steps, self.done = recipe, steps, 0
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
        # fused: one call for all tensors, which counts where a network has a hundred small ones
        self._optimizer = kind(self._parameters, weight_decay=recipe.weight_decay, fused=True)
        self._pruner = pruner_for(network, pruning)
        self._average = MovingAverage(network, recipe.ema_decay) if recipe.ema_decay else None

    def step(self, loss: Tensor) -> None:
        """Change the weights to lessen a loss."""
        factor, momentum = SCHEDULES[self.recipe.schedule](self.done, self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
            group["betas"] = (momentum, 0.999)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self.recipe.gradient_clip:
            nn.utils.clip_grad_norm_(self._parameters, self.recipe.gradient_clip)
        self._optimizer.step()
        self.done += 1
        if self._pruner:
            self._pruner.after_step(self.done, self.steps)
        if self._average:
            self._average.update()

    @contextmanager
    def evaluated_weights(self) -> Iterator[None]:
        """Hold the weights that count, the average if there is one, for a `with` block."""
        if self._average is None:
            yield
            return
        self._average.swap()
        if self._pruner:
            self._pruner.apply()
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
