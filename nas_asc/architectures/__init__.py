"""What a network is on paper: front end, blocks, head, and the graph of its layers."""

from nas_asc.architectures.architecture import Architecture, Value, assemble, build_graph
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.blocks.block import Option
from nas_asc.architectures.blocks.inception import DEFAULT_BRANCHES
from nas_asc.architectures.frontend import FEATURES_VERSION, FrontEnd, Shape, front_end
from nas_asc.architectures.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    CostTally,
    Dropout,
    Flatten,
    GlobalPool,
    Input,
    Layer,
    Linear,
    Mul,
    Norm,
    Operator,
    Pool,
    buffers,
    describe,
    peak_elements,
    readers,
)
from nas_asc.architectures.layers import (
    ACTIVATIONS,
    DROPOUTS,
    POOL_PADDINGS,
    POOLINGS,
    extent,
    read_dropout,
    read_pool,
)

__all__ = [
    "ACTIVATIONS", "BLOCKS", "DEFAULT_BRANCHES", "DROPOUTS", "FEATURES_VERSION", "POOLINGS",
    "POOL_PADDINGS", "Activation", "Add", "Architecture", "Concat", "Conv", "CostTally",
    "Dropout", "Flatten", "FrontEnd", "GlobalPool", "Input", "Layer", "Linear", "Mul", "Norm",
    "Operator", "Option", "Pool", "Shape", "Value", "assemble", "buffers", "build_graph",
    "describe", "extent", "front_end", "peak_elements", "read_dropout", "read_pool", "readers",
]  # fmt: skip
