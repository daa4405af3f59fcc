"""Batch norm of few channels.

PyTorch works through a row of channels at a time, and a short row leaves most of a vector register
empty. Here a row is as many rows as there are clips; totals are folded to channels at the end.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nas_asc.errors import TrainingError
from nas_asc.training.fast_layers.memory_format import channels_last, exact_type, maps_of, rows_of

FEW_CHANNELS = 16  # below the float32 values of one AVX-512 register


def batch_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Apply a batch norm as in training, and update its running statistics.

    Args:
        norm: whose parameters and statistics.
        x: Feature map in any order, or a vector, (batch, features).

    Raises:
        TrainingError: there is one value per channel, which has no variance.
    """
    if x.numel() == x.shape[1]:
        raise TrainingError(
            "expected several values per channel in a batch normalisation, got one, "
            "raise recipe.batch_size above 1 or add training clips"
        )
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked.add_(1)
    output: Tensor
    if x.dim() != 4 or x.shape[1] >= FEW_CHANNELS:
        output = F.batch_norm(
            x,
            norm.running_mean,
            norm.running_var,
            norm.weight,
            norm.bias,
            training=True,
            momentum=norm.momentum,
            eps=norm.eps,
        )
        return output
    output, mean, variance = _FewChannelNorm.apply(  # type: ignore[no-untyped-call]
        channels_last(x), norm.weight, norm.bias, norm.eps
    )
    count = x.numel() / x.shape[1]
    with torch.no_grad():
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
    return output


class _FewChannelNorm(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, channels = x.shape[:2]
        rows = rows_of(x).reshape(-1, batch * channels)
        mean = _total(rows, batch) / (rows.shape[0] * batch)
        centred = rows - mean.repeat(batch)
        variance = _total(centred.square(), batch) / (rows.shape[0] * batch)
        inverse = (variance + epsilon).rsqrt()
        output = torch.empty_like(x)  # not a view, so that an activation may work in place
        slope, level = (weight * inverse).repeat(batch), bias.repeat(batch)
        torch.addcmul(level, centred, slope, out=rows_of(output).view(rows.shape))
        ctx.save_for_backward(centred, weight, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return output, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        centred, weight, inverse = ctx.saved_tensors
        batch = gradient.shape[0]
        count = centred.shape[0] * batch
        rows = rows_of(gradient).reshape(centred.shape)
        of_bias, product = _total(rows, batch), _total(rows * centred, batch)
        slope = weight * inverse
        level, tilt = -slope * of_bias / count, -slope * product * inverse.square() / count
        of_rows = torch.addcmul(level.repeat(batch), rows, slope.repeat(batch))
        of_rows.addcmul_(centred, tilt.repeat(batch))
        of_x = maps_of(of_rows.to(gradient.dtype), gradient.shape)
        return of_x, product * inverse, of_bias, None


def _total(values: Tensor, batch: int) -> Tensor:
    """Sum rows of `batch` times the channels to one value per channel."""
    return values.sum(0, dtype=exact_type(values)).view(batch, -1).sum(0)
