"""The graph: layers with shapes and costs, from which everything else is derived.

A block adds layers to a *sink*. Two sinks take the same calls: `Tally` keeps only the sums that a
count needs (fast: the gate of a search asks for thousands a second); `Graph` also keeps the layers,
from which come the module, the layer table, the drawing and the peak activation memory.

Conventions: shapes are (channels, mel, frame) or (channels, samples) or (features,), for one clip.
A handle of a tensor is its shape; `Graph` hands out shapes that also know their layer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from nas_asc.frontend import Shape

# Layers that write over their input when nobody else still needs it.
_IN_PLACE = frozenset({"norm", "act", "dropout"})
_VIEWS = frozenset({"flatten"})


class Tensor(tuple[int, ...]):
    """The shape of a layer's output that also knows the layer's index."""

    layer: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        name: dotted path, such as "stage1.2.expand".
        op: "input", "conv", "linear", "norm", "act", "pool", "global_pool", "add", "mul",
            "concat", "flatten" or "dropout".
        inputs: indices of the layers that feed it.
        shape: of its output, for one clip.
        weights: values of the convolution or linear kernel.
        biases: values of its bias.
        norm: channels of a batch normalisation.
        positions: how often the kernel is applied; one multiply-accumulate per weight each time.
        attributes: what the operator needs besides, in the order that nas_asc/layers.py gives.
    """

    index: int
    name: str
    op: str
    inputs: tuple[int, ...]
    shape: Shape
    weights: int
    biases: int
    norm: int
    positions: int
    attributes: tuple[object, ...]

    @property
    def params(self) -> int:
        """Count the values that the layer's module holds as parameters."""
        return self.weights + self.biases + 2 * self.norm

    @property
    def macs(self) -> int:
        """Count the multiply-accumulates of a convolution or linear layer for one clip."""
        return self.weights * self.positions


class Tally:
    """The sums over the layers of one network.

    Attributes:
        kernels: (values, output channels) of every convolution and linear kernel, in order.
        weights: values of all these kernels.
        biases: bias values in all.
        norms: channels of every batch normalisation, in order.
        shortcut_norms: those that stand in a shortcut.
        norm_channels: channels of batch normalisations in all.
        norm_elements: elements that pass through batch normalisations, for one clip.
        macs: multiply-accumulates of convolution and linear layers for one clip.
        macs_torchinfo: as torchinfo counts: a bias costs one at every position, a batch
            normalisation its two parameters once.
        shrunk: names of windows that were larger than what was left of an axis.
    """

    __slots__ = (
        "biases",
        "kernels",
        "macs",
        "macs_torchinfo",
        "norm_channels",
        "norm_elements",
        "norms",
        "prefix",
        "shortcut_norms",
        "shrunk",
        "weights",
    )

    def __init__(self) -> None:
        self.prefix = ""
        self.kernels: list[tuple[int, int]] = []
        self.weights = 0
        self.biases = 0
        self.norms: list[int] = []
        self.shortcut_norms: list[int] = []
        self.norm_channels = 0
        self.norm_elements = 0
        self.macs = 0
        self.macs_torchinfo = 0
        self.shrunk: list[str] = []

    def input(self, shape: Shape) -> Shape:
        """Add an input of the network."""
        return shape

    def kernel(
        self,
        op: str,
        name: str,
        x: Shape,
        shape: Shape,
        weights: int,
        biases: int,
        positions: int,
        attributes: tuple[object, ...],
    ) -> Shape:
        """Add a convolution or linear layer."""
        self.kernels.append((weights, shape[0]))
        self.weights += weights
        self.biases += biases
        self.macs += weights * positions
        self.macs_torchinfo += (weights + biases) * positions
        return shape

    def norm(self, name: str, x: Shape, channels: int, attributes: tuple[object, ...]) -> Shape:
        """Add a batch normalisation over `channels` channels."""
        self.norms.append(channels)
        self.norm_channels += channels
        self.norm_elements += prod(x)
        self.macs_torchinfo += 2 * channels
        return x

    def free(
        self,
        op: str,
        name: str,
        inputs: Sequence[Shape],
        shape: Shape,
        attributes: tuple[object, ...] = (),
    ) -> Shape:
        """Add a layer without parameters or multiply-accumulates."""
        return shape

    def shrink(self, name: str) -> None:
        """Note that a window was larger than what is left of an axis."""
        self.shrunk.append(self.prefix + name)


