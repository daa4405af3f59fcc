"""What happens to the weights after each batch: gradient, schedule, pruning, moving average.

All that it remembers from step to step can be taken out and put back, so that a training goes on
elsewhere to the last bit.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nas_asc.complexity import Pruning
from nas_asc.networks import pruner_for
from nas_asc.study import Recipe
from nas_asc.training.parts import Parts


class Optimisation:
    """What happens to the weights after each batch: gradient, schedule, pruning, moving average."""

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
        self._network = network
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

    def finish(self) -> None:
        """Leave the weights that count in the network: the average, if there is one."""
        if self._average:
            self._average.swap()
        if self._pruner:
            self._pruner.apply()

    def resume(self) -> None:
        """Put the weights that are trained back in place after `finish`."""
        if self._average:
            self._average.swap()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and the numbers, which JSON can hold, of where the training is."""
        tensors = {f"network.{name}": t for name, t in self._network.state_dict().items()}
        adam = self._optimizer.state_dict()
        for number, state in adam["state"].items():
            tensors |= {f"optimizer.{number}.{name}": t for name, t in state.items()}
        numbers = {"done": self.done, "groups": adam["param_groups"]}
        if self._average:
            tensors |= {f"average.{n}": t for n, t in enumerate(self._average.average)}
            numbers["averaged"] = self._average.step
        if self._pruner:
            tensors |= {f"mask.{n}": t for n, t in enumerate(self._pruner.masks)}
            numbers["pruned"] = self._pruner.iterations_done
        return {name: t.detach().clone() for name, t in tensors.items()}, numbers

    def put_back(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from where another training of the same network was, by `state`."""

        def under(prefix: str) -> dict[str, Tensor]:
            found = {n: t for n, t in tensors.items() if n.startswith(f"{prefix}.")}
            return {name.removeprefix(f"{prefix}."): tensor for name, tensor in found.items()}

        self._network.load_state_dict(under("network"))
        state: dict[int, dict[str, Tensor]] = {}
        for path, tensor in under("optimizer").items():
            number, _, name = path.partition(".")
            like = self._parameters[int(number)]
            # in the order of its weights in memory, as the fused optimizers expect it
            kept = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
            state.setdefault(int(number), {})[name] = kept.detach()
        groups = [{**group, "betas": tuple(group["betas"])} for group in numbers["groups"]]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.done = self._schedule.last_epoch = numbers["done"]
        if self._average:
            self._average.step = numbers["averaged"]
            for number, tensor in under("average").items():
                self._average.average[int(number)].copy_(tensor)
        if self._pruner:
            masks = under("mask")
            self._pruner.masks = [masks[str(number)] for number in range(len(masks))]
            self._pruner.iterations_done = numbers["pruned"]


class MovingAverage:
    """Average the parameters and the batch norm statistics of a network over its steps.

    The decay grows to its full value as min(decay, (1 + step) / (10 + step)), so that a short
    training is not judged by its first weights. Tan and Le 2019 (arXiv 1905.11946) average the
    statistics too.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.step = decay, 0
        state = [*network.parameters(), *network.buffers()]
        self._live = [tensor.detach() for tensor in state if tensor.is_floating_point()]
        self.average = [tensor.clone() for tensor in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Update the average after one more step."""
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        self.step += 1
        torch._foreach_lerp_(self.average, self._live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the network's weights with the average; a second call puts them back."""
        for average, live in zip(self.average, self._live, strict=True):
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)
