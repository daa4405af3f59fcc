"""Values as a compact file holds them: floats of two bytes, and integers with scales.

Conventions: NumPy has no bfloat16: such an array is the 16 bits of each value, uint16, and nothing
else is. int8 is symmetric per output channel (axis 0): value = integer x scale, integers from -127
to 127, the scale the channel's largest magnitude / 127.

A batch norm whose inputs hardly vary has a large scale and, where their mean is far from 0, a shift
of which two bytes have few digits: rounded one by one the two move its output by up to half a step
of the shift. They are rounded together instead, to the pair that is nearest over the inputs which
the norm has seen.
"""

import numpy as np
import torch
from numpy.typing import NDArray

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
