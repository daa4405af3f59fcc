"""The plain convolution block, and the basic residual block.

He et al., 2015, arXiv 1512.03385; `basic` as the IMT report uses it.
"""

from nas_asc.architectures.blocks.block import ACTIVATION_OF_ORDER, AROUND, ORDERS, Block, add_parts
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import PADDINGS, act, add, conv, norm


def conv_block(
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
    factorised: bool = False,
) -> Shape:
    """Add a convolution with batch normalisation and activation.

    A factorised one is two, along the mel axis and then along the frames: 7x1 and 1x7 for 7x7, as
    in the SRPOL report. Each carries its part of the stride and, if so, a bias.
    """
    before, after = AROUND[order]
    x = add_parts(g, x, before, activation) if before else x
    if factorised and len(x) == 3:
        mel, frame = (kernel[0], 1), (1, kernel[1])
        x = conv(g, x, width, mel, (stride[0], 1), name="conv_mel", bias=bias, padding=padding)
        x = conv(g, x, width, frame, (1, stride[1]), name="conv_frame", bias=bias, padding=padding)
    else:
        x = conv(g, x, width, kernel, stride, name="conv", bias=bias, padding=padding)
    return add_parts(g, x, after, activation) if after else x


CONV = Block(
    conv_block,
    options={"order": ORDERS, "bias": bool, "padding": PADDINGS, "factorised": bool},
    used_with={"activation": ACTIVATION_OF_ORDER},
    no_default=("activation",),
)


def basic(
    g: CostTally, x: Shape, *, width: int, kernel: Extent, stride: Extent, activation: str
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
