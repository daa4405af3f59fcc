"""The module: built from the same graph that is counted.

Conventions: inputs are (batch, channels, mel, frame) or (batch, channels, samples); outputs are
logits, (batch, classes). Parameters are named after their layer: "stage1.2.expand.weight". What a
front end standardises is standardised here, so that inputs are the features as they are computed.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_asc.architecture import Architecture
from nas_asc.assembly import build_graph
from nas_asc.errors import UnsupportedOperation
from nas_asc.frontend import FrontEnd
from nas_asc.graph import Layer, buffers
from nas_asc.pooling import AveragePool, MaxPool, padding_of, same_margins
from nas_asc.standardise import Standardisation

Operation = Callable[..., Tensor]


class StridedPointwiseConv1d(nn.Conv1d):
    """A strided 1x1 convolution as a slice and a dense one; see `StridedPointwiseConv2d`."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every stride-th position. x: (batch, channels, samples)."""
        return F.conv1d(x[:, :, :: self.stride[0]], self.weight, self.bias, groups=self.groups)


class StridedPointwiseConv2d(nn.Conv2d):
    """A strided 1x1 convolution as a slice and a dense one.

    The same parameters and multiply-accumulates; PyTorch 2.13's own backward pass corrupts memory
    in channels-last float32 on the CPU. ("Conv" in a class's name is how torchinfo knows one.)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every stride-th position. x: (batch, channels, mel, frame)."""
        x = x[:, :, :: self.stride[0], :: self.stride[1]]
        return F.conv2d(x, self.weight, self.bias, groups=self.groups)


