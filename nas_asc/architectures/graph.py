"""The graph: layers with shapes and costs, from which everything else is derived.

A block adds layers to a `CostTally`, which keeps only what a count needs (fast: the gate of a
search asks for thousands a second), or to a `Graph`, which also keeps the layers, from which come
the module, the layer table, the drawing and the peak activation memory. What a layer does is its
operator, a small value; `describe` puts any of them into words.

Conventions: shapes are (channels, mel, frame) or (channels, samples) or (features,), for one clip.
A handle of a tensor is its shape; `Graph` hands out shapes that also know their layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import NamedTuple, get_args

from nas_asc.architectures.frontend import Shape
from nas_asc.units import format_shape

Extent = tuple[int, ...]

_ARROW = "\N{RIGHTWARDS ARROW}"
_POOLINGS = {"avg": "average", "max": "maximum", "avg+max": "average + maximum"}


class Input(NamedTuple):
    """What the network is fed."""


class Conv(NamedTuple):
    """A convolution."""

    in_channels: int
    out_channels: int
    kernel: Extent
    stride: Extent
    padding: str
    groups: int

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return self.groups == self.in_channels == self.out_channels


class Linear(NamedTuple):
    """A linear layer."""

    in_features: int
    out_features: int


class Norm(NamedTuple):
    """A batch normalisation, per channel (axis 0) or per mel bin (axis 1)."""

    axis: int
    shortcut: bool


class Activation(NamedTuple):
    """A function of each value."""

    kind: str


class Dropout(NamedTuple):
    """Values set to zero in training: plain, alpha, or spatial (whole channels)."""

    rate: float
    kind: str


class Pool(NamedTuple):
    """A maximum ("max") or average ("avg") over a sliding window."""

    kind: str
    kernel: Extent
    stride: Extent
    padding: str


class GlobalPool(NamedTuple):
    """An average, a maximum or their sum over all axes but the channels, which may stay as ones."""

    kind: str
    keep_axes: bool


class Add(NamedTuple):
    """An element-wise sum."""


class Mul(NamedTuple):
    """A product with a gate, which has one value per channel."""


class Concat(NamedTuple):
    """A concatenation over the channels."""


class Flatten(NamedTuple):
    """All axes made one."""


Operator = (
    Input | Conv | Linear | Norm | Activation | Dropout | Pool | GlobalPool
    | Add | Mul | Concat | Flatten
)  # fmt: skip


# What an operator is called in tables and JSON.
_NAMES: Mapping[type, str] = {
    **{kind: kind.__name__.lower() for kind in get_args(Operator)},
    Activation: "act",
    GlobalPool: "global_pool",
}


def describe(operator: Operator, drawn: bool = False) -> str:
    """Return an operator in words: beside its name, or `drawn`, with it and without padding."""
    match operator:
        case Conv(channels, out, kernel, stride, padding, groups):
            step = "" if set(stride) == {1} else f"/{format_shape(stride)}"
            window = format_shape(kernel) + step
            change = f"{channels}{_ARROW}{out}"
            if drawn and operator.is_depthwise:
                return f"depthwise {window} {out}"
            if drawn:
                return f"conv {window} {change}"
            return f"{window} {padding} {change}{f', {groups} groups' if groups != 1 else ''}"
        case Linear(features, out):
            return f"{'linear ' if drawn else ''}{features}{_ARROW}{out}"
        case Pool(kind, kernel, stride, padding):
            if not drawn:
                return f"{kind} {format_shape(kernel)}/{format_shape(stride)} {padding}"
            step = "" if kernel == stride else f"/{format_shape(stride)}"
            return f"{kind} pool {format_shape(kernel)}{step}"
        case GlobalPool(kind):
            return f"global {_POOLINGS[kind]}" if drawn else kind
        case Norm(axis):
            return " ".join(["norm"] * drawn + ["per mel bin"] * (axis == 1))
        case Activation(kind):
            return kind
        case Dropout(rate, kind):
            if not drawn:
                return f"{rate} {kind}"
            return f"dropout {rate}" if kind == "plain" else f"{kind} dropout {rate}"
        case Concat() if drawn:
            return "concatenate"
    return _NAMES[type(operator)] if drawn else ""


# Layers that write over their input when nobody else still needs it.
_IN_PLACE = (Norm, Activation, Dropout)


class Tensor(tuple[int, ...]):
    """The shape of a layer's output that also knows the layer's index."""

    layer: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, by a dotted path such as "stage1.2.expand"; the costs of its operator stand here.

    Attributes:
        inputs: indices of the layers that feed it.
        shape: of its output, for one clip.
        weights: values of the convolution or linear kernel.
        biases: values of its bias.
        norm: channels of a batch normalisation.
        positions: how often the kernel is applied; one multiply-accumulate per weight each time.
    """

    index: int
    name: str
    operator: Operator
    inputs: tuple[int, ...]
    shape: Shape
    weights: int
    biases: int
    norm: int
    positions: int

    @property
    def op(self) -> str:
        """The name of its operator."""
        kind = type(self.operator)
        return _NAMES.get(kind, kind.__name__)

    @property
    def params(self) -> int:
        """Count the values that the layer's module holds as parameters."""
        return self.weights + self.biases + 2 * self.norm

    @property
    def macs(self) -> int:
        """Count the multiply-accumulates of a convolution or linear layer for one clip."""
        return self.weights * self.positions


