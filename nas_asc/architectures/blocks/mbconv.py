"""Inverted residual blocks, plain and fused, with squeeze-and-excitation.

Sandler et al., MobileNetV2, 2018, arXiv 1801.04381; Tan and Le, EfficientNetV2, 2021, arXiv
2104.00298; Hu et al., squeeze-and-excitation, 2017, arXiv 1709.01507. As in the Deepsound report
the shortcut is a plain 1x1 convolution where the width or the resolution changes, and nothing
follows the addition.
"""

from nas_asc.architectures.blocks.block import Block, Option
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import (
    act,
    add,
    conv,
    depthwise,
    global_pool,
    mul,
    norm,
    pointwise,
)


def fused_mbconv(
    g: CostTally,
    x: Shape,
    *,
    width: int,
    kernel: Extent,
    stride: Extent,
    expand: int,
    squeeze_excite: float,
    activation: str,
) -> Shape:
    """Add an inverted residual whose expansion is one full convolution."""
    h = conv(g, x, x[0] * expand, kernel, stride, name="expand")
    h = act(g, norm(g, h, name="norm1"), activation, name="act1")
    return _project(g, x, h, width, stride, squeeze_excite, activation)


def mbconv(
    g: CostTally,
    x: Shape,
    *,
    width: int,
    kernel: Extent,
    stride: Extent,
    expand: int,
    squeeze_excite: float,
    activation: str,
) -> Shape:
    """Add an inverted residual: pointwise expansion, depthwise convolution, projection."""
    h = pointwise(g, x, x[0] * expand, name="expand")
    h = act(g, norm(g, h, name="norm1"), activation, name="act1")
    h = depthwise(g, h, kernel, stride, name="depthwise")
    h = act(g, norm(g, h, name="norm2"), activation, name="act2")
    return _project(g, x, h, width, stride, squeeze_excite, activation)


def squeeze_and_excite(g: CostTally, x: Shape, hidden: int, activation: str) -> Shape:
    """Scale each channel by a gate worked out from all channels' means."""
    s = global_pool(g, x, "avg", name="se.pool", keep_axes=True)
    s = act(g, pointwise(g, s, hidden, name="se.reduce", bias=True), activation, name="se.act")
    s = act(g, pointwise(g, s, x[0], name="se.expand", bias=True), "sigmoid", name="se.gate")
    return mul(g, x, s, name="se.mul")


def _project(
    g: CostTally,
    x: Shape,
    h: Shape,
    width: int,
    stride: Extent,
    squeeze_excite: float,
    activation: str,
) -> Shape:
    if squeeze_excite:
        h = squeeze_and_excite(g, h, max(1, int(x[0] * squeeze_excite)), activation)
    h = norm(g, pointwise(g, h, width, name="project"), name="norm3")
    if x[0] != width or h[1:] != x[1:]:
        ones = (1,) * (len(x) - 1)
        x = conv(g, x, width, ones, stride, name="shortcut")
    return add(g, h, x)


_OPTIONS: dict[str, Option] = {"expand": range(1, 101), "squeeze_excite": float}

MBCONV = Block(mbconv, _OPTIONS, odd_kernels=True)
FUSED_MBCONV = Block(fused_mbconv, _OPTIONS, odd_kernels=True)
