"""The basic residual block (He et al., 2015, arXiv 1512.03385), as the IMT report uses it."""

from nas_asc.architectures.blocks.block import Block
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import act, add, conv, norm


def basic(
    g: CostTally,
    x: Shape,
    *,
    width: int,
    kernel: Extent,
    stride: Extent,
    activation: str,
) -> Shape:
    """Add two convolutions, the first of which carries the stride, and the input.

    The shortcut is a 1x1 convolution with batch normalisation where the width or the resolution
    changes; an activation follows the addition.
    """
    h = conv(g, x, width, kernel, stride, name="conv1")
    h = act(g, norm(g, h, name="norm1"), activation, name="act1")
    h = norm(g, conv(g, h, width, kernel, name="conv2"), name="norm2")
    if x[0] != width or h[1:] != x[1:]:
        x = conv(g, x, width, (1,) * len(stride), stride, name="shortcut.conv")
        x = norm(g, x, name="shortcut.norm", shortcut=True)
    return act(g, add(g, h, x), activation, name="act2")


BASIC = Block(basic, odd_kernels=True)
