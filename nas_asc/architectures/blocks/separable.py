"""Blocks of depthwise and pointwise convolutions: separable, dwsep, mbconv and fused_mbconv.

Howard et al., MobileNets, 2017, arXiv 1704.04861; Sandler et al., MobileNetV2, 2018, arXiv
1801.04381; Tan and Le, EfficientNetV2, 2021, arXiv 2104.00298; Hu et al., squeeze-and-excitation,
2017, arXiv 1709.01507; dwsep after the NetEase report (DCASE 2023 task 1).
"""

from nas_asc.architectures.blocks.block import ACTIVATION_OF_ORDER, AROUND, ORDERS, Block, add_parts
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import (
    PADDINGS,
    act,
    add,
    conv,
    depthwise,
    global_pool,
    mul,
    norm,
    pointwise,
)


def separable(
    g: CostTally,
    x: Shape,
    *,
    width: int,
    kernel: Extent,
    stride: Extent,
    activation: str = "relu",
    order: str = "conv-norm-act",
    bias: bool = False,
    padding: str = "half",
) -> Shape:
    """Add a depthwise convolution, which carries the stride, and a pointwise one.

    As in Keras' SeparableConv2D there is nothing between the two and only the second has a bias.
    """
    before, after = AROUND[order]
    x = add_parts(g, x, before, activation) if before else x
    x = depthwise(g, x, kernel, stride, name="depthwise", padding=padding)
    x = pointwise(g, x, width, name="pointwise", bias=bias)
    return add_parts(g, x, after, activation) if after else x


SEPARABLE = Block(
    separable,
    options={"order": ORDERS, "bias": bool, "padding": PADDINGS},
    used_with={"activation": ACTIVATION_OF_ORDER},
    no_default=("activation",),
)


def dwsep(
    g: CostTally,
    x: Shape,
    *,
    kernel: Extent,
    activation: str,
    residual: str = "block",
    units: int = 1,
) -> Shape:
    """Add units of batch normalisation, activation, depthwise and pointwise convolution.

    The number of channels stays. The input of each unit, or of the whole block, is added to what
    comes out of it. A stage asks for several units only where a residual goes around them all:
    elsewhere its depth repeats them.
    """
    entry = x
    for unit in range(1, units + 1):
        h = act(g, norm(g, x, name=f"norm{unit}"), activation, name=f"act{unit}")
        h = depthwise(g, h, kernel, name=f"depthwise{unit}")
        h = pointwise(g, h, x[0], name=f"pointwise{unit}")
        x = add(g, h, x, name=f"add{unit}") if residual == "unit" else h
    return add(g, x, entry) if residual == "block" else x


DWSEP = Block(
    dwsep,
    options={"residual": ("none", "unit", "block"), "units": range(2, 101)},
    used_with={"units": ("residual", ["block"])},
    no_default=("units",),
    odd_kernels=True,
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
    g: CostTally, x: Shape, h: Shape, width: int, stride: Extent, squeeze: float, activation: str
) -> Shape:
    """Add what is behind the depthwise or full convolution, and the input `x`."""
    if squeeze:
        h = squeeze_and_excite(g, h, max(1, int(x[0] * squeeze)), activation)
    h = norm(g, pointwise(g, h, width, name="project"), name="norm3")
    if x[0] != width or h[1:] != x[1:]:
        x = conv(g, x, width, (1,) * len(stride), stride, name="shortcut")
    return add(g, h, x)


MBCONV, FUSED_MBCONV = (
    Block(add_block, {"expand": range(1, 101), "squeeze_excite": float}, odd_kernels=True)
    for add_block in (mbconv, fused_mbconv)
)
