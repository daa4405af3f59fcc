"""The layers that blocks are made of; the one place where each one's shape and cost stand.

Conventions: `g` is a `CostTally` or a `Graph`; `x` is the shape of the input; kernels and strides
have one number per axis. Padding: "half" = kernel // 2 on both sides (PyTorch's usual), "same" =
TensorFlow's (output ceil(n / stride), the odd cell at the end), "valid" = none. A "valid" window
larger than what is left of an axis shrinks to it, so that every network can be built on every clip.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from math import prod

from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    CostTally,
    Dropout,
    Extent,
    Flatten,
    GlobalPool,
    Linear,
    Mul,
    Norm,
    Pool,
)
from nas_asc.errors import ConfigError
from nas_asc.units import format_shape

ACTIVATIONS = ("relu", "silu", "hardswish", "selu")
PADDINGS = ("half", "same", "valid")
POOL_PADDINGS = ("same", "valid")
POOLINGS = ("avg", "max", "avg+max", "flatten")
DROPOUTS = ("plain", "alpha", "spatial")


@lru_cache(maxsize=1 << 16)  # a search slides the same few thousand windows again and again
def _slide(axes: Shape, kernel: Extent, stride: Extent) -> tuple[Extent, int, Shape, int]:
    """Return an unpadded window as it fits, its cells, the output's axes and their positions."""
    kernel = tuple(map(min, kernel, axes))
    out = tuple((n - k) // s + 1 for n, k, s in zip(axes, kernel, stride, strict=True))
    return kernel, prod(kernel), out, prod(out)


def conv(
    g: CostTally,
    x: Shape,
    out: int,
    kernel: Extent,
    stride: Extent | None = None,
    *,
    name: str,
    groups: int = 1,
    bias: bool = False,
    padding: str = "half",
) -> Shape:
    """Add a convolution of rank len(x) - 1."""
    if stride is None:
        stride = (1,) * len(kernel)
    if padding == "valid":
        fitting, cells, axes, positions = _slide(x[1:], kernel, stride)
        if fitting != kernel:
            g.shrunk.append(g.prefix + name)
            kernel = fitting
        shape: Shape = (out, *axes)
        cost = (x[0] // groups * out * cells, out, out if bias else 0, positions)
    elif len(x) == 3:  # spelt out, like the next: a call would cost as much again
        channels, mel, frame = x
        height, width = kernel
        if padding == "half":
            mel = (mel - height % 2) // stride[0] + 1
            frame = (frame - width % 2) // stride[1] + 1
        else:
            mel = -(-mel // stride[0])
            frame = -(-frame // stride[1])
        shape = (out, mel, frame)
        cost = (channels // groups * out * height * width, out, out if bias else 0, mel * frame)
    else:
        channels, samples = x
        length = kernel[0]
        if padding == "half":
            samples = (samples - length % 2) // stride[0] + 1
        else:
            samples = -(-samples // stride[0])
        shape = (out, samples)
        cost = (channels // groups * out * length, out, out if bias else 0, samples)
    g.kernels.append(cost)
    if not g.keeps_layers:
        return shape
    operator = Conv(x[0], out, kernel, stride, padding, groups)
    return g.add_layer(operator, name, (x,), shape, cost)


def depthwise(
    g: CostTally,
    x: Shape,
    kernel: Extent,
    stride: Extent | None = None,
    *,
    name: str,
    padding: str = "half",
) -> Shape:
    """Add a convolution with one kernel per channel, without bias."""
    return conv(g, x, x[0], kernel, stride, name=name, groups=x[0], padding=padding)


def pointwise(g: CostTally, x: Shape, out: int, *, name: str, bias: bool = False) -> Shape:
    """Add a convolution with a kernel of one."""
    if len(x) != 3:
        return conv(g, x, out, (1,) * (len(x) - 1), name=name, bias=bias)
    channels, mel, frame = x  # half of all convolutions, spelt out
    cost = (channels * out, out, out if bias else 0, mel * frame)
    g.kernels.append(cost)
    shape = (out, mel, frame)
    if not g.keeps_layers:
        return shape
    operator = Conv(channels, out, (1, 1), (1, 1), "half", 1)
    return g.add_layer(operator, name, (x,), shape, cost)


def linear(g: CostTally, x: Shape, out: int, *, name: str) -> Shape:
    """Add a linear layer with bias on a vector."""
    cost = (x[0] * out, out, out, 1)
    g.kernels.append(cost)
    shape = (out,)
    return g.add_layer(Linear(x[0], out), name, (x,), shape, cost) if g.keeps_layers else shape


def norm(
    g: CostTally, x: Shape, *, name: str = "norm", axis: int = 0, shortcut: bool = False
) -> Shape:
    """Add a batch normalisation per channel (axis 0) or per mel bin (axis 1)."""
    channels = x[axis]
    g.norms.append(channels)
    g.norm_shapes.append(x)
    if shortcut:
        g.shortcut_norms.append(channels)
    return g.add_layer(Norm(axis, shortcut), name, (x,), x, norm=channels) if g.keeps_layers else x


def act(g: CostTally, x: Shape, kind: str, *, name: str = "act") -> Shape:
    """Add an activation."""
    return g.add_layer(Activation(kind), name, (x,), x) if g.keeps_layers else x


def dropout(
    g: CostTally, x: Shape, rate: float, kind: str = "plain", *, name: str = "dropout"
) -> Shape:
    """Add a dropout: plain, alpha, or spatial (whole channels); a rate of 0 adds nothing."""
    return g.add_layer(Dropout(rate, kind), name, (x,), x) if rate and g.keeps_layers else x


def pool(
    g: CostTally,
    x: Shape,
    kind: str,
    kernel: Extent,
    stride: Extent,
    *,
    name: str = "pool",
    padding: str = "valid",
) -> Shape:
    """Add a max or average pooling; padded cells count neither in a maximum nor in an average."""
    if padding == "same" and len(x) == 3:  # spelt out, as in `conv`
        channels, mel, frame = x
        shape: Shape = (channels, -(-mel // stride[0]), -(-frame // stride[1]))
    elif padding == "same":
        shape = (x[0], -(-x[1] // stride[0]))
    else:
        fitting, _, axes, _ = _slide(x[1:], kernel, stride)
        if fitting != kernel:
            g.shrunk.append(g.prefix + name)
            kernel = fitting
        shape = (x[0], *axes)
    if not g.keeps_layers:
        return shape
    return g.add_layer(Pool(kind, kernel, stride, padding), name, (x,), shape)


def global_pool(
    g: CostTally, x: Shape, kind: str, *, name: str = "pool", keep_axes: bool = False
) -> Shape:
    """Add an average, a maximum or their sum over all axes but the channels, or to length one."""
    shape = (x[0],) + (1,) * (len(x) - 1) if keep_axes else (x[0],)
    return g.add_layer(GlobalPool(kind, keep_axes), name, (x,), shape) if g.keeps_layers else shape


def flatten(g: CostTally, x: Shape) -> Shape:
    """Add a flattening of all axes into one."""
    return g.add_layer(Flatten(), "flatten", (x,), (prod(x),)) if g.keeps_layers else (prod(x),)


def add(g: CostTally, a: Shape, b: Shape, *, name: str = "add") -> Shape:
    """Add an element-wise sum of two tensors of one shape.

    Raises:
        ConfigError: they differ, as an even kernel makes them.
    """
    if a != b:
        sizes = " and ".join(map(format_shape, (a, b)))
        raise ConfigError(
            f"{g.prefix}{name}: expected two tensors of one shape, got {sizes}; "
            "give the block an odd kernel"
        )
    return g.add_layer(Add(), name, (a, b), a) if g.keeps_layers else a


def mul(g: CostTally, x: Shape, gate: Shape, *, name: str = "mul") -> Shape:
    """Add an element-wise product; `gate` has length one along every axis but the channels."""
    return g.add_layer(Mul(), name, (x, gate), x) if g.keeps_layers else x


def concat(g: CostTally, parts: Sequence[Shape]) -> Shape:
    """Add a concatenation over the channels."""
    shape = (sum([part[0] for part in parts]), *parts[0][1:])
    return g.add_layer(Concat(), "concat", parts, shape) if g.keeps_layers else shape


@cache
def extent(value: object, rank: int) -> Extent:
    """Read a kernel, stride or window: "3x5" is mel x frame, 3 or "3" is a square.

    Raises:
        ConfigError: a pair where the data have one axis.
    """
    parts = tuple(int(part) for part in str(value).split("x"))
    if len(parts) == 1:
        return parts * rank
    if len(parts) != rank:
        raise ConfigError(f"expected {rank} numbers for data with {rank} axes, got {value!r}")
    return parts


@cache
def read_pool(value: str, rank: int) -> tuple[str, Extent, Extent]:
    """Read a pooling's kind, window and stride: "max 4x4" steps by its own size, "avg 3x3/2" by 2.

    Raises:
        ConfigError: a pair where the data have one axis.
    """
    kind, _, size = value.partition(" ")
    kernel, _, stride = size.partition("/")
    cells = extent(kernel, rank)
    return kind, cells, extent(stride, rank) if stride else cells


@cache
def read_dropout(value: str) -> tuple[float, str]:
    """Read a dropout: "plain 0.3" is a kind and a rate; "none" has the rate 0."""
    if value == "none":
        return 0.0, "plain"
    kind, _, rate = value.partition(" ")
    return float(rate), kind
