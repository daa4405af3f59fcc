"""The inception module (Szegedy et al., 2014, arXiv 1409.4842), as the NTU report uses it."""

from nas_asc.blocks.block import AROUND, add_parts
from nas_asc.errors import ConfigError
from nas_asc.frontend import Shape
from nas_asc.graph import Tally
from nas_asc.layers import concat, conv, pool

# Of each branch with a kernel: its cells along each axis, and what its layers' names begin with.
_BRANCHES = ((3, "branch3x3.", "branch3x3.reduce_"), (5, "branch5x5.", "branch5x5.reduce_"))


def inception(
    g: Tally,
    x: Shape,
    *,
    width: int = 0,
    width_3x3: int = -1,
    width_5x5: int = -1,
    width_pool: int = -1,
    activation: str = "relu",
    order: str = "conv-act",
    bias: bool = True,
) -> Shape:
    """Add three branches side by side and concatenate them.

    1x1 then 3x3, 1x1 then 5x5, and a 3x3 maximum then 1x1. Each has a width of its own, `width` if
    it has none; a branch of width 0 is left out. The 1x1 convolutions are as wide as their branch.

    Raises:
        ConfigError: all branches are left out.
    """
    rank = len(x) - 1
    outputs = []
    for (cells, name, reduce), own_width in zip(_BRANCHES, (width_3x3, width_5x5), strict=True):
        if channels := width if own_width < 0 else own_width:
            h = _convolution(g, x, channels, 1, reduce, activation, order, bias)
            outputs.append(_convolution(g, h, channels, cells, name, activation, order, bias))
    if channels := width if width_pool < 0 else width_pool:
        h = pool(g, x, "max", (3,) * rank, (1,) * rank, name="branch_pool.pool", padding="same")
        outputs.append(_convolution(g, h, channels, 1, "branch_pool.", activation, order, bias))
    if not outputs:
        raise ConfigError(f"{g.prefix}width: expected a branch of at least one channel, got none")
    return concat(g, outputs) if len(outputs) > 1 else outputs[0]


def _convolution(
    g: Tally, x: Shape, width: int, cells: int, prefix: str, activation: str, order: str, bias: bool
) -> Shape:
    before, after = AROUND[order]
    kernel = (cells,) * (len(x) - 1)
    if before:
        x = add_parts(g, x, before, activation, prefix)
    x = conv(g, x, width, kernel, name=prefix + "conv", bias=bias, padding="same")
    return add_parts(g, x, after, activation, prefix) if after else x
