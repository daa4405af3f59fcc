"""Batch norms for training in channels-last order on a CPU, in fewer passes over memory.

Conventions: as of `fast_layers`. Sums of squares over a large map are taken as small matrix
products, which read it once and write nothing. What each one gains is in docs/decisions/0012.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nas_asc.errors import TrainingError
from nas_asc.training.fast_layers import channels_last, exact_type, maps_of, rows_of

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d

FEW_CHANNELS = 16  # below, torch's own is slow where they do not fill vector registers
_REGISTER = 8  # float32 values of one with AVX2
WIDENING = 2.5  # from so many outputs to an input on, sums over the inputs take less time


def batch_norm(norm: BatchNorm, x: Tensor) -> Tensor:
    """Apply a batch norm as in training, and update its running statistics.

    To a feature map in any order, or a vector, (batch, features). PyTorch works through a row of
    channels at a time, and a short row leaves most of a vector register empty. Of few channels a
    row is here as many rows as there are clips; totals are folded to channels at the end.

    Raises:
        TrainingError: there is one value per channel, which has no variance.
    """
    _check(x)
    channels = x.shape[1]
    if x.dim() != 4 or channels >= FEW_CHANNELS or channels % _REGISTER == 0:
        assert norm.momentum is not None
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
        state = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return F.batch_norm(x, *state, training=True, momentum=norm.momentum, eps=norm.eps)
    few: Callable[..., Tensor] = _FewChannelNorm.apply
    return few(channels_last(x), norm.weight, norm.bias, norm)


def mixed_norm(norm: BatchNorm, x: Tensor, weight: Tensor) -> Tensor:
    """Mix the channels of a float32 map by a 1x1 convolution, and apply a batch norm to the result.

    The weight is (out, channels, 1, 1), or (out, channels, 1). Mean and variance of what a matrix
    makes of channels follow from their means and covariances. With far fewer channels than outputs
    these are soon known, and the norm becomes part of the matrix: the large map, of the outputs, is
    written once, normalised. Its gradient is read twice and changed nowhere, since the gradient of
    the norm is one through the matrix, too.

    Raises:
        TrainingError: there is one value per channel, which has no variance.
    """
    _check(x)
    mixed: Callable[..., Tensor] = _MixedNorm.apply
    return mixed(x, weight, norm.weight, norm.bias, norm)


def _check(x: Tensor) -> None:
    if x.numel() == x.shape[1]:
        raise TrainingError(
            "expected several values per channel in a batch normalisation, got one, "
            "raise recipe.batch_size above 1 or add training clips"
        )


def _track(norm: BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    """Update the running statistics by a mean and a variance of so many values per channel."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)


class _FewChannelNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: BatchNorm) -> Tensor:
        batch, channels = x.shape[:2]
        folded = _folded(x)
        count = len(folded) * batch
        mean = _total(folded, batch) / count
        centred = (folded - _repeated(mean, batch)).view(count, channels)
        with torch.autocast(x.device.type, enabled=False):
            variance = torch.mm(centred.t(), centred).diagonal() / count
        inverse = (variance + norm.eps).rsqrt()
        # not a view, so that an activation may work in place
        output = torch.empty_like(x, memory_format=torch.channels_last)
        slope, level = (_repeated(each, batch) for each in (weight * inverse, bias))
        torch.addcmul(level, centred.view(folded.shape), slope, out=_folded(output))
        _track(norm, mean, variance, count)
        ctx.save_for_backward(centred, weight, inverse)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        centred, weight, inverse = ctx.saved_tensors
        batch, count = len(gradient), len(centred)
        folded = _folded(gradient)
        rows = folded.view(centred.shape).to(centred.dtype)
        of_bias = _total(folded, batch)
        product = torch.mm(rows.t(), centred).diagonal()
        slope = weight * inverse
        level, tilt = -slope * of_bias / count, -slope * product * inverse.square() / count
        slope, level, tilt = (_repeated(each, batch) for each in (slope, level, tilt))
        of_rows = torch.addcmul(level, rows.view(folded.shape), slope)
        of_rows.addcmul_(centred.view(folded.shape), tilt)
        of_x = maps_of(of_rows.to(gradient.dtype), gradient.shape)
        return of_x, product * inverse, of_bias, None


def _folded(x: Tensor) -> Tensor:
    """View a map as rows of as many rows of channels as there are clips.

    A gradient may come in any order, and is then copied.
    """
    return rows_of(x).reshape(-1, x.shape[0] * x.shape[1]).contiguous()


def _total(folded: Tensor, batch: int) -> Tensor:
    """Sum rows of `batch` times the channels to one value per channel."""
    return folded.sum(0, dtype=exact_type(folded)).view(batch, -1).sum(0)


def _repeated(values: Tensor, batch: int) -> Tensor:
    """Give one value per channel as `_folded` rows have them."""
    return values.expand(batch, -1).reshape(-1)


class _MixedNorm(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, norm: BatchNorm
    ) -> Tensor:
        batch, channels = x.shape[:2]
        folded, matrix = _folded(x), weight.flatten(1)
        count = len(folded) * batch
        mean = _total(folded, batch) / count
        # with a column of ones, by which products give sums, too, and add the shift
        centred = folded.new_ones(count, channels + 1)
        torch.sub(folded.view(count, channels), mean, out=centred[:, :channels])
        covariances = torch.mm(centred.t(), centred)[:channels, :channels] / count
        mixed = matrix @ covariances
        variance = (mixed * matrix).sum(1).clamp_(min=0)  # by rounding it may be below
        inverse = (variance + norm.eps).rsqrt()
        normed = torch.cat([matrix * (scale * inverse)[:, None], shift[:, None]], 1)
        shape = (batch, len(matrix), *x.shape[2:])
        output = torch.empty(
            shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last
        )
        torch.mm(centred, normed.t(), out=rows_of(output).view(count, -1))
        ctx.save_for_backward(centred, matrix, mixed, scale * inverse, inverse)
        ctx.weight_shape = weight.shape
        _track(norm, matrix @ mean, variance, count)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        centred, matrix, mixed, slope, inverse = ctx.saved_tensors
        count, channels = len(centred), matrix.shape[1]
        rows = rows_of(gradient).reshape(count, -1)
        products = torch.mm(rows.t(), centred)
        of_shift, products = products[:, channels], products[:, :channels]
        of_scale = (matrix * products).sum(1) * inverse
        normed, tilt = matrix * slope[:, None], (of_scale * inverse)[:, None]
        of_matrix = slope[:, None] * (products - tilt * mixed)
        # what the mean and the variance take back from each row
        back = torch.cat([(normed * tilt).t() @ matrix, (of_shift @ normed)[None]])
        of_rows = torch.mm(rows, normed).addmm_(centred, back, alpha=-1 / count)
        of_x = maps_of(of_rows, gradient.shape)
        return of_x, of_matrix.view(ctx.weight_shape), of_scale, of_shift, None
