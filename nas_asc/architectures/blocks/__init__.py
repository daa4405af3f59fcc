"""Blocks: short functions that add layers to a graph, each with its options beside it.

Adding a block is one file, with a function and its `Block`, and one row here.
"""

from nas_asc.architectures.blocks.block import Block
from nas_asc.architectures.blocks.conv import BASIC, CONV
from nas_asc.architectures.blocks.inception import INCEPTION
from nas_asc.architectures.blocks.separable import DWSEP, FUSED_MBCONV, MBCONV, SEPARABLE

BLOCKS: dict[str, Block] = {
    "conv": CONV,
    "separable": SEPARABLE,
    "mbconv": MBCONV,
    "fused_mbconv": FUSED_MBCONV,
    "inception": INCEPTION,
    "dwsep": DWSEP,
    "basic": BASIC,
}
