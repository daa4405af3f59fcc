"""Depthwise separable units with a residual, after the NetEase report (DCASE 2023 task 1)."""

from nas_asc.architectures.blocks.block import Block
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import act, add, depthwise, norm, pointwise

RESIDUALS = ("none", "unit", "block")


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
    options={"residual": RESIDUALS, "units": range(2, 101)},
    used_with={"units": ("residual", ["block"])},
    no_default=("units",),
    odd_kernels=True,
)
