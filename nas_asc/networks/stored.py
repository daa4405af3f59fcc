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
activations.scale     with full_int8: as the scales of weights, and int8, one of each per tensor
activations.zero_point  that is kept between layers; see `activations`
```

NumPy has no bfloat16: such an array is the 16 bits of each value, uint16, and nothing else is.
All together they have `Complexity.size_bytes` under the rule `plain`. A network is judged by what
comes back from this form, so that precision and sparsity show in its scores. int8 is symmetric per
output channel (axis 0): value = integer x scale, integers from -127 to 127, the scale the channel's
largest magnitude / 127. What stands beside int8 weights is float16.

A batch norm whose inputs hardly vary has a large scale and, where their mean is far from 0, a shift
of which two bytes have few digits: rounded one by one the two move its output by up to half a step
of the shift. They are rounded together instead, to the pair that is nearest over the inputs which
the norm has seen.
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

Array = NDArray[np.generic]
Values = NDArray[np.float32]

FLOAT16 = np.finfo(np.float16)
_BFLOAT16_MAX = torch.finfo(torch.bfloat16).max
_SCALE_STEPS = np.array(sorted(range(-32, 33), key=abs))[:, None]  # the nearest wins a tie


def to_float(values: NDArray[np.floating], precision: str) -> Array:
    """Round to the float type that `precision` stores floats in; beyond its range to its end."""
    if precision == "float32":
        return values.astype(np.float32)
    if precision == "bfloat16":
        return _bfloat16(values.clip(-_BFLOAT16_MAX, _BFLOAT16_MAX))
    rounded: NDArray[np.float16] = values.clip(FLOAT16.min, FLOAT16.max).astype(np.float16)
    return rounded


def _bfloat16(values: NDArray[np.floating]) -> NDArray[np.uint16]:
    rounded = torch.from_numpy(values.astype(np.float32)).bfloat16()
    bits: NDArray[np.uint16] = rounded.view(torch.uint16).numpy()
    return bits


def to_float32(stored: Array) -> Values:
    """Return stored values, or integers, in float32."""
    if stored.dtype != np.uint16:
        return stored.astype(np.float32)
    values: Values = torch.from_numpy(stored).view(torch.bfloat16).float().numpy()
    return values


def to_short_pair(
    scale: Values, shift: Values, mean: Values, variance: Values, precision: str = "float16"
) -> tuple[Array, Array]:
    """Round the scale and shift of a batch norm to the two-byte pair of least squared error.

    The error is that of input x scale + shift, over inputs of this mean and variance, per channel.
    Scales up to 32 steps away are tried (3 % in float16), each with the shift that goes with it; 0
    stays 0.
    """
    short = to_float(scale, precision)
    nearest = to_float32(short)
    steps = _SCALE_STEPS * _spacing(short) * (nearest != 0)
    scales = to_float(nearest + steps, precision)
    off = to_float32(scales) - scale.astype(np.float64)
    shifts = to_float(shift - off * mean, precision)
    error = np.square(off) * variance + np.square(to_float32(shifts) + off * mean - shift)
    best = error.argmin(axis=0)[None]
    return np.take_along_axis(scales, best, 0)[0], np.take_along_axis(shifts, best, 0)[0]


def _spacing(values: Array) -> NDArray[np.floating]:
    """Return the distance from each value to the next of its type."""
    spacing: NDArray[np.floating]
    if values.dtype == np.float16:
        halves = values.astype(np.float16) / 2  # of the largest one itself it would be infinite
        spacing = 2.0 * np.spacing(halves)
    else:
        spacing = np.ldexp(1.0, np.frexp(to_float32(values))[1] - 8)  # eight binary digits
    return spacing


def to_int8(weight: Values) -> tuple[NDArray[np.int8], Array]:
    """Round a weight, (out, ...), to integers of its shape and scales, (out,)."""
    rows = weight.reshape(len(weight), -1)
    stored = to_short_scales(np.abs(rows).max(axis=1) / 127)
    integers = np.rint(rows / to_float32(stored)[:, None]).clip(-127, 127).astype(np.int8)
    return integers.reshape(weight.shape), stored


def to_short_scales(scales: Values) -> Array:
    """Round scales of integers to two bytes each: float16, where one is out of its range bfloat16.

    One that is 0, of values that are all 0, becomes 1.
    """
    some = np.where(scales < np.finfo(np.float32).tiny, np.float32(1.0), scales)
    if some.min() < FLOAT16.tiny or some.max() > FLOAT16.max:
        return _bfloat16(some)
    return to_float(some, "float16")


def from_int8(integers: NDArray[np.int8], scale: Array) -> Values:
    """Undo `to_int8`."""
    column = to_float32(scale).reshape(-1, *[1] * (integers.ndim - 1))
    return integers.astype(np.float32) * column


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
                _fill(module.bias, take(left, f"{name}.bias"), name)
        elif isinstance(module, BatchNorm):
            _fill(module.weight, take(left, f"{name}.scale"), name)
            _fill(module.bias, take(left, f"{name}.shift"), name)
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
        values = take(left, name)
    else:
        kind = "channels" if f"{name}.channels" in left else "mask"
        bits = len(weight) if kind == "channels" else weight.numel()
        mask = np.unpackbits(take(left, f"{name}.{kind}"), count=bits).astype(bool)
        mask = mask.repeat(weight.numel() // bits)
        kept = take(left, f"{name}.kept")
        if len(kept) != mask.sum():
            raise ExportError(f"{name}: expected {mask.sum()} kept values, found {len(kept)}")
        values = np.zeros(tuple(weight.shape), dtype=kept.dtype)
        values.flat[mask] = kept
    return from_int8(values, take(left, f"{name}.scale")) if values.dtype == np.int8 else values


def take(left: dict[str, Any], name: str) -> Any:
    """Take an array out of those that are left.

    Raises:
        ExportError: it is missing.
    """
    if name not in left:
        raise ExportError(f"{name}: expected this array, found none, is it of another model?")
    return left.pop(name)


def _fill(target: Tensor, values: Array, name: str) -> None:
    if values.shape != tuple(target.shape):
        expected = tuple(target.shape)
        raise ExportError(f"{name}: expected an array of shape {expected}, found {values.shape}")
    target.copy_(torch.from_numpy(to_float32(values)))
