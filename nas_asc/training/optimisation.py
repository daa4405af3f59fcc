"""What happens to the weights around each batch: gradient, schedule, pruning, moving average.

All that it remembers from step to step can be taken out and put back, so that a training goes on
elsewhere to the last bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nas_asc.complexity import INT8, Pruning
from nas_asc.networks import FakeQuantizer, kernels, pruner_for
from nas_asc.study import L2, Recipe
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
        precision: str = "float32",
    ) -> None:
        self.steps, self.done = epochs * epoch_steps, 0
        self._largest_norm = recipe.gradient_clip
        self._network = network
        self._trained = [p for p in network.parameters() if p.requires_grad]
        # calls for each of a hundred small tensors would take longer than the arithmetic
        self._state = state = gathered(network)
        self._weights = nn.Parameter(state[: sum(p.numel() for p in self._trained)])
        self._optimizer = parts.optimizer([self._weights], recipe.learning_rate)
        self._schedule = parts.schedule(self._optimizer, epochs, epoch_steps)
        self._l2 = l2_factors(network, recipe.l2) if recipe.l2 else None
        self._pruner = pruner_for(network, pruning, recipe.pruning_schedule)
        self._rate_when_pruned = recipe.pruning_schedule.rate
        rounded_share = (recipe.quantization_aware or 0.0) if precision in INT8 else 0.0
        self._rounded_from = self.steps - round(rounded_share * self.steps)
        self._quantizer = FakeQuantizer(network) if rounded_share else None
        self._average = MovingAverage(state, recipe.ema_decay) if recipe.ema_decay else None
        self._kept: Tensor | None = None  # weights of the best epoch so far

    @property
    def judges(self) -> bool:
        """Whether the schedule asks for the log loss of each epoch."""
        return isinstance(self._schedule, ReduceLROnPlateau)

    def weights_in_use(self) -> AbstractContextManager[None]:
        """Return the context in which the next step is computed: where it is time to, with int8."""
        if self._quantizer and self.done >= self._rounded_from:
            return self._quantizer.quantized()
        return nullcontext()

    def gradient(self, loss: Tensor) -> Tensor:
        """Compute the gradient of a loss, (values,), of the weights in the order of `gathered`."""
        gradients = torch.autograd.grad(loss, self._trained, materialize_grads=True)
        return torch.cat([each.reshape(-1) for each in gradients])

    def step(self, gradient: Tensor) -> None:
        """Change the weights against a gradient, which may be written over.

        Nothing here asks for a value on the device: the numbers of the schedule are Python's, and
        a norm that is to be limited stays where it is.
        """
        self._weights.grad = gradient
        if self._l2 is not None:
            gradient.addcmul_(self._l2, self._weights.detach())
        if self._largest_norm:
            nn.utils.clip_grad_norm_(self._weights, self._largest_norm)
        with self._fine_tuning():
            self._optimizer.step()
        self.done += 1
        if self.done < self.steps and not isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step()
        if self._pruner:
            self._pruner.after_step(self.done, self.steps)
        if self._average:
            self._average.update()

    @contextmanager
    def _fine_tuning(self) -> Iterator[None]:
        """Lower the rate where something has been pruned; the schedule never sees that."""
        if self._rate_when_pruned is None or not self._pruner or not self._pruner.masks:
            yield
            return
        (group,) = self._optimizer.param_groups
        whole = group["lr"]
        group["lr"] = whole * self._rate_when_pruned
        yield
        group["lr"] = whole

    def judged(self, log_loss: float) -> None:
        """Note the log loss of the validation part after an epoch."""
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.step(log_loss)

    def keep(self) -> None:
        """Keep the weights that are in the network now, after `finish`: the best so far."""
        self._kept = self._state.clone()

    def end(self) -> None:
        """Leave the result in the network: the weights that were kept, or the last that count."""
        self.finish()
        if self._kept is not None:
            self._state.copy_(self._kept)

    def finish(self) -> None:
        """Leave the weights that count in the network: the average, if there is one."""
        if self._average:
            self._average.swap()
        if self._pruner:
            self._unpruned = self._state.clone()
            self._pruner.apply()

    def resume(self) -> None:
        """Put the weights that are trained, and their average, back in place after `finish`."""
        if self._pruner:  # a weight that is pruned now may not be so in the end
            self._state.copy_(self._unpruned)
        if self._average:
            self._average.swap()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and the numbers, which JSON can hold, of where the training is."""
        tensors = {f"network.{name}": t for name, t in self._network.state_dict().items()}
        optimizer = self._optimizer.state_dict()
        for state in optimizer["state"].values():  # of the one tensor; none without momentum
            tensors |= {f"optimizer.{name}": t for name, t in state.items() if t is not None}
        numbers = {"done": self.done, "groups": optimizer["param_groups"]}
        if isinstance(self._schedule, ReduceLROnPlateau):
            numbers["plateau"] = self._schedule.state_dict()
        if self._kept is not None:
            tensors["kept"] = self._kept
        if self._average:
            tensors["average"] = self._average.average
            numbers["averaged"] = self._average.step
        if self._pruner:
            tensors |= {f"mask.{n}": t for n, t in enumerate(self._pruner.masks)}
            numbers["pruned"] = self._pruner.iterations_done
        # in the CPU's memory: a training may be gone on with on another device
        return {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}, numbers

    def put_back(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from where another training of the same network was, by `state`."""

        def under(prefix: str) -> dict[str, Tensor]:
            found = {n: t for n, t in tensors.items() if n.startswith(f"{prefix}.")}
            return {name.removeprefix(f"{prefix}."): tensor for name, tensor in found.items()}

        self._network.load_state_dict(under("network"))
        state = {0: {name: t.clone() for name, t in under("optimizer").items()}}
        groups = [{**group} for group in numbers["groups"]]
        for group in groups:
            if "betas" in group:  # JSON knows no tuples
                group["betas"] = tuple(group["betas"])
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.done = numbers["done"]
        if isinstance(self._schedule, ReduceLROnPlateau):
            self._schedule.load_state_dict(numbers["plateau"])
        else:
            self._schedule.last_epoch = self.done
        if "kept" in tensors:
            self._kept = tensors["kept"].to(self._weights.device, copy=True)
        if self._average:
            self._average.step = numbers["averaged"]
            self._average.average.copy_(tensors["average"])
        if self._pruner:
            masks, device = under("mask"), self._weights.device
            self._pruner.masks = [masks[str(number)].to(device) for number in range(len(masks))]
            self._pruner.iterations_done = numbers["pruned"]


def gathered(network: nn.Module) -> Tensor:
    """Move the parameters and batch norm statistics of a network into one tensor, and return it.

    They become views of it, (values,), the parameters that are trained first.
    """
    state: list[Tensor] = sorted(network.parameters(), key=lambda p: not p.requires_grad)
    state += [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    together = torch.cat([tensor.detach().reshape(-1) for tensor in state])
    parts = torch.split(together, [tensor.numel() for tensor in state])
    for tensor, part in zip(state, parts, strict=True):
        tensor.data = part.view(tensor.shape)
    return together


def l2_factors(network: nn.Module, l2: L2) -> Tensor:
    """Return what times a weight is the gradient of its L2 term, (values,), as of `gathered`.

    That is twice the factor for the weights of the chosen layers, and 0 for all others.
    """
    chosen = {id(weight) for weight in kernels(network, l2.layers == "kernels").values()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    factors = [torch.full_like(p.detach(), 2 * l2.factor * (id(p) in chosen)) for p in trained]
    return torch.cat([each.reshape(-1) for each in factors])


class MovingAverage:
    """Average the parameters and the batch norm statistics of a network over its steps.

    The decay grows to its full value as min(decay, (1 + step) / (10 + step)), so that a short
    training is not judged by its first weights. Tan and Le 2019 (arXiv 1905.11946) average the
    statistics too.
    """

    def __init__(self, state: Tensor, decay: float) -> None:
        """Average what `gathered` returns."""
        self.decay, self.step = decay, 0
        self._live, self.average = state, state.clone()

    def update(self) -> None:
        """Update the average after one more step."""
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        self.step += 1
        self.average.lerp_(self._live, 1 - decay)

    def swap(self) -> None:
        """Exchange the network's weights with the average; a second call puts them back."""
        kept = self._live.clone()
        self._live.copy_(self.average)
        self.average.copy_(kept)
