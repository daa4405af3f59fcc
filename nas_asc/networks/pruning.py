"""Pruning in torch: what works while a network trains, and what is left in the end.

By magnitude: the smallest weights of each kernel become zero. By channels, as in the IMT report
(DCASE 2020 task 1B): whole output channels of a kernel become zero, those with the smallest L1
norm, a fraction of those still alive at a time; batch norm scales one by one, whatever becomes of
the channels. Biases and shifts are never pruned; shapes and multiply-accumulates stay.

By removal: groups of channels that only go together (see `nas_asc.architectures`) lose their
weakest, and what is left is a smaller network. While it trains what is gone is zero throughout:
weights, biases, scales and shifts of batch norms, and the weights of those that read it, so that
the cut has no effect.

Another way is a class and a function here, a row in `PRUNERS`, and a closed form in
`nas_asc.complexity`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from nas_asc.architectures import Conv, Layer, channel_groups, channels_left
from nas_asc.complexity import (
    ChannelPruning,
    ChannelRemoval,
    MagnitudePruning,
    Pruning,
    values_left,
)
from nas_asc.networks.layers import MelNorm
from nas_asc.networks.network import Network
from nas_asc.study import USUAL_PRUNING, PruningSchedule

Kernel = nn.Conv1d | nn.Conv2d | nn.Linear  # the layers whose weights are pruned
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d
Alive = Sequence[Tensor]  # of each group which channels are there: bool, (channels,)


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

    The masks are drawn anew in the steps of the schedule, or some fifty times in a training and for
    the last time at its end or where the rise ends; between, the masked weights are held at zero.
    """

    def __init__(
        self,
        network: nn.Module,
        pruning: MagnitudePruning,
        schedule: PruningSchedule = USUAL_PRUNING,
    ) -> None:
        self.sparsity, self.schedule = pruning.sparsity, schedule
        self.iterations_done = 0
        self._weights = list(_targets(network, pruning).values())
        self.masks: list[Tensor] = []

    def after_step(self, done: int, steps: int) -> None:
        """Draw masks if it is time to, and set the masked weights to zero."""
        share = self._share_due(done, steps)
        if share is not None:
            sparsity = self.schedule.sparsity(share, self.sparsity)
            self.masks = [largest(weight, sparsity).to(weight.dtype) for weight in self._weights]
        self.apply()

    def _share_due(self, done: int, steps: int) -> float | None:
        """Return how much of the rise masks are drawn for after a step; None for no new ones."""
        before, progress, schedule = (done - 1) / steps, done / steps, self.schedule
        if schedule.steps is not None:
            drawn = schedule.steps_done(progress)
            drawn_before = schedule.steps_done(before) if done > 1 else 0
            return (drawn - 1) / schedule.steps if drawn > drawn_before else None
        last = progress >= schedule.end > before
        rises = schedule.start < progress < schedule.end
        due = last or (rises and done % max(1, steps // 50) == 0)
        return schedule.share(progress) if due else None

    def apply(self) -> None:
        """Set the masked weights to zero."""
        _multiply(self._weights, self.masks)


class _ByIteration:
    """Prunes channels an iteration at a time, spread evenly from start to end of the schedule.

    Between them the channels that are gone are held at zero.
    """

    def __init__(
        self,
        pruning: ChannelPruning | ChannelRemoval,
        schedule: PruningSchedule,
        parameters: list[Tensor],
    ) -> None:
        self.pruning, self.schedule = pruning, schedule
        self.iterations_done = 0
        self.masks: list[Tensor] = []
        self._parameters = parameters

    def drawn(self) -> list[Tensor]:
        """Return the masks of the parameters after so many iterations as are done."""
        raise NotImplementedError

    def left(self, channels: int) -> int:
        """Count the channels of so many that are left after them."""
        return channels_left(channels, self.pruning.sparsity, self.iterations_done)

    def iterate(self) -> None:
        """Take the weakest of the channels that are still alive, and set them to zero."""
        self.apply()  # what an optimizer has moved since is not alive
        self.iterations_done += 1
        self.masks = self.drawn()
        self.apply()

    def after_step(self, done: int, steps: int) -> None:
        """Iterate if it is time to, and hold what is gone at zero."""
        self.apply()
        due = self.schedule.share(done / steps) * self.pruning.iterations
        while self.iterations_done < due:
            self.iterate()

    def apply(self) -> None:
        """Set the channels that are gone to zero."""
        _multiply(self._parameters, self.masks)


class ChannelPruner(_ByIteration):
    """Prune the channels of each weight by themselves."""

    def __init__(
        self,
        network: nn.Module,
        pruning: ChannelPruning,
        schedule: PruningSchedule = USUAL_PRUNING,
    ) -> None:
        super().__init__(pruning, schedule, list(_targets(network, pruning).values()))

    def drawn(self) -> list[Tensor]:
        """Return the masks of the weights after so many iterations as are done."""
        masks = []
        for weight in self._parameters:
            mask = top_channels(weight, self.left(len(weight))).to(weight.dtype)
            masks.append(mask.reshape(-1, *[1] * (weight.dim() - 1)))
        return masks


class GroupedChannels:
    """The groups of the channels of a network, and the modules that have them."""

    def __init__(self, network: Network) -> None:
        self.groups = channel_groups(network.layers)
        self.modules: list[tuple[Layer, Kernel | BatchNorm]] = []
        for layer in network.layers:
            if layer.params:
                module = network.get_submodule(layer.name)
                assert isinstance(module, Kernel | BatchNorm), layer
                self.modules.append((layer, module))

    def strongest(self, left: Sequence[int]) -> Alive:
        """Mark so many channels of each group, those with the largest L1 norms.

        A channel's norm in a kernel is taken as a share of the mean of the kernel's channels, and
        added up over the kernels of its group: each has the same say, as in DepGraph (Fang et al.
        2023, arXiv 2301.12900).
        """
        device = self.modules[0][1].weight.device
        norms = [torch.zeros(size, device=device) for size in self.groups.sizes]
        for layer, kernel in self.modules:
            if layer.weights:
                of_channel = kernel.weight.detach().abs().flatten(1).sum(dim=1)
                shares = of_channel / of_channel.mean().clamp_min(torch.finfo().tiny)
                runs = self.groups.axes[layer.index]
                parts = torch.split(shares, [self.groups.sizes[group] for group, _ in runs])
                for (group, _), part in zip(runs, parts, strict=True):
                    norms[group] += part
        return [top_channels(each, kept) for each, kept in zip(norms, left, strict=True)]

    def outputs(self, layer: int, alive: Alive) -> Tensor:
        """Mark the values along the first axis of a layer's output that are there: bool."""
        runs = self.groups.axes[layer]
        return torch.cat([alive[group].repeat_interleave(repeat) for group, repeat in runs])

    def sides(self, layer: Layer, alive: Alive) -> list[Tensor]:
        """Mark what is there along the axes of a module's weight that are of channels."""
        if not layer.weights:
            return [self.outputs(layer.index, alive)]
        out = self.outputs(layer.index, alive)
        if isinstance(layer.operator, Conv) and layer.operator.is_depthwise:
            return [out]
        return [out, self.outputs(layer.inputs[0], alive)]


class ChannelRemover(_ByIteration):
    """Prune the channels that are removed in the end.

    Masks are of the weight and the bias of each module, in order.
    """

    def __init__(
        self,
        network: Network,
        pruning: ChannelRemoval,
        schedule: PruningSchedule = USUAL_PRUNING,
    ) -> None:
        self._channels = GroupedChannels(network)
        self._pruned = [pair for pair in self._channels.modules if not isinstance(pair[1], MelNorm)]
        parameters: list[Tensor] = [p for _, module in self._pruned for p in module.parameters()]
        super().__init__(pruning, schedule, parameters)

    def drawn(self) -> list[Tensor]:
        """Return the masks of the parameters after so many iterations as are done."""
        alive = self._channels.strongest(self._channels.groups.left(self.left))
        masks = []
        for layer, module in self._pruned:
            out, *read = self._channels.sides(layer, alive)
            mask = out.to(module.weight.dtype)
            whole = mask.reshape(-1, *[1] * (module.weight.dim() - 1))
            masks.append(whole * read[0].reshape(-1, *whole.shape[2:]) if read else whole)
            if module.bias is not None:
                masks.append(mask)
        return masks


@torch.no_grad()
def remove_channels(network: Network, smaller: Network, pruning: ChannelRemoval) -> None:
    """Copy what is left of a trained network into one that was built without the rest.

    What was not pruned in training is left out here.
    """
    channels = GroupedChannels(network)
    left = partial(channels_left, sparsity=pruning.sparsity, iterations=pruning.iterations)
    alive = channels.strongest(channels.groups.left(left))
    for layer, module in channels.modules:
        target = smaller.get_submodule(layer.name)
        sides = [] if isinstance(module, MelNorm) else channels.sides(layer, alive)
        for name, values in module.state_dict().items():
            for axis, side in enumerate(sides[: values.dim()]):
                values = values[(slice(None),) * axis + (side,)]
            getattr(target, name).copy_(values)
    if network.standardisation is not None and smaller.standardisation is not None:
        smaller.standardisation.load(network.standardisation.statistics)


@torch.no_grad()
def _multiply(weights: list[Tensor], masks: list[Tensor]) -> None:
    if masks:
        torch._foreach_mul_(weights, masks)


# What works while a network trains; and what is left in the end, by parameter: a mask of its shape,
# or (out,) for whole channels.
PRUNERS: Mapping[str, tuple[Callable[..., Pruner], Callable[..., dict[str, Tensor]]]] = {
    "magnitude": (MagnitudePruner, magnitude_masks),
    "channels": (ChannelPruner, channel_masks),
    "channel_removal": (ChannelRemover, lambda *_: {}),  # what is left has no zeros
}


def pruner_for(
    network: nn.Module, pruning: Pruning, schedule: PruningSchedule = USUAL_PRUNING
) -> Pruner | None:
    """Return what prunes a network while it trains; None if nothing does."""
    return PRUNERS[pruning.kind][0](network, pruning, schedule) if pruning.kind in PRUNERS else None


def masks_of(network: nn.Module, pruning: Pruning) -> dict[str, Tensor]:
    """Return what pruning leaves, by parameter: after a pruned training, what is not zero."""
    return PRUNERS[pruning.kind][1](network, pruning) if pruning.kind in PRUNERS else {}
