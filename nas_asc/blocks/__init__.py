"""Blocks: short functions that add layers to a graph.

Adding a block is one file with one function and one row here. The names of a function's parameters
are the keys that a stage with this block uses in a search space; a default there is the default in
the TOML.
"""

from nas_asc.blocks.basic import basic
from nas_asc.blocks.block import Block
from nas_asc.blocks.conv import conv_block
from nas_asc.blocks.dwsep import dwsep
from nas_asc.blocks.inception import inception
from nas_asc.blocks.mbconv import fused_mbconv, mbconv
from nas_asc.blocks.separable import separable

# Blocks with a shortcut, which has the size of the convolutions only if their kernels are odd.
ODD_KERNEL_BLOCKS = frozenset({"mbconv", "fused_mbconv", "dwsep", "basic"})

BLOCKS: dict[str, Block] = {
    "conv": conv_block,
    "separable": separable,
    "mbconv": mbconv,
    "fused_mbconv": fused_mbconv,
    "inception": inception,
    "dwsep": dwsep,
    "basic": basic,
}
