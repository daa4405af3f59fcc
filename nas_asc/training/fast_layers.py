"""Layers for training in channels-last order on a CPU, where PyTorch's own are slow.

Conventions: feature maps are (batch, channels, mel, frame) with the channels innermost in memory,
so that one is, without a copy, also its rows, (batch, mel x frame, channels). Each function gives
what the plain layers that it stands for give, and their gradients, up to rounding. What each one
gains is in docs/decisions/0012.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_ORDER = torch.channels_last
_LARGE = 500_000  # values of a map

# of Klambauer et al. 2017 (arXiv 1706.02515)
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

Pair = tuple[int, ...]


def channels_last(x: Tensor) -> Tensor:
    """Bring a feature map into channels-last order."""
    if x.shape[1] > 1:
        return x.contiguous(memory_format=_ORDER)
    # with one channel both orders are the same bytes, and torch would take it for the plain one
    batch, _, mels, frames = x.shape
    return x.reshape(batch, mels, frames, 1).permute(0, 3, 1, 2)


def channels_last_gradient(x: Tensor) -> Tensor:
    """Return `x`, and bring its gradient into channels-last order, which poolings do not."""
    x = x.view_as(x)
    if x.requires_grad:
        x.register_hook(channels_last)  # type: ignore[no-untyped-call]
    return x


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


def subsample(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Return x[:, :, ::stride[0], ::stride[1]].

    PyTorch's gradient of a slice is in plain order, and with it all gradients further down.
    """
    return cast(Tensor, _Subsample.apply(as_computed(x), stride))  # type: ignore[no-untyped-call]


class _Subsample(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: tuple[int, int]) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        return x[:, :, :: stride[0], :: stride[1]].contiguous(memory_format=_ORDER)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        kind, device = gradient.dtype, gradient.device
        full = torch.empty(ctx.shape, dtype=kind, device=device, memory_format=_ORDER).zero_()
        full[:, :, :: ctx.stride[0], :: ctx.stride[1]] = gradient
        return full, None


def depthwise(x: Tensor, weight: Tensor, stride: Pair) -> Tensor:
    """Convolve each channel with its own kernel, padded by half of it on every side.

    The map is in channels-last order; the weight is (channels, 1, mel, frame), of odd numbers of
    mels and frames. Gradients are put as what oneDNN has fast code for: that of the input is the
    convolution with the turned kernel, with a stride it is worked out in float32; that of a weight
    of five frames is put together from ones of three.
    """
    return cast(Tensor, _Depthwise.apply(as_computed(x), weight, stride))  # type: ignore[no-untyped-call]


def is_depthwise(conv: nn.Conv1d | nn.Conv2d) -> bool:
    """Return whether `depthwise` computes what a convolution does: odd kernels, padded by half."""
    sides = zip(conv.kernel_size, conv.padding, strict=True)
    own_kernel = conv.groups == conv.in_channels == conv.out_channels
    return own_kernel and conv.bias is None and all(k % 2 and p == k // 2 for k, p in sides)


def saves_time(x: Tensor, weight: Tensor) -> bool:
    """Return whether `depthwise` takes less time than PyTorch's own: in bfloat16, or on large maps.

    In float32 only weights of five frames are so slow that it does.
    """
    if torch.is_autocast_enabled(x.device.type):
        return True
    return weight.shape[3] == 5 and x.numel() >= _LARGE


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
        gradient = gradient.contiguous(memory_format=_ORDER)
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
    gradient: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, wanted: Sequence[bool]
) -> tuple[Tensor, ...]:
    """Return the gradients of a depthwise convolution's input, weight and bias, where wanted."""
    gradients = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, stride, padding, (1, 1), False, (0, 0), len(weight), wanted
    )
    return cast(tuple[Tensor, ...], gradients)


# The gradient of an activation, by its name, from that of its output and its input.
ACTIVATION_GRADIENTS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda gradient, x: torch.ops.aten.threshold_backward(gradient, x, 0),
    "silu": torch.ops.aten.silu_backward,
    "hardswish": torch.ops.aten.hardswish_backward,
    "selu": lambda gradient, x: torch.ops.aten.elu_backward(
        gradient, _SELU_ALPHA, _SELU_SCALE, 1.0, False, x
    ),
}


def gated_projection(
    x: Tensor, weight: Tensor, activation: str, gate: tuple[Tensor, Tensor, Tensor, Tensor]
) -> Tensor:
    """Scale the channels of a map by a gate of their means, and project them by a weight.

    The weight is (out, channels, 1, 1). The gate is an activation, by name, and then a sigmoid
    behind 1x1 convolutions: weight and bias to the hidden channels, weight and bias back. This is
    squeeze-and-excitation and the 1x1 convolution after it as one product per clip: mixing scaled
    channels with a kernel is mixing them with the scaled kernel. That one is small; the large maps,
    in channels-last order, are read and written once less each way.
    """
    x = as_computed(x)
    return cast(Tensor, _GatedProjection.apply(x, weight, activation, *gate))  # type: ignore[no-untyped-call]


class _GatedProjection(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        activation: str,
        reduce: Tensor,
        reduce_bias: Tensor,
        expand: Tensor,
        expand_bias: Tensor,
    ) -> Tensor:
        rows, kernel = rows_of(x), weight.flatten(1)
        inwards, outwards = reduce.flatten(1), expand.flatten(1)
        mean = rows.mean(1, dtype=exact_type(x))
        with torch.autocast(x.device.type, enabled=False):
            hidden = F.linear(mean, inwards, reduce_bias)
            active = getattr(F, activation)(hidden)
            gates = F.linear(active, outwards, expand_bias).sigmoid_()
        scaled = (kernel * gates[:, None, :]).to(x.dtype)
        ctx.save_for_backward(x, kernel, scaled, mean, hidden, active, gates, inwards, outwards)
        ctx.activation = activation
        ctx.shapes = weight.shape, reduce.shape, expand.shape
        shape = (len(x), len(weight), *x.shape[2:])
        output = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=_ORDER)
        torch.bmm(rows, scaled.transpose(1, 2), out=rows_of(output))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel, scaled, mean, hidden, active, gates, inwards, outwards = ctx.saved_tensors
        rows, above = rows_of(x), rows_of(gradient)
        of_scaled = torch.bmm(above.transpose(1, 2), rows).to(exact_type(x))
        of_weight = (of_scaled * gates[:, None, :]).sum(0)
        behind = torch.ops.aten.sigmoid_backward((of_scaled * kernel).sum(1), gates)
        of_hidden = ACTIVATION_GRADIENTS[ctx.activation](torch.mm(behind, outwards), hidden)
        of_reduce, of_expand = torch.mm(of_hidden.t(), mean), torch.mm(behind.t(), active)
        # the mean gets the same gradient from every row: one more column times one more row
        share = (torch.mm(of_hidden, inwards) / rows.shape[1]).to(scaled.dtype)[:, None, :]
        ones = above.new_ones((*above.shape[:2], 1))
        of_rows = torch.bmm(torch.cat([above, ones], 2), torch.cat([scaled, share], 1))
        of_weights = (of_weight, of_reduce, of_expand)
        of_weight, of_reduce, of_expand = map(Tensor.view, of_weights, ctx.shapes)
        of_biases = of_hidden.sum(0), behind.sum(0)
        of_x = maps_of(of_rows, x.shape)
        return of_x, of_weight, None, of_reduce, of_biases[0], of_expand, of_biases[1]