class PaddedConv1d(nn.Conv1d):
    """A convolution with other padding at the end than at the start; below 0 it cuts cells off."""

    margins: tuple[int, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve. x: (batch, channels, samples)."""
        return super().forward(F.pad(x, self.margins))


class PaddedConv2d(nn.Conv2d):
    """A convolution with other padding at the end than at the start; below 0 it cuts cells off."""

    margins: tuple[int, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve. x: (batch, channels, mel, frame)."""
        return super().forward(F.pad(x, self.margins))


class MelNorm(nn.BatchNorm2d):
    """A batch normalisation per mel bin."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise. x: (batch, channels, mel, frame)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Network(nn.Module):
    """A network that runs the layers of a graph in order and forgets what nobody needs any more.

    Attributes:
        layers: the graph's layers.
        input_shapes: of each input, without the batch axis.
        frontend: what makes the inputs; None where a graph was made by hand.
        clip_s: clip length in seconds.
        classes: names, in the order of the logits; none where only their number is known.
        standardisation: of the first input, where the front end standardises.
    """

    def __init__(
        self, layers: list[Layer], frontend: FrontEnd | None = None, clip_s: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = layers
        self.frontend, self.clip_s = frontend, clip_s
        self.classes: tuple[str, ...] = ()
        self.input_shapes = tuple(layer.shape for layer in layers if layer.op == "input")
        last_read = {source: layer.index for layer in layers for source in layer.inputs}
        buffer = buffers(layers)
        self.standardisation: Standardisation | None = None
        if frontend is not None and frontend.normalisation == "standard":
            shape, second_plane = self.input_shapes[0], frontend.second_window > 0
            self.standardisation = Standardisation(shape, second_plane)
        self._steps: list[tuple[int, Operation, tuple[int, ...], tuple[int, ...]]] = []
        for layer in layers:
            if layer.op == "input":
                continue
            rank = len(layers[layer.inputs[0]].shape) - 1
            operation: Operation
            if layer.op in _MODULES:
                module = _MODULES[layer.op](layer, layers[layer.inputs[0]].shape, rank)
                self._place(layer.name, module)
                operation = module
            elif layer.op in _FUNCTIONS:
                source = layers[layer.inputs[0]]
                own = buffer[layer.index] == layer.index or source.op == "input"
                operation = _FUNCTIONS[layer.op](layer, not own)
            else:
                raise UnsupportedOperation(f"{layer.name}: no module for operator {layer.op!r}")
            done = tuple(s for s in set(layer.inputs) if last_read[s] == layer.index)
            self._steps.append((layer.index, operation, layer.inputs, done))

    def _place(self, name: str, module: nn.Module) -> None:
        *path, last = name.split(".")
        holder: nn.Module = self
        for part in path:
            if not hasattr(holder, part):
                holder.add_module(part, nn.Module())
            holder = getattr(holder, part)
        holder.add_module(last, module)

    def module_of(self, name: str) -> nn.Module:
        """Give the module of the layer called `name`."""
        return self.get_submodule(name)

    def example_inputs(self) -> tuple[Tensor, ...]:
        """Give inputs of zeros for one clip, with a batch axis of one."""
        return tuple(torch.zeros(1, *shape) for shape in self.input_shapes)

    def prepare(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Give what the first layers are fed: the inputs, standardised if the front end says so."""
        if self.standardisation is None:
            return inputs
        return self.standardisation(inputs[0]), *inputs[1:]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Give the logits, (batch, classes)."""
        return self.run_layers(*self.prepare(*inputs))

    def run_layers(self, *inputs: Tensor) -> Tensor:
        """Give the logits, (batch, classes), of inputs that are prepared."""
        values: list[Tensor | None] = [*inputs, *([None] * (len(self.layers) - len(inputs)))]
        index = 0
        for index, operation, sources, done in self._steps:
            values[index] = operation(*[values[s] for s in sources])
            for source in done:
                values[source] = None
        logits = values[index]
        assert logits is not None
        return logits


def build(architecture: Architecture, n_classes: int, clip_s: float) -> Network:
    """Build the module of an architecture for clips of `clip_s` seconds.

    Weights are drawn from torch's generator: seed it for a reproducible start.

    Raises:
        ConfigError: the architecture cannot be built on such clips.
    """
    layers = build_graph(architecture, n_classes, clip_s).layers
    return Network(layers, architecture.frontend, clip_s)


def _conv(layer: Layer, shape: tuple[int, ...], rank: int) -> nn.Module:
    kernel, stride, padding, groups = layer.attributes
    assert isinstance(kernel, tuple)
    assert isinstance(stride, tuple)
    margins = [(0, 0)] * rank
    if padding == "half":
        margins = [(k // 2, k // 2) for k in kernel]
    elif padding == "same":
        margins = same_margins(shape[1:], kernel, stride)
    if layer.shape[-1] == 1 < stride[-1] and max(kernel) > 1:
        # A stride to one frame: PyTorch 2.13 leaves outputs or gradients of it unwritten, in
        # channels-last order on the CPU. Its only window is cut out instead.
        before = margins[-1][0]
        margins[-1] = (before, kernel[-1] - shape[-1] - before)
        stride = (*stride[:-1], 1)
    even = all(before == after >= 0 for before, after in margins)
    plain, padded, strided = _CONVOLUTIONS[rank]
    module = (strided if max(kernel) == 1 and max(stride) > 1 else plain if even else padded)(
        shape[0],
        layer.shape[0],
        kernel,
        stride,
        padding=tuple(before for before, _ in margins) if even else 0,
        groups=groups,
        bias=layer.biases > 0,
    )
    if not even:
        module.margins = tuple(padding_of(margins))
    return cast(nn.Module, module)


def _norm(layer: Layer, shape: tuple[int, ...], rank: int) -> nn.Module:
    if layer.attributes[0] == 1:
        return MelNorm(layer.norm)
    return (nn.BatchNorm1d if rank < 2 else nn.BatchNorm2d)(layer.norm)


def _linear(layer: Layer, shape: tuple[int, ...], rank: int) -> nn.Module:
    return nn.Linear(shape[0], layer.shape[0])


def _pool(layer: Layer, shape: tuple[int, ...], rank: int) -> nn.Module:
    kind, kernel, stride, padding = layer.attributes
    assert isinstance(kernel, tuple)
    assert isinstance(stride, tuple)
    margins = same_margins(shape[1:], kernel, stride) if padding == "same" else None
    if kind == "max":
        return MaxPool(kernel, stride, margins)
    return AveragePool(shape[1:], kernel, stride, margins)


def _dropout(layer: Layer, shape: tuple[int, ...], rank: int) -> nn.Module:
    rate, kind = layer.attributes
    assert isinstance(rate, float)
    if kind == "spatial" and rank:
        return nn.Dropout1d(rate) if rank == 1 else nn.Dropout2d(rate)
    return nn.AlphaDropout(rate) if kind == "alpha" else nn.Dropout(rate)


_CONVOLUTIONS: dict[int, tuple[Any, Any, Any]] = {
    1: (nn.Conv1d, PaddedConv1d, StridedPointwiseConv1d),
    2: (nn.Conv2d, PaddedConv2d, StridedPointwiseConv2d),
}
_MODULES: dict[str, Callable[[Layer, tuple[int, ...], int], nn.Module]] = {
    "conv": _conv,
    "norm": _norm,
    "linear": _linear,
    "pool": _pool,
    "dropout": _dropout,
}


def _act(layer: Layer, in_place: bool) -> Operation:
    kind = layer.attributes[0]
    if kind == "relu":  # the only one whose gradient needs no copy of the input
        return F.relu_ if in_place else F.relu
    operations: dict[object, Operation] = {
        "silu": F.silu,
        "hardswish": F.hardswish,
        "selu": F.selu,
        "sigmoid": torch.sigmoid,
    }
    return operations[kind]


def _global_pool(layer: Layer, in_place: bool) -> Operation:
    kind, keep = layer.attributes
    assert isinstance(keep, bool)

    def average(x: Tensor) -> Tensor:
        return x.mean(tuple(range(2, x.dim())), keepdim=keep)

    def maximum(x: Tensor) -> Tensor:
        return x.amax(tuple(range(2, x.dim())), keepdim=keep)

    if kind == "avg":
        return average
    return maximum if kind == "max" else lambda x: average(x) + maximum(x)


_FUNCTIONS: dict[str, Callable[[Layer, bool], Operation]] = {
    "act": _act,
    "global_pool": _global_pool,
    "add": lambda layer, in_place: torch.add,
    "mul": lambda layer, in_place: torch.mul,
    "concat": lambda layer, in_place: lambda *parts: torch.cat(parts, 1),
    "flatten": lambda layer, in_place: lambda x: x.flatten(1),
}
