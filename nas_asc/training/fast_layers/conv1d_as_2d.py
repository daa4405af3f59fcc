"""Layers of waveforms on maps with one mel bin, (batch, channels, 1, samples).

PyTorch has no channels-last order for one axis, and its 1-D convolutions take twice as long.
"""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from nas_asc.networks import AveragePool, MaxPool, PaddedConv1d, StridedPointwiseConv1d
from nas_asc.training.fast_layers.batch_norm import batch_norm
from nas_asc.training.fast_layers.depthwise import depthwise, is_depthwise, subsample
from nas_asc.training.fast_layers.memory_format import channels_last


def waveform_as_map(x: Tensor) -> Tensor:
    """Return a waveform, (batch, channels, samples), as a map in channels-last order."""
    return channels_last(x.unsqueeze(2))


def conv1d_as_2d(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return what does to a map what an operation does to a waveform.

    Parameters and statistics stay those of the operation's module.
    """
    if isinstance(operation, nn.Conv1d):
        return partial(_convolve, operation)
    if isinstance(operation, nn.BatchNorm1d):
        return partial(batch_norm, operation)
    if isinstance(operation, MaxPool | AveragePool):
        return operation.as_2d()
    if isinstance(operation, nn.Dropout1d):
        return lambda x: F.dropout2d(x, operation.p, operation.training)
    return operation


def _convolve(conv: nn.Conv1d, x: Tensor) -> Tensor:
    weight, stride = conv.weight.unsqueeze(2), (1, *conv.stride)
    if isinstance(conv, StridedPointwiseConv1d):
        return F.conv2d(subsample(x, stride), weight, conv.bias, groups=conv.groups)
    if isinstance(conv, PaddedConv1d):
        return F.conv2d(F.pad(x, conv.margins), weight, conv.bias, stride, groups=conv.groups)
    if is_depthwise(conv):
        return depthwise(x, weight, stride)
    padding = (0, int(conv.padding[0]))
    return F.conv2d(x, weight, conv.bias, stride, padding, groups=conv.groups)
