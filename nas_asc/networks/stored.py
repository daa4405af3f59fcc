"""The stored form of a network: exactly the arrays that a compact file holds.

```
NAME.weight           of a convolution or linear layer: float32, float16 or int8
NAME.weight.mask      in its place if pruned and smaller so: a bit per value, the first value in the
NAME.weight.kept      highest bit; and the values whose bit is set, in order
NAME.weight.channels  in the mask's place if whole output channels were pruned: a bit per channel
NAME.weight.scale     with int8: float16, one per output channel
NAME.bias             float32, else float16
NAME.scale, .shift    of a batch norm at inference: output = input x scale + shift, per channel
```

All together they have `Complexity.size_bytes` under the rule `plain`. A network is judged by what
comes back from this form, so that precision and sparsity show in its scores. int8 is symmetric per
output channel (axis 0): value = integer x scale, integers from -127 to 127, the scale the channel's
largest magnitude / 127. What stands beside int8 weights is float16.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas_asc.complexity import NOT_PRUNED, Pruning
from nas_asc.errors import ExportError
from nas_asc.networks.pruning import BatchNorm, Kernel, masks_of

Array = NDArray[np.generic]
Values = NDArray[np.float32]

FLOAT16 = np.finfo(np.float16)


def to_float(values: Values, precision: str) -> NDArray[np.floating]:
    """Round to the float type that `precision` stores floats in; beyond its range to its end."""
    if precision == "float32":
        return values.astype(np.float32)
    return np.clip(values, FLOAT16.min, FLOAT16.max).astype(np.float16)


def to_int8(weight: Values) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Round a weight, (out, ...), to integers of its shape and scales, (out,)."""
    rows = weight.reshape(len(weight), -1)
    largest = np.abs(rows).max(axis=1)
    scale = np.clip(largest / 127, FLOAT16.smallest_subnormal, FLOAT16.max).astype(np.float16)
    integers = np.rint(rows / scale.astype(np.float32)[:, None]).clip(-127, 127).astype(np.int8)
    return integers.reshape(weight.shape), scale


def from_int8(integers: NDArray[np.int8], scale: NDArray[np.float16]) -> Values:
    """Undo `to_int8`."""
    column = scale.astype(np.float32).reshape(-1, *[1] * (integers.ndim - 1))
    return integers.astype(np.float32) * column


def store(network: nn.Module, *, precision: str, pruning: Pruning = NOT_PRUNED) -> dict[str, Array]:
    """Return the arrays of a trained network of convolutions, linear layers and batch norms.

    The precision is float32, float16 or int8; what was not pruned in training is pruned here.

    Raises:
        ExportError: a value is not a number, or a layer has parameters of another kind.
    """
    arrays: dict[str, Array] = {}
    masks = masks_of(network, pruning)
    for name, module in network.named_modules():
        values: dict[str, Tensor] = {}
        mask = masks.get(f"{name}.weight")
        if isinstance(module, Kernel):
            arrays |= _store_weight(f"{name}.weight", module.weight, precision, mask)
            if module.bias is not None:
                values = {"bias": module.bias}
        elif isinstance(module, BatchNorm):
            weight = module.weight if mask is None else module.weight * mask
            scale = weight / (module.get_buffer("running_var") + module.eps).sqrt()
            shift = module.bias - module.get_buffer("running_mean") * scale
            values = {"scale": scale, "shift": shift}
        elif next(module.parameters(recurse=False), None) is not None:
            kind = type(module).__name__
            raise ExportError(f"{name}: expected a convolution, linear or norm layer, got {kind}")
        for key, value in values.items():
            arrays[f"{name}.{key}"] = to_float(_numpy(f"{name}.{key}", value), precision)
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
    if precision == "int8":
        dense, stored[f"{name}.scale"] = to_int8(values)
    else:
        dense = to_float(values, precision)
    if mask is not None:
        bits, kept = np.packbits(kept_here), dense[kept_here].reshape(-1)
        if bits.nbytes + kept.nbytes < dense.nbytes:
            kind = "mask" if mask.shape == weight.shape else "channels"
            return stored | {f"{name}.{kind}": bits, f"{name}.kept": kept}
    return stored | {name: dense}


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
    target.copy_(torch.from_numpy(values.astype(np.float32)))
