"""Channels that can only be removed together, and the graph without some of them.

A channel that a convolution makes goes on through norms, activations, poolings and depthwise
convolutions up to the next full one; a sum ties it to the channel that it is added to, a gate to
the one that it scales. Channels tied so form a group, as in DepGraph (Fang et al. 2023, arXiv
2301.12900). A concatenation lays groups side by side; where one is added to a wider output, that is
split, so that a group is always channels in a row. What the network is fed and the classes it tells
apart are never removed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import NamedTuple

from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import (
    Concat,
    Conv,
    Flatten,
    Graph,
    Input,
    Layer,
    Linear,
    Norm,
    Operator,
)


class Run(NamedTuple):
    """All channels of a group in a row, each `repeat` values long: more than 1 once flattened."""

    group: int
    repeat: int


@dataclass(frozen=True)
class ChannelGroups:
    """The groups of a network's channels.

    Attributes:
        sizes: the channels of each group.
        removable: whether channels of a group can be removed.
        axes: of each layer, the groups along the first axis of its output.
    """

    sizes: tuple[int, ...]
    removable: tuple[bool, ...]
    axes: tuple[tuple[Run, ...], ...]

    def left(self, left: Callable[[int], int]) -> tuple[int, ...]:
        """Return how many channels of each group stay, where of so many `left` gives those."""
        pairs = zip(self.sizes, self.removable, strict=True)
        return tuple(left(size) if removable else size for size, removable in pairs)


class _Channels:
    """Channels in a row: of a group of their own, tied to others, or parted."""

    def __init__(self, size: int, removable: bool = True) -> None:
        self.size, self.removable = size, removable
        self.tied_to: _Channels | None = None
        self.parts: tuple[_Channels, ...] = ()

    def part_at(self, size: int) -> None:
        """Part them into so many and the rest."""
        self.parts = tuple(_Channels(n, self.removable) for n in (size, self.size - size))


_Axis = list[tuple[_Channels, int]]


def _groups_of(axis: _Axis) -> Iterator[tuple[_Channels, int]]:
    for channels, repeat in axis:
        while channels.tied_to is not None:
            channels = channels.tied_to
        if channels.parts:
            yield from _groups_of([(part, repeat) for part in channels.parts])
        else:
            yield channels, repeat


def _tie(first: _Axis, second: _Axis) -> None:
    """Tie the channels of two axes, one by one, parting what is longer than the other."""
    while True:
        pairs = zip(_groups_of(first), _groups_of(second), strict=False)
        one, other = next(((a, b) for (a, _), (b, _) in pairs if a is not b), (None, None))
        if one is None or other is None:
            return
        if one.size == other.size:
            one.removable &= other.removable
            other.tied_to = one
        else:
            max(one, other, key=lambda each: each.size).part_at(min(one.size, other.size))


def channel_groups(layers: Sequence[Layer]) -> ChannelGroups:
    """Find the groups of a network's channels; its last layer gives the logits."""
    axes: list[_Axis] = []
    for layer in layers:
        sources = [axes[index] for index in layer.inputs]
        match layer.operator:
            case Input():
                axis = [(_Channels(layer.shape[0], removable=False), 1)]
            case Conv(is_depthwise=False) | Linear():
                axis = [(_Channels(layer.shape[0]), 1)]
            case Concat():
                axis = [run for source in sources for run in source]
            case Flatten():
                cells = prod(layers[layer.inputs[0]].shape[1:])
                axis = [(channels, repeat * cells) for channels, repeat in sources[0]]
            case _:
                axis = sources[0]
                for other in sources[1:]:  # of a sum or a gate
                    _tie(axis, other)
        axes.append(axis)
    for channels, _ in _groups_of(axes[-1]):
        channels.removable = False
    numbers: dict[_Channels, int] = {}
    runs = [
        tuple(
            Run(numbers.setdefault(channels, len(numbers)), repeat)
            for channels, repeat in _groups_of(axis)
        )
        for axis in axes
    ]
    sizes, removable = tuple(g.size for g in numbers), tuple(g.removable for g in numbers)
    return ChannelGroups(sizes, removable, tuple(runs))


def without_channels(graph: Graph, left: Callable[[int], int]) -> Graph:
    """Return a graph in which of a group of so many channels only as many as `left` gives stay."""
    groups = channel_groups(graph.layers)
    kept = groups.left(left)
    smaller = Graph()
    smaller.shrunk = [*graph.shrunk]
    handles: list[Shape] = []
    for layer in graph.layers:
        out = sum(kept[group] * repeat for group, repeat in groups.axes[layer.index])
        inputs = [handles[index] for index in layer.inputs]
        shape = (out, *layer.shape[1:])
        operator, weights = _narrowed(layer.operator, inputs, out)
        kernel, norm = (0, 0, 0, 0), 0
        if weights:
            kernel = (weights, out, out if layer.biases else 0, layer.positions)
            smaller.kernels.append(kernel)
        if isinstance(operator, Norm):
            norm = shape[operator.axis]
            smaller.norms.append(norm)
            smaller.norm_shapes.append(shape)
            if operator.shortcut:
                smaller.shortcut_norms.append(norm)
        handles.append(smaller.add_layer(operator, layer.name, inputs, shape, kernel, norm))
    return smaller


def _narrowed(operator: Operator, inputs: Sequence[Shape], out: int) -> tuple[Operator, int]:
    """Return an operator for fewer channels, and the values of its kernel."""
    match operator:
        case Conv(kernel=kernel):
            groups = out if operator.is_depthwise else 1
            channels = inputs[0][0]
            conv = operator._replace(in_channels=channels, out_channels=out, groups=groups)
            return conv, channels // groups * out * prod(kernel)
        case Linear():
            features = inputs[0][0]
            return Linear(features, out), features * out
    return operator, 0


@cache
def channels_left(channels: int, sparsity: float, iterations: int) -> int:
    """Count the channels that are left when a share of those alive goes in each iteration."""
    for _ in range(iterations):
        channels = max(1, channels - round(channels * sparsity))
    return channels
