"""What a network is on paper: front end, blocks, head, and the graph of its layers."""

from nas_asc.architectures.architecture import (
    CHANNEL_REMOVAL,
    RECIPE,
    Architecture,
    Value,
    as_trained,
    build_graph,
    tally_of,
)
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.blocks.block import Option
from nas_asc.architectures.blocks.inception import DEFAULT_BRANCHES
from nas_asc.architectures.channel_groups import ChannelGroups, channel_groups, channels_left
from nas_asc.architectures.frontend import (
    ABSOLUTE,
    FEATURES_VERSION,
    LENGTHS,
    RESAMPLINGS,
    FrontEnd,
    Shape,
    front_end,
    samples_of,
)
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
    kept_outputs,
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
from nas_asc.architectures.mel_bands import band_corners_hz, has_empty_band, highest_centre_hz

__all__ = [
    "ABSOLUTE", "ACTIVATIONS", "BLOCKS", "CHANNEL_REMOVAL", "DEFAULT_BRANCHES", "DROPOUTS",
    "FEATURES_VERSION", "LENGTHS", "POOLINGS", "POOL_PADDINGS", "RECIPE", "RESAMPLINGS",
    "Activation", "Add", "Architecture", "ChannelGroups", "Concat", "Conv", "CostTally", "Dropout",
    "Flatten", "FrontEnd", "GlobalPool", "Input", "Layer", "Linear", "Mul", "Norm", "Operator",
    "Option", "Pool", "Shape", "Value", "as_trained", "band_corners_hz", "buffers", "build_graph",
    "channel_groups", "channels_left", "describe", "extent", "front_end", "has_empty_band",
    "highest_centre_hz", "kept_outputs", "peak_elements", "read_dropout", "read_pool", "readers",
    "samples_of", "tally_of",
]  # fmt: skip
