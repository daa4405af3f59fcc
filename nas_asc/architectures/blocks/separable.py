"""The depthwise separable block (Howard et al., MobileNets, 2017, arXiv 1704.04861)."""

from nas_asc.architectures.blocks.block import ACTIVATION_OF_ORDER, AROUND, ORDERS, Block, add_parts
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import PADDINGS, depthwise, pointwise


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
    if before:
        x = add_parts(g, x, before, activation)
    x = depthwise(g, x, kernel, stride, name="depthwise", padding=padding)
    x = pointwise(g, x, width, name="pointwise", bias=bias)
    return add_parts(g, x, after, activation) if after else x


SEPARABLE = Block(
    separable,
    options={"order": ORDERS, "bias": bool, "padding": PADDINGS},
    used_with={"activation": ACTIVATION_OF_ORDER},
    no_default=("activation",),
)
