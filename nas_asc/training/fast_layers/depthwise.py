"""The depthwise convolution, with gradients put as what oneDNN has fast code for.

The gradient of the input is the convolution with the turned kernel; with a stride it is worked out
in float32. The gradient of a weight of five frames is put together from ones of three.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nas_asc.training.fast_layers.memory_format import as_computed, exact_type


def subsample(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Return x[:, :, ::stride[0], ::stride[1]].

    PyTorch's gradient of a slice is in plain order, and with it all gradients further down.
    """
    return cast(Tensor, _Subsample.apply(as_computed(x), stride))  # type: ignore[no-untyped-call]


class _Subsample(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: tuple[int, int]) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        return x[:, :, :: stride[0], :: stride[1]].contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        empty = torch.empty(
            ctx.shape,
            dtype=gradient.dtype,
            device=gradient.device,
            memory_format=torch.channels_last,
        )
        full = empty.zero_()
        full[:, :, :: ctx.stride[0], :: ctx.stride[1]] = gradient
        return full, None


Pair = tuple[int, ...]


def depthwise(x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    """Convolve each channel with its own kernel, padded by half of it on every side.

    Args:
        x: Feature map in channels-last order.
        weight: (channels, 1, mel, frame), with odd numbers of mels and frames.
        stride: One number per axis.
    """
    return cast(Tensor, _Depthwise.apply(as_computed(x), weight, stride))  # type: ignore[no-untyped-call]


def is_depthwise(conv: nn.Conv1d | nn.Conv2d) -> bool:
    """Return whether `depthwise` computes what a convolution does: odd kernels, padded by half."""
    padded_by_half = all(
        k % 2 and p == k // 2 for k, p in zip(conv.kernel_size, conv.padding, strict=True)
    )
    own_kernel = conv.groups == conv.in_channels == conv.out_channels
    return own_kernel and padded_by_half and conv.bias is None


class _Depthwise(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
        ctx.stride = stride
        weight = weight.to(x.dtype)
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, None, stride, _half(weight), 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = _gradient_of_input(gradient, x, weight, ctx.stride)
        of_weight = _gradient_of_weight(gradient, x, weight, ctx.stride)
        return of_x, of_weight.to(exact_type(x)), None


def _half(weight: Tensor) -> tuple[int, int]:
    return weight.shape[2] // 2, weight.shape[3] // 2


def _gradient_of_input(gradient: Tensor, x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    if max(stride) == 1:
        turned = weight.flip(2, 3)
        return F.conv2d(gradient, turned, None, 1, _half(weight), 1, len(weight))
    exact = exact_type(x)
    like = torch.empty_like(x, dtype=exact)
    gradients = _convolution_backward(
        gradient.to(exact), like, weight.to(exact), stride, _half(weight), (True, False, False)
    )
    return gradients[0].to(x.dtype)


def _gradient_of_weight(gradient: Tensor, x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    padding, wanted = _half(weight), (False, True, False)
    if weight.shape[3] != 5 or stride[1] > 2:
        return _convolution_backward(gradient, x, weight, stride, padding, wanted)[1]
    # what the outer taps see, the neighbour's middle taps see: with the gradient moved by one
    left, middle, right = (
        _convolution_backward(
            F.pad(gradient, (-by, by)), x, weight[..., :3], stride, (padding[0], 1), wanted
        )[1]
        for by in (1, 0, -1)
    )
    first, last = stride[1] - 1, 3 - stride[1]
    return torch.cat([left[..., first : first + 1], middle, right[..., last : last + 1]], dim=3)


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: Pair,
    padding: Pair,
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor, ...]:
    """Return the gradients of a depthwise convolution's input, weight and bias, where wanted."""
    return cast(
        tuple[Tensor, ...],
        torch.ops.aten.convolution_backward(
            gradient, x, weight, None, stride, padding, (1, 1), False, (0, 0), len(weight), wanted
        ),
    )