class Graph(Tally):
    """A tally that also keeps the layers."""

    __slots__ = ("layers",)

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []

    def _keep(
        self,
        op: str,
        name: str,
        inputs: Iterable[Shape],
        shape: Shape,
        *,
        weights: int = 0,
        biases: int = 0,
        norm: int = 0,
        positions: int = 0,
        attributes: tuple[object, ...] = (),
    ) -> Tensor:
        handle = Tensor(shape)
        handle.layer = len(self.layers)
        sources = tuple(x.layer for x in inputs)  # type: ignore[attr-defined]  # a graph's handles are Tensors
        self.layers.append(
            Layer(
                handle.layer,
                self.prefix + name,
                op,
                sources,
                tuple(shape),
                weights,
                biases,
                norm,
                positions,
                attributes,
            )
        )
        return handle

    def input(self, shape: Shape) -> Shape:
        """Add an input of the network."""
        index = len(self.layers) + 1
        return self._keep("input", "input" if index == 1 else f"input{index}", (), shape)

    def kernel(
        self,
        op: str,
        name: str,
        x: Shape,
        shape: Shape,
        weights: int,
        biases: int,
        positions: int,
        attributes: tuple[object, ...],
    ) -> Shape:
        """Add a convolution or linear layer."""
        super().kernel(op, name, x, shape, weights, biases, positions, attributes)
        return self._keep(
            op,
            name,
            (x,),
            shape,
            weights=weights,
            biases=biases,
            positions=positions,
            attributes=attributes,
        )

    def norm(self, name: str, x: Shape, channels: int, attributes: tuple[object, ...]) -> Shape:
        """Add a batch normalisation over `channels` channels."""
        super().norm(name, x, channels, attributes)
        return self._keep("norm", name, (x,), x, norm=channels, attributes=attributes)

    def free(
        self,
        op: str,
        name: str,
        inputs: Sequence[Shape],
        shape: Shape,
        attributes: tuple[object, ...] = (),
    ) -> Shape:
        """Add a layer without parameters or multiply-accumulates."""
        return self._keep(op, name, inputs, shape, attributes=attributes)


def buffers(layers: Sequence[Layer]) -> list[int]:
    """Say which buffer each layer's output lies in: its own, or one that it writes over.

    A batch normalisation, activation or dropout works in place unless a later layer still needs
    what stood there; flattening is a view.
    """
    last_read = list(range(len(layers)))
    for layer in layers:
        for source in layer.inputs:
            last_read[source] = layer.index
    buffer = list(range(len(layers)))
    readable_until = list(last_read)
    for layer in layers:
        if layer.op in _VIEWS or (
            layer.op in _IN_PLACE and readable_until[buffer[layer.inputs[0]]] <= layer.index
        ):
            root = buffer[layer.inputs[0]]
            buffer[layer.index] = root
            readable_until[root] = max(readable_until[root], last_read[layer.index])
    return buffer


def peak_elements(layers: Sequence[Layer]) -> int:
    """Give the largest sum of live tensors over the execution order, in elements, input included.

    A tensor lives from the layer that makes it to the last one that reads it.
    """
    buffer = buffers(layers)
    last = list(buffer)
    for layer in layers:
        for source in layer.inputs:
            last[buffer[source]] = layer.index
    ends: dict[int, int] = {}
    live = peak = 0
    for layer in layers:
        if buffer[layer.index] == layer.index:
            elements = prod(layer.shape)
            live += elements
            end = max(last[layer.index], layer.index)
            ends[end] = ends.get(end, 0) + elements
        peak = max(peak, live)
        live -= ends.pop(layer.index, 0)
    return peak
