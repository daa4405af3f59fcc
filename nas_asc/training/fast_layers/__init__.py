"""Layers for training in channels-last order on a CPU, where PyTorch's own are slow.

Conventions: feature maps are (batch, channels, mel, frame) with the channels innermost in memory,
so that one is, without a copy, also its rows, (batch, mel x frame, channels). Each function gives
what the plain layers that it stands for give, and their gradients, up to rounding. What each one
gains is in docs/decisions/0012.
"""

from nas_asc.training.fast_layers.batch_norm import batch_norm
from nas_asc.training.fast_layers.depthwise import depthwise, is_depthwise, subsample
from nas_asc.training.fast_layers.gated_projection import gated_projection
from nas_asc.training.fast_layers.memory_format import channels_last, channels_last_gradient

__all__ = [
    "batch_norm",
    "channels_last",
    "channels_last_gradient",
    "depthwise",
    "gated_projection",
    "is_depthwise",
    "subsample",
]