class CostTally:
    """The costs of the layers of one network; the sums are worked out when asked.

    Attributes:
        keeps_layers: whether the layers are kept too, in order, in `layers`.
        prefix: goes in front of the names of the layers that follow.
        kernels: (values, output channels, bias values, positions) of every convolution and linear
            kernel, in order.
        norms: channels of every batch normalisation, in order.
        norm_shapes: the shapes that pass through them.
        shortcut_norms: channels of those that stand in a shortcut.
        shrunk: names of windows that were larger than what was left of an axis.
    """

    __slots__ = ("kernels", "layers", "norm_shapes", "norms", "prefix", "shortcut_norms", "shrunk")

    keeps_layers = False

    def __init__(self) -> None:
        self.prefix = ""
        self.kernels: list[tuple[int, int, int, int]] = []
        self.norms: list[int] = []
        self.norm_shapes: list[Shape] = []
        self.shortcut_norms: list[int] = []
        self.shrunk: list[str] = []
        self.layers: list[Layer] = []

    @property
    def weights(self) -> int:
        """Values of all kernels."""
        return sum([kernel[0] for kernel in self.kernels])

    @property
    def biases(self) -> int:
        """Bias values in all."""
        return sum([kernel[2] for kernel in self.kernels])

    @property
    def norm_channels(self) -> int:
        """Channels of batch normalisations in all."""
        return sum(self.norms)

    @property
    def norm_elements(self) -> int:
        """Elements that pass through batch normalisations, for one clip."""
        return sum([prod(shape) for shape in self.norm_shapes])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolution and linear layers for one clip."""
        return sum([values * positions for values, _, _, positions in self.kernels])

    @property
    def macs_torchinfo(self) -> int:
        """As torchinfo counts: a bias costs one at every position, a norm twice its channels."""
        kernels = [(values + biases) * positions for values, _, biases, positions in self.kernels]
        return sum(kernels) + 2 * self.norm_channels

    def input(self, shape: Shape) -> Shape:
        """Add an input of the network and return its handle."""
        if not self.keeps_layers:
            return shape
        number = len(self.layers) + 1
        return self.add_layer(Input(), "input" if number == 1 else f"input{number}", (), shape)

    def add_layer(
        self,
        operator: Operator,
        name: str,
        inputs: Sequence[Shape],
        shape: Shape,
        kernel: tuple[int, int, int, int] = (0, 0, 0, 0),
        norm: int = 0,
    ) -> Shape:
        """Add a layer, only where layers are kept, and return the handle of its output."""
        handle = Tensor(shape)
        handle.layer = index = len(self.layers)
        sources = tuple(x.layer for x in inputs)  # type: ignore[attr-defined]  # handles of a graph
        weights, _, biases, positions = kernel
        costs = (weights, biases, norm, positions)
        path = self.prefix + name
        self.layers.append(Layer(index, path, operator, sources, tuple(shape), *costs))
        return handle


class Graph(CostTally):
    """A tally that also keeps the layers."""

    __slots__ = ()

    keeps_layers = True


def readers(layers: Sequence[Layer]) -> list[list[int]]:
    """Return the layers that read each layer's output, in order."""
    found: list[list[int]] = [[] for _ in layers]
    for layer in layers:
        for source in dict.fromkeys(layer.inputs):
            found[source].append(layer.index)
    return found


def buffers(layers: Sequence[Layer]) -> list[int]:
    """Return the buffer that each layer's output lies in: its own, or one that it writes over.

    A batch normalisation, activation or dropout works in place unless a later layer still needs
    what stood there; flattening is a view.
    """
    needed_until = [max(reading, default=index) for index, reading in enumerate(readers(layers))]
    buffer = list(range(len(layers)))
    for layer in layers:
        root = buffer[layer.inputs[0]] if layer.inputs else layer.index
        if isinstance(layer.operator, Flatten) or (
            isinstance(layer.operator, _IN_PLACE) and needed_until[root] <= layer.index
        ):
            buffer[layer.index] = root
            needed_until[root] = max(needed_until[root], needed_until[layer.index])
    return buffer


def kept_outputs(layers: Sequence[Layer]) -> list[int]:
    """Return the layers whose outputs an integer runtime writes to memory as new values, in order.

    As of Jacob et al. 2018 (arXiv 1712.05877): a batch normalisation or activation is computed with
    the layer in front of it, if nothing else reads that one. Maxima, dropout and flattening pass on
    values that are there already. The last output, the logits, is none of them.
    """
    read_by = readers(layers)
    found = []
    for layer in layers[:-1]:
        match layer.operator:
            case Dropout() | Flatten() | Pool("max") | GlobalPool("max"):
                continue
        reading = [layers[index].operator for index in read_by[layer.index]]
        if len(reading) != 1 or not isinstance(reading[0], Norm | Activation):
            found.append(layer.index)
    return found


def peak_elements(layers: Sequence[Layer]) -> int:
    """Compute the largest sum of live tensors over the execution order, in elements.

    A tensor lives from the layer that makes it, or is an input, to the last one that reads it.
    """
    buffer = buffers(layers)
    last: dict[int, int] = {}
    for layer in layers:
        last |= dict.fromkeys((buffer[i] for i in (layer.index, *layer.inputs)), layer.index)
    change = [0] * (len(layers) + 1)
    for first, end in last.items():
        elements = prod(layers[first].shape)
        change[first] += elements
        change[end + 1] -= elements
    return max(accumulate(change))
