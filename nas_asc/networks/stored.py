"""The stored form of a network: exactly the arrays that a compact file holds.

```
NAME.weight           of a convolution or linear layer: float32, float16, bfloat16 or int8
NAME.weight.mask      in its place if pruned and smaller so: a bit per value, the first value in the
NAME.weight.kept      highest bit; and the values whose bit is set, in order
NAME.weight.channels  in the mask's place if whole output channels were pruned: a bit per channel
NAME.weight.scale     with int8: float16, one per output channel; where one of them is too small or
                      large for all digits of float16, bfloat16
NAME.bias             float32 or bfloat16, else float16
NAME.scale, .shift    of a batch norm at inference: output = input x scale + shift, per channel
activations.scale,    with full_int8: two bytes as a scale of weights has, and int8, for each tensor
    .zero_point       that is kept between layers; see `activations`
```

All together they have `Complexity.size_bytes` under the rule `plain`. A network is judged by what
comes back from this form, so that precision and sparsity show in its scores. What stands beside
int8 weights is float16. How values are rounded stands in `rounding`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas_asc.complexity import INT8, NOT_PRUNED, Pruning
from nas_asc.errors import ExportError
from nas_asc.networks.pruning import BatchNorm, Kernel, masks_of
from nas_asc.networks.rounding import (
    Array,
    from_int8,
    to_float,
    to_float32,
    to_int8,
    to_short_pair,
)


def store(network: nn.Module, *, precision: str, pruning: Pruning = NOT_PRUNED) -> dict[str, Array]:
    """Return the arrays of a trained network of convolutions, linear layers and batch norms.

    The precision is one of `BYTES_PER_VALUE`. What was not pruned in training is pruned here. With
    full_int8 `QuantizedActivations.arrays` are to be added.

    Raises:
        ExportError: a value is not a number, or a layer has parameters of another kind.
    """
    arrays: dict[str, Array] = {}
    masks = masks_of(network, pruning)
    for name, module in network.named_modules():
        mask = masks.get(f"{name}.weight")
        if isinstance(module, Kernel):
            arrays |= _store_weight(f"{name}.weight", module.weight, precision, mask)
            if module.bias is not None:
                bias = _numpy(f"{name}.bias", module.bias)
                arrays[f"{name}.bias"] = to_float(bias, precision)
        elif isinstance(module, BatchNorm):
            arrays |= _store_norm(name, module, precision, mask)
        elif next(module.parameters(recurse=False), None) is not None:
            kind = type(module).__name__
            raise ExportError(f"{name}: expected a convolution, linear or norm layer, got {kind}")
    return arrays


@torch.no_grad()
def restore(network: nn.Module, arrays: Mapping[str, Array]) -> None:
    """Write what `store` gave into a network of the same architecture, for inference.

    Raises:
        ExportError: an array is missing, left over or of another shape.
    """
    left = dict(arrays)
    for name, module in network.named_modules():
        if isinstance(module, Kernel):
            _fill(module.weight, _restore_weight(left, f"{name}.weight", module.weight), name)
            if module.bias is not None:
                _fill(module.bias, _take(left, f"{name}.bias"), name)
        elif isinstance(module, BatchNorm):
            _fill(module.weight, _take(left, f"{name}.scale"), name)
            _fill(module.bias, _take(left, f"{name}.shift"), name)
            module.get_buffer("running_mean").zero_()
            module.get_buffer("running_var").fill_(1 - module.eps)  # so that it divides by 1
    if left:
        raise ExportError(f"{next(iter(left))}: expected no such array, is it of another model?")


def _numpy(name: str, values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().float().cpu().contiguous().numpy()
    if not np.isfinite(array).all():
        raise ExportError(f"{name}: expected numbers, found NaN or infinity, train it anew")
    return array


def _store_weight(
    name: str, weight: Tensor, precision: str, mask: Tensor | None
) -> dict[str, Array]:
    """Store a kernel; a mask is of its shape, or (out,) where whole channels were pruned."""
    values = _numpy(name, weight)
    if mask is not None:
        kept_here = mask.cpu().numpy()
        values = values * kept_here.reshape(*kept_here.shape, *[1] * (values.ndim - mask.dim()))
    stored: dict[str, Array] = {}
    dense: Array
    if precision in INT8:
        dense, stored[f"{name}.scale"] = to_int8(values)
    else:
        dense = to_float(values, precision)
    if mask is not None:
        bits, kept = np.packbits(kept_here), dense[kept_here].reshape(-1)
        if bits.nbytes + kept.nbytes < dense.nbytes:
            kind = "mask" if mask.shape == weight.shape else "channels"
            return stored | {f"{name}.{kind}": bits, f"{name}.kept": kept}
    return stored | {name: dense}


def _store_norm(
    name: str, norm: BatchNorm, precision: str, mask: Tensor | None
) -> dict[str, Array]:
    """Store a batch norm; a mask is of its scales."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    weight = norm.weight if mask is None else norm.weight * mask
    exact_scale = weight / (variance + norm.eps).sqrt()
    exact_shift = norm.bias - mean * exact_scale
    scale, shift = _numpy(f"{name}.scale", exact_scale), _numpy(f"{name}.shift", exact_shift)
    stored: tuple[Array, Array] = (scale, shift)
    if precision != "float32":
        kind = "bfloat16" if precision == "bfloat16" else "float16"
        stored = to_short_pair(scale, shift, mean.cpu().numpy(), variance.cpu().numpy(), kind)
    return {f"{name}.scale": stored[0], f"{name}.shift": stored[1]}


def _restore_weight(left: dict[str, Any], name: str, weight: Tensor) -> Any:
    if name in left:
        values = _take(left, name)
    else:
        kind = "channels" if f"{name}.channels" in left else "mask"
        bits = len(weight) if kind == "channels" else weight.numel()
        mask = np.unpackbits(_take(left, f"{name}.{kind}"), count=bits).astype(bool)
        mask = mask.repeat(weight.numel() // bits)
        kept = _take(left, f"{name}.kept")
        if len(kept) != mask.sum():
            raise ExportError(f"{name}: expected {mask.sum()} kept values, found {len(kept)}")
        values = np.zeros(tuple(weight.shape), dtype=kept.dtype)
        values.flat[mask] = kept
    return from_int8(values, _take(left, f"{name}.scale")) if values.dtype == np.int8 else values


def _take(left: dict[str, Any], name: str) -> Any:
    if name not in left:
        raise ExportError(f"{name}: expected this array, found none, is it of another model?")
    return left.pop(name)


def _fill(target: Tensor, values: Array, name: str) -> None:
    if values.shape != tuple(target.shape):
        expected = tuple(target.shape)
        raise ExportError(f"{name}: expected an array of shape {expected}, found {values.shape}")
    target.copy_(torch.from_numpy(to_float32(values)))
