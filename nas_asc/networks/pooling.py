"""Local pooling, with TensorFlow's padding too.

Conventions: x is (batch, channels, mel, frame) or (batch, channels, samples). Padded cells count
neither in a maximum nor in an average.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Margins = list[tuple[int, int]]


def same_margins(
    axes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> Margins:
    """Return (before, after) for each axis, so that the output has ceil(n / stride) positions."""
    margins = []
    for n, k, s in zip(axes, kernel, stride, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        margins.append((total // 2, total - total // 2))
    return margins


def padding_of(margins: Margins) -> list[int]:
    """Return margins as `torch.nn.functional.pad` wants them: the last axis first."""
    return [cells for pair in reversed(margins) for cells in pair]


def _margins_2d(margins: Margins | None) -> Margins | None:
    return None if margins is None else [(0, 0), *margins]


class MaxPool(nn.Module):
    """A maximum over a sliding window."""

    def __init__(
        self, kernel: tuple[int, ...], stride: tuple[int, ...], margins: Margins | None
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.margins = kernel, stride, margins
        self.padding = padding_of(margins) if margins else []
        self._pool = F.max_pool1d if len(kernel) == 1 else F.max_pool2d

    def as_2d(self) -> "MaxPool":
        """Return the same pooling of samples for (batch, channels, 1, samples)."""
        return MaxPool((1, *self.kernel), (1, *self.stride), _margins_2d(self.margins))

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        if any(self.padding):
            x = F.pad(x, self.padding, value=float("-inf"))
        return self._pool(x, self.kernel, self.stride)


class AveragePool(nn.Module):
    """A mean over a sliding window."""

    share: Tensor | None

    def __init__(
        self,
        axes: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        margins: Margins | None,
    ) -> None:
        super().__init__()
        self.axes, self.kernel, self.stride, self.margins = axes, kernel, stride, margins
        self.padding = padding_of(margins) if margins else []
        self._pool = F.avg_pool1d if len(kernel) == 1 else F.avg_pool2d
        share = None
        if any(self.padding):  # the share of each window that is not padding
            ones = F.pad(torch.ones(1, 1, *axes), self.padding)
            share = self._pool(ones, kernel, stride).reciprocal()
        self.register_buffer("share", share, persistent=False)

    def as_2d(self) -> "AveragePool":
        """Return the same pooling of samples for (batch, channels, 1, samples)."""
        kernel, stride = (1, *self.kernel), (1, *self.stride)
        return AveragePool((1, *self.axes), kernel, stride, _margins_2d(self.margins))

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        if self.share is None:
            return self._pool(x, self.kernel, self.stride)
        pooled: Tensor = self._pool(F.pad(x, self.padding), self.kernel, self.stride)
        return pooled * self.share.to(pooled.dtype)
