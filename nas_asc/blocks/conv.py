"""The plain convolution block."""

from nas_asc.blocks.block import ordered
from nas_asc.frontend import Shape
from nas_asc.graph import Tally
from nas_asc.layers import Extent, conv


def conv_block(
    g: Tally,
    x: Shape,
    *,
    width: int,
    kernel: Extent,
    stride: Extent,
    activation: str,
    order: str = "conv-norm-act",
    bias: bool = False,
    padding: str = "half",
) -> Shape:
    """Add a convolution with batch normalisation and activation."""
    return ordered(
        g,
        x,
        order,
        activation,
        lambda x: conv(g, x, width, kernel, stride, name="conv", bias=bias, padding=padding),
    )
