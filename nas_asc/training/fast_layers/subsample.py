"""Every stride-th position of a feature map."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nas_asc.training.fast_layers.memory_format import as_computed


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
