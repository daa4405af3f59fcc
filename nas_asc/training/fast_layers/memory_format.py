"""The order of values in memory, and views of it."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def channels_last(x: Tensor) -> Tensor:
    """Bring a feature map into channels-last order."""
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    # with one channel both orders are the same bytes, and torch would take it for the plain one
    batch, _, mels, frames = x.shape
    return x.reshape(batch, mels, frames, 1).permute(0, 3, 1, 2)


def channels_last_gradient(x: Tensor) -> Tensor:
    """Return `x`, and bring its gradient into channels-last order, which poolings do not."""
    return cast(Tensor, _Ordered.apply(x))  # type: ignore[no-untyped-call]  # torch leaves it so


def rows_of(x: Tensor) -> Tensor:
    """View a feature map as its rows, (batch, mel x frame, channels)."""
    batch, channels, mels, frames = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, mels * frames, channels)


def maps_of(rows: Tensor, like: torch.Size) -> Tensor:
    """View rows as a feature map with the batch, mels and frames of the shape `like`."""
    return rows.reshape(like[0], like[2], like[3], -1).permute(0, 3, 1, 2)


def as_computed(x: Tensor) -> Tensor:
    """Cast to the type that autocast, where it is on, lets a convolution compute in."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def exact_type(x: Tensor) -> torch.dtype:
    """Return the type for sums over many values of `x`: float32 or better."""
    return torch.promote_types(x.dtype, torch.float32)


class _Ordered(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous(memory_format=torch.channels_last)
