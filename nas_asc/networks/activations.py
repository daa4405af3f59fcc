"""int8 activations: what is kept between the layers of a network has 256 values per tensor.

Conventions: as of Jacob et al. 2018 (arXiv 1712.05877), value = scale x (integer - zero point),
integers from -128 to 127. The range of a tensor is from the smallest to the largest value that it
has for some clips; 0 is always in it and has an integer of its own, so that padding is exact.
Values beyond it become its end. Which tensors are kept is told by `kept_outputs`: between a
convolution, its batch norm and its activation nothing is rounded, as where an integer runtime has
folded the norm into the scales and the bias of the convolution. Logits stay floats.

The rounding is simulated: sums of products are computed in float32, where a device adds integers,
so that a value that lies between two steps may fall to the other side.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas_asc.architectures import Layer, kept_outputs
from nas_asc.errors import DivergedError, ExportError
from nas_asc.networks.rounding import Array, to_float32, to_short_scales

_LOWEST, _HIGHEST = -128, 127
_SCALE, _ZERO_POINT = "activations.scale", "activations.zero_point"


class QuantizedActivations:
    """Rounds what the layers of a network keep, once the ranges have been measured or loaded.

    It is false before, and to be called with the index of each layer and its output.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._places = {layer: place for place, layer in enumerate(kept_outputs(layers))}
        self._measured: NDArray[np.float64] | None = None  # lowest and highest value, (tensor, 2)
        self._arrays: dict[str, Array] = {}
        self._steps: list[tuple[float, int]] = []  # scale and zero point

    def __bool__(self) -> bool:
        return self._measured is not None or bool(self._steps)

    def __call__(self, layer: int, x: Tensor) -> Tensor:
        """Return the output of a layer as those that read it get it."""
        place = self._places.get(layer)
        if place is None:
            return x
        if self._measured is not None:
            low, high = x.aminmax()
            lowest, highest = self._measured[place]
            self._measured[place] = np.minimum(lowest, low.item()), np.maximum(highest, high.item())
            return x
        return torch.fake_quantize_per_tensor_affine(x, *self._steps[place], _LOWEST, _HIGHEST)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Return the context in which a network is run to find the ranges, in floats.

        Raises:
            DivergedError: a value is not a number.
        """
        self._measured = np.zeros((len(self._places), 2))
        try:
            yield
            ranges = self._measured
        finally:
            self._measured = None
        if not np.isfinite(ranges).all():
            raise DivergedError("expected finite activations, got others")
        lowest, highest = ranges.T
        span = (highest - lowest) / (_HIGHEST - _LOWEST)
        scale = to_short_scales(span.astype(np.float32))
        exact = np.rint(_LOWEST - lowest / to_float32(scale)).clip(_LOWEST, _HIGHEST)
        self._set({_SCALE: scale, _ZERO_POINT: exact.astype(np.int8)})

    @property
    def arrays(self) -> Mapping[str, Array]:
        """What a compact file holds of them, by name: three bytes per tensor."""
        return self._arrays

    def load(self, arrays: dict[str, Any]) -> None:
        """Take what `arrays` gave out of those of a file.

        Raises:
            ExportError: they are missing, or not those of such a network.
        """
        found = {name: arrays.pop(name) for name in (_SCALE, _ZERO_POINT) if name in arrays}
        shapes, expected = [each.shape for each in found.values()], (len(self._places),)
        if shapes != [expected] * 2:
            raise ExportError(
                f"{_SCALE}, {_ZERO_POINT}: expected two arrays of shape {expected}, found "
                f"{' and '.join(map(str, shapes)) or 'none'}, are they of another model?"
            )
        scale = to_float32(found[_SCALE])
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ExportError(f"{_SCALE}: expected finite numbers above 0, train it anew")
        self._set(found)

    def _set(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)
        scale = to_float32(arrays[_SCALE]).tolist()
        self._steps = list(zip(scale, arrays[_ZERO_POINT].tolist(), strict=True))
