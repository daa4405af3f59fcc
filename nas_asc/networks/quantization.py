"""Training that expects int8 weights: fake quantization with a straight-through estimator.

Jacob et al. 2018 (arXiv 1712.05877): the forward pass sees weights as they will be stored, and the
gradient that it gives is taken for that of the exact ones (Bengio et al. 2013, arXiv 1308.3432),
which are what is trained. Weights are rounded as in `rounding`: symmetric, a scale per output
channel. None is clipped, since the largest magnitude of a channel sets its scale, so every gradient
passes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nas_asc.networks.pruning import Kernel

_FLOAT16 = torch.finfo(torch.float16)


def fake_int8(weight: Tensor) -> Tensor:
    """Return what `to_int8` and `from_int8` make of a weight, (out, ...), wherever it lies."""
    rows = weight.detach().flatten(1)
    scale = rows.abs().amax(dim=1) / 127
    scale = torch.where(scale < torch.finfo().tiny, 1.0, scale)
    in_range = (scale.min() >= _FLOAT16.tiny) & (scale.max() <= _FLOAT16.max)
    float16 = scale.clamp(max=_FLOAT16.max).half().float()
    scale = torch.where(in_range, float16, scale.bfloat16().float())[:, None]
    return ((rows / scale).round().clamp(-127, 127) * scale).reshape(weight.shape)


class FakeQuantizer:
    """Lets the convolutions and linear layers of a network compute with int8 weights for a while.

    The weights are written over in place and put back, so that recorded steps, views of them and
    masks stay what they are.
    """

    def __init__(self, network: nn.Module) -> None:
        self._weights = [m.weight for m in network.modules() if isinstance(m, Kernel)]

    @contextmanager
    def quantized(self) -> Iterator[None]:
        """Return the context in which the weights are rounded."""
        with torch.no_grad():
            exact = [weight.detach().clone() for weight in self._weights]
            torch._foreach_copy_(self._weights, [fake_int8(weight) for weight in self._weights])
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self._weights, exact)
