"""The module: built from the same graph that is counted.

Conventions: inputs are (batch, channels, mel, frame) or (batch, channels, samples); outputs are
logits, (batch, classes). Parameters are named after their layer: "stage1.2.expand.weight". What a
front end standardises is standardised here, so that inputs are the features as they are computed.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_asc.architectures import (
    Activation,
    Add,
    Architecture,
    Concat,
    Conv,
    Dropout,
    Flatten,
    FrontEnd,
    GlobalPool,
    Input,
    Layer,
    Linear,
    Mul,
    Norm,
    Pool,
    Shape,
    buffers,
    build_graph,
)
from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.standardisation import Standardisation

Margins = list[tuple[int, int]]


def same_margins(
    axes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> Margins:
    """Return (before, after) for each axis, so that the output has ceil(n / stride) positions."""
    margins = []
    for n, k, s in zip(axes, kernel, stride, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        margins.append((total // 2, total - total // 2))
    return margins


def padding_of(margins: Margins) -> list[int]:
    """Return margins as `torch.nn.functional.pad` wants them: the last axis first."""
    return [cells for pair in reversed(margins) for cells in pair]


def _margins_2d(margins: Margins | None) -> Margins | None:
    return None if margins is None else [(0, 0), *margins]


class MaxPool(nn.Module):
    """A maximum over a sliding window."""

    def __init__(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], margins: Margins | None
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.margins = kernel, stride, margins
        self.padding = padding_of(margins) if margins else []
        self._pool = F.max_pool1d if len(kernel) == 1 else F.max_pool2d

    def as_2d(self) -> "MaxPool":
        """Return the same pooling of samples for (batch, channels, 1, samples)."""
        return MaxPool((1, *self.kernel), (1, *self.stride), _margins_2d(self.margins))

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        if any(self.padding):
            x = F.pad(x, self.padding, value=float("-inf"))
        return self._pool(x, self.kernel, self.stride)


class AveragePool(nn.Module):
    """A mean over a sliding window."""

    share: Tensor | None

    def __init__(
        self,
        axes: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        margins: Margins | None,
    ) -> None:
        super().__init__()
        self.axes, self.kernel, self.stride, self.margins = axes, kernel, stride, margins
        self.padding = padding_of(margins) if margins else []
        self._pool = F.avg_pool1d if len(kernel) == 1 else F.avg_pool2d
        share = None
        if any(self.padding):  # the share of each window that is not padding
            ones = F.pad(torch.ones(1, 1, *axes), self.padding)
            share = self._pool(ones, kernel, stride).reciprocal()
        self.register_buffer("share", share, persistent=False)

    def as_2d(self) -> "AveragePool":
        """Return the same pooling of samples for (batch, channels, 1, samples)."""
        kernel, stride = (1, *self.kernel), (1, *self.stride)
        return AveragePool((1, *self.axes), kernel, stride, _margins_2d(self.margins))

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        if self.share is None:
            return self._pool(x, self.kernel, self.stride)
        pooled: Tensor = self._pool(F.pad(x, self.padding), self.kernel, self.stride)
        return pooled * self.share.to(pooled.dtype)


Operation = Callable[..., Tensor]
# A layer, what it computes, the layers that feed it, and those of them that are then forgotten.
Step = tuple[int, Operation, Sequence[int], Sequence[int]]


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
        operations: what each layer but the inputs computes with, by its index.
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
        self.input_shapes = tuple(
            layer.shape for layer in layers if isinstance(layer.operator, Input)
        )
        buffer = buffers(layers)
        self.standardisation: Standardisation | None = None
        if frontend is not None and frontend.normalisation == "standard":
            shape, second_plane = self.input_shapes[0], frontend.second_window > 0
            self.standardisation = Standardisation(shape, second_plane)
        self.operations: dict[int, Operation] = {}
        for layer in layers:
            if isinstance(layer.operator, Input):
                continue
            source = layers[layer.inputs[0]]
            writes_over = buffer[layer.index] != layer.index
            in_place = writes_over and not isinstance(source.operator, Input)
            operation = _operation(layer, source.shape, in_place)
            if isinstance(operation, nn.Module):
                self._place(layer.name, operation)
            self.operations[layer.index] = operation
        self._steps = steps_of((i, each, layers[i].inputs) for i, each in self.operations.items())

    def _place(self, name: str, module: nn.Module) -> None:
        *path, last = name.split(".")
        holder: nn.Module = self
        for part in path:
            if not hasattr(holder, part):
                holder.add_module(part, nn.Module())
            holder = getattr(holder, part)
        holder.add_module(last, module)

    def example_inputs(self) -> tuple[Tensor, ...]:
        """Return inputs of zeros for one clip, with a batch axis of one."""
        return tuple(torch.zeros(1, *shape) for shape in self.input_shapes)

    def prepare(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the inputs as the first layers get them: standardised if the front end says so."""
        if self.standardisation is None:
            return inputs
        return self.standardisation(inputs[0]), *inputs[1:]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Compute the logits, (batch, classes)."""
        return self.run_layers(*self.prepare(*inputs))

    def run_layers(self, *inputs: Tensor) -> Tensor:
        """Compute the logits, (batch, classes), of inputs that are prepared."""
        return run_steps(self._steps, inputs)


def steps_of(operations: Iterable[tuple[int, Operation, Sequence[int]]]) -> list[Step]:
    """Return operations, given as (layer, operation, layers that feed it) in order, as steps."""
    ordered = list(operations)
    last_read = {source: index for index, _, sources in ordered for source in sources}
    return [
        (index, operation, sources, [s for s in set(sources) if last_read[s] == index])
        for index, operation, sources in ordered
    ]


def run_steps(steps: Sequence[Step], inputs: Sequence[Tensor]) -> Tensor:
    """Compute the output of the last step; what nobody needs any more is forgotten."""
    values = dict(enumerate(inputs))
    output = inputs[0]
    for index, operation, sources, done in steps:
        output = values[index] = operation(*[values[source] for source in sources])
        for source in done:
            del values[source]
    return output


def build(architecture: Architecture, n_classes: int, clip_s: float) -> Network:
    """Build the module of an architecture for clips of `clip_s` seconds.

    Weights are drawn from torch's generator: seed it for a reproducible start.

    Raises:
        ConfigError: the architecture cannot be built on such clips.
    """
    layers = build_graph(architecture, n_classes, clip_s).layers
    return Network(layers, architecture.frontend, clip_s)


def _operation(layer: Layer, shape: Shape, in_place: bool) -> Operation:
    """Return the module, or the function, that a layer computes with.

    Args:
        layer: which layer.
        shape: of its input.
        in_place: whether it may write over its input.
    """
    rank = len(shape) - 1
    match layer.operator:
        case Conv():
            return _conv(layer.operator, shape, layer.shape, has_bias=layer.biases > 0)
        case Norm(axis=1):
            return MelNorm(layer.norm)
        case Norm():
            return (nn.BatchNorm1d if rank < 2 else nn.BatchNorm2d)(layer.norm)
        case Linear(features, out):
            return nn.Linear(features, out)
        case Pool(kind, kernel, stride, padding):
            margins = same_margins(shape[1:], kernel, stride) if padding == "same" else None
            if kind == "max":
                return MaxPool(kernel, stride, margins)
            return AveragePool(shape[1:], kernel, stride, margins)
        case Dropout(rate, "spatial") if rank:
            return nn.Dropout1d(rate) if rank == 1 else nn.Dropout2d(rate)
        case Dropout(rate, kind):
            return nn.AlphaDropout(rate) if kind == "alpha" else nn.Dropout(rate)
        case Activation("relu") if in_place:  # the only one whose gradient needs no copy of x
            return F.relu_
        case Activation(kind):
            return _ACTIVATIONS[kind]
        case GlobalPool(kind, keep_axes):
            return partial(_GLOBAL_POOLS[kind], keep_axes=keep_axes)
        case Add():
            return torch.add
        case Mul():
            return torch.mul
        case Concat():
            return lambda *parts: torch.cat(parts, 1)
        case Flatten():
            return lambda x: x.flatten(1)
    raise UnsupportedOperation(f"{layer.name}: no module for operator {layer.op!r}")


_ACTIVATIONS: dict[str, Operation] = {
    "relu": F.relu,
    "silu": F.silu,
    "hardswish": F.hardswish,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
}
_CONVOLUTIONS: dict[int, tuple[Any, Any, Any]] = {
    1: (nn.Conv1d, PaddedConv1d, StridedPointwiseConv1d),
    2: (nn.Conv2d, PaddedConv2d, StridedPointwiseConv2d),
}


def _conv(conv: Conv, shape: Shape, out_shape: Shape, has_bias: bool) -> nn.Module:
    kernel, stride = conv.kernel, conv.stride
    margins = [(0, 0)] * len(kernel)
    if conv.padding == "half":
        margins = [(k // 2, k // 2) for k in kernel]
    elif conv.padding == "same":
        margins = same_margins(shape[1:], kernel, stride)
    if out_shape[-1] == 1 < stride[-1] and max(kernel) > 1:
        # A stride to one frame: PyTorch 2.13 leaves outputs or gradients of it unwritten, in
        # channels-last order on the CPU. Its only window is cut out instead.
        before = margins[-1][0]
        margins[-1] = (before, kernel[-1] - shape[-1] - before)
        stride = (*stride[:-1], 1)
    even = all(before == after >= 0 for before, after in margins)
    plain, padded, strided = _CONVOLUTIONS[len(kernel)]
    module: nn.Module
    module = (strided if max(kernel) == 1 and max(stride) > 1 else plain if even else padded)(
        conv.in_channels,
        conv.out_channels,
        kernel,
        stride,
        padding=tuple(before for before, _ in margins) if even else 0,
        groups=conv.groups,
        bias=has_bias,
    )
    if not even:
        module.margins = tuple(padding_of(margins))  # type: ignore[assignment]  # of Padded...
    return module


def _average(x: Tensor, keep_axes: bool) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=keep_axes)


def _maximum(x: Tensor, keep_axes: bool) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=keep_axes)


def _average_and_maximum(x: Tensor, keep_axes: bool) -> Tensor:
    return _average(x, keep_axes) + _maximum(x, keep_axes)


_GLOBAL_POOLS: dict[str, Operation] = {
    "avg": _average,
    "max": _maximum,
    "avg+max": _average_and_maximum,
}
