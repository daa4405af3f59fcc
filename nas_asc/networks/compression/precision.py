"""How values are rounded to the precision that they are stored in.

int8 is symmetric per output channel (axis 0): value = integer x scale, integers from -127 to 127,
the scale a float16 that is the channel's largest magnitude / 127. Only weights of convolutions and
linear layers are int8; what stands beside them is float16.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

LARGEST_FLOAT16 = 65504.0
SMALLEST_FLOAT16 = 2.0**-24


def to_float(values: Values, precision: str) -> NDArray[np.floating]:
    """Round to the float type that `precision` stores floats in; beyond its range to its end."""
    if precision == "float32":
        return values.astype(np.float32)
    return np.clip(values, -LARGEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16)


def to_int8(weight: Values) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Round a weight, (out, ...), to integers of its shape and scales, (out,)."""
    rows = weight.reshape(len(weight), -1)
    largest = np.abs(rows).max(axis=1)
    scale = np.clip(largest / 127, SMALLEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16)
    integers = np.rint(rows / scale.astype(np.float32)[:, None]).clip(-127, 127).astype(np.int8)
    return integers.reshape(weight.shape), scale


def from_int8(integers: NDArray[np.int8], scale: NDArray[np.float16]) -> Values:
    """Undo `to_int8`."""
    column = scale.astype(np.float32).reshape(-1, *[1] * (integers.ndim - 1))
    return integers.astype(np.float32) * column
