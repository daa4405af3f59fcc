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
    activation: str = "relu",
    order: str = "conv-norm-act",
    bias: bool = False,
    padding: str = "half",
    factorised: bool = False,
) -> Shape:
    """Add a convolution with batch normalisation and activation.

    A factorised one is two, along the mel axis and then along the frames: 7x1 and 1x7 for 7x7, as
    in the SRPOL report. Each carries its part of the stride and, if so, a bias.
    """

    def convolve(x: Shape) -> Shape:
        if factorised and len(x) == 3:
            x = conv(
                g,
                x,
                width,
                (kernel[0], 1),
                (stride[0], 1),
                name="conv_mel",
                bias=bias,
                padding=padding,
            )
            return conv(
                g,
                x,
                width,
                (1, kernel[1]),
                (1, stride[1]),
                name="conv_frame",
                bias=bias,
                padding=padding,
            )
        return conv(g, x, width, kernel, stride, name="conv", bias=bias, padding=padding)

    return ordered(g, x, order, activation, convolve)
