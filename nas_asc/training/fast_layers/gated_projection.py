"""Squeeze-and-excitation and the 1x1 convolution after it, as one product per clip.

Scaling the channels of a feature map by a gate and then mixing them with a kernel is mixing them
with the scaled kernel. That one is small; the large maps are read and written once less each way.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nas_asc.training.fast_layers.memory_format import as_computed, exact_type, maps_of, rows_of

_ORDER = torch.channels_last


def gated_projection(
    x: Tensor,
    weight: Tensor,
    gate: Callable[[Tensor], Tensor],
    gate_parameters: tuple[Tensor, ...],
) -> Tensor:
    """Scale the channels of a feature map by a gate of their means, and project them.

    Args:
        x: Feature map in channels-last order.
        weight: (out, channels, 1, 1).
        gate: From means to gates, both (batch, channels), float32.
        gate_parameters: What `gate` is made of, to get gradients.
    """
    x = as_computed(x)
    return cast(Tensor, _GatedProjection.apply(x, weight, gate, *gate_parameters))  # type: ignore[no-untyped-call]


class _GatedProjection(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gate: Callable[[Tensor], Tensor], *of_gate: Tensor
    ) -> Tensor:
        rows, kernel = rows_of(x), weight.flatten(1)
        mean = rows.mean(1, dtype=exact_type(x))
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            gates = gate(mean.requires_grad_())
        scaled = (kernel * gates.detach()[:, None, :]).to(x.dtype)
        ctx.save_for_backward(x, weight, scaled)
        ctx.mean, ctx.gates, ctx.of_gate = mean, gates, of_gate
        shape = (len(x), len(weight), *x.shape[2:])
        output = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=_ORDER)
        torch.bmm(rows, scaled.transpose(1, 2), out=rows_of(output))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scaled = ctx.saved_tensors
        rows, above = rows_of(x), rows_of(gradient)
        of_scaled = torch.bmm(above.transpose(1, 2), rows).to(exact_type(x))
        of_weight = (of_scaled * ctx.gates.detach()[:, None, :]).sum(0).reshape(weight.shape)
        of_gates = (of_scaled * weight.flatten(1)).sum(1)
        of_mean, *of_gate = torch.autograd.grad(ctx.gates, (ctx.mean, *ctx.of_gate), of_gates)
        # the mean gets the same gradient from every row: one more column times one more row
        share = (of_mean / rows.shape[1]).to(scaled.dtype)[:, None, :]
        ones = above.new_ones((*above.shape[:2], 1))
        of_rows = torch.bmm(torch.cat([above, ones], 2), torch.cat([scaled, share], 1))
        return maps_of(of_rows, x.shape), of_weight, None, *of_gate
