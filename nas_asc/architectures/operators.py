"""What the layers of a network compute, and how each is put into words.

Conventions: kernels, windows and strides have one number per axis: mel and frame, or samples.
Padding: see nas_asc/architectures/layers.py.
"""

from dataclasses import dataclass
from typing import ClassVar

from nas_asc.units import format_shape

Extent = tuple[int, ...]

_ARROW = "\N{RIGHTWARDS ARROW}"
_POOLINGS = {"avg": "average", "max": "maximum", "avg+max": "average + maximum"}


@dataclass(frozen=True, slots=True)
class Input:
    """What the network is fed."""

    name: ClassVar = "input"


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution."""

    name: ClassVar = "conv"
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


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer."""

    name: ClassVar = "linear"
    in_features: int
    out_features: int


@dataclass(frozen=True, slots=True)
class Norm:
    """A batch normalisation, per channel (axis 0) or per mel bin (axis 1)."""

    name: ClassVar = "norm"
    axis: int
    shortcut: bool


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of each value."""

    name: ClassVar = "act"
    kind: str


@dataclass(frozen=True, slots=True)
class Dropout:
    """Values set to zero in training: plain, alpha, or spatial (whole channels)."""

    name: ClassVar = "dropout"
    rate: float
    kind: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A maximum ("max") or average ("avg") over a sliding window."""

    name: ClassVar = "pool"
    kind: str
    kernel: Extent
    stride: Extent
    padding: str


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """An average, a maximum or their sum over all axes but the channels, which may stay as ones."""

    name: ClassVar = "global_pool"
    kind: str
    keep_axes: bool


@dataclass(frozen=True, slots=True)
class Add:
    """An element-wise sum."""

    name: ClassVar = "add"


@dataclass(frozen=True, slots=True)
class Mul:
    """A product with a gate, which has one value per channel."""

    name: ClassVar = "mul"


@dataclass(frozen=True, slots=True)
class Concat:
    """A concatenation over the channels."""

    name: ClassVar = "concat"


@dataclass(frozen=True, slots=True)
class Flatten:
    """All axes made one."""

    name: ClassVar = "flatten"


Operator = (
    Input | Conv | Linear | Norm | Activation | Dropout | Pool | GlobalPool
    | Add | Mul | Concat | Flatten
)  # fmt: skip


def describe(operator: Operator, drawn: bool = False) -> str:
    """Return an operator in words.

    Args:
        operator: what is described.
        drawn: for a drawing: with its name and without padding, else for a column beside its name.
    """
    match operator:
        case Conv(channels, out, kernel, stride, padding, groups):
            window = format_shape(kernel)
            if set(stride) != {1}:
                window += f"/{format_shape(stride)}"
            change = f"{channels}{_ARROW}{out}"
            if drawn:
                is_depthwise = operator.is_depthwise
                return f"depthwise {window} {out}" if is_depthwise else f"conv {window} {change}"
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
            words = ["norm"] * drawn + ["per mel bin"] * (axis == 1)
            return " ".join(words)
        case Activation(kind):
            return kind
        case Dropout(rate, kind):
            if not drawn:
                return f"{rate} {kind}"
            return f"dropout {rate}" if kind == "plain" else f"{kind} dropout {rate}"
        case Concat() if drawn:
            return "concatenate"
    return operator.name if drawn else ""
