"""Layers that PyTorch lacks: uneven padding, strides that are safe, norms of mel bins.

Conventions: maps are (batch, channels, mel, frame), waveforms (batch, channels, samples). "Conv" in
a class's name is how torchinfo knows a convolution.
"""

from collections.abc import Iterable, Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_asc.errors import ExportError

_SMALLEST_DEVIATION = 1e-3
_CHUNK_VALUES = 1 << 17  # held in float64 at a time: a megabyte stays in a core's cache

Axes = tuple[int, ...]


def same_margins(axes: Axes, kernel: Axes, stride: Axes) -> list[tuple[int, int]]:
    """Return (before, after) for each axis, so that the output has ceil(n / stride) positions."""
    margins = []
    for n, k, s in zip(axes, kernel, stride, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        margins.append((total // 2, total - total // 2))
    return margins


def padding_of(margins: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return margins as `torch.nn.functional.pad` wants them: the last axis first."""
    return tuple(cells for pair in reversed(margins) for cells in pair)


class WindowPool(nn.Module):
    """A maximum ("max") or mean ("avg") over a sliding window; padding counts for neither."""

    share: Tensor | None

    def __init__(self, kind: str, axes: Axes, kernel: Axes, stride: Axes, padding: str) -> None:
        """Prepare for inputs whose axes after the channels are `axes`."""
        super().__init__()
        self.settings = (kind, axes, kernel, stride, padding)
        self.axes = tuple(axes)
        self.kernel, self.stride = kernel, stride
        self.fill = float("-inf") if kind == "max" else 0.0
        self.margins = padding_of(same_margins(axes, kernel, stride)) if padding == "same" else ()
        self._pool = getattr(F, f"{kind}_pool{len(kernel)}d")
        padded = kind == "avg" and any(self.margins)
        share = self._inverse_share(axes) if padded else None
        self.register_buffer("share", share, persistent=False)

    def _inverse_share(self, axes: Axes) -> Tensor:
        """Return 1 over the share of each window that is not padding."""
        ones = F.pad(torch.ones(1, 1, *axes), self.margins)
        share: Tensor = self._pool(ones, self.kernel, self.stride)
        return share.reciprocal()

    def as_2d(self) -> "WindowPool":
        """Return the same pooling of samples for (batch, channels, 1, samples)."""
        kind, axes, kernel, stride, padding = self.settings
        return WindowPool(kind, (1, *axes), (1, *kernel), (1, *stride), padding)

    def forward(self, x: Tensor) -> Tensor:
        """Pool maps, of other axes than the layer was made for too if they are crops of such."""
        axes = tuple(x.shape[2:])
        if any(self.margins):
            x = F.pad(x, self.margins, value=self.fill)
        pooled: Tensor = self._pool(x, self.kernel, self.stride)
        if self.share is None:
            return pooled
        share = self.share
        if axes != self.axes:
            share = self._inverse_share(axes).to(pooled.device)
        return pooled * share.to(pooled.dtype)


class StridedPointwiseConv1d(nn.Conv1d):
    """A strided 1x1 convolution as a slice and a dense one; see `StridedPointwiseConv2d`."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every stride-th position."""
        return F.conv1d(x[:, :, :: self.stride[0]], self.weight, self.bias, groups=self.groups)


class StridedPointwiseConv2d(nn.Conv2d):
    """A strided 1x1 convolution as a slice and a dense one, of the same parameters and MACs.

    PyTorch 2.13's own backward pass corrupts memory in channels-last float32 on the CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every stride-th position."""
        x = x[:, :, :: self.stride[0], :: self.stride[1]]
        return F.conv2d(x, self.weight, self.bias, groups=self.groups)


class PaddedConv1d(nn.Conv1d):
    """A convolution with other padding at the end than at the start; below 0 it cuts cells off."""

    margins: tuple[int, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        return super().forward(F.pad(x, self.margins))


class PaddedConv2d(nn.Conv2d):
    """As `PaddedConv1d`, of maps."""

    margins: tuple[int, ...]

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        return super().forward(F.pad(x, self.margins))


class MelNorm(nn.BatchNorm2d):
    """A batch normalisation per mel bin."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Standardisation(nn.Module):
    """Bring log-mels to mean 0 and deviation 1 per mel bin of the training clips.

    The statistics are buffers, which no rule counts; before they are known nothing is changed. With
    `second_plane` the second channel is a transposed spectrogram, (frame, mel).
    """

    def __init__(self, shape: tuple[int, ...], second_plane: bool = False) -> None:
        """Prepare for clips of a shape, (channels, mel, frame)."""
        super().__init__()
        self.second_plane = second_plane
        spectrogram = shape[1:] if second_plane else shape
        self.part_clips = max(1, _CHUNK_VALUES // prod(spectrogram))
        names = ("first", "second") if second_plane else ("first",)
        for name, mels in zip(names, shape[1:], strict=False):
            self.register_buffer(name, torch.stack([torch.zeros(mels), torch.ones(mels)]))

    @property
    def statistics(self) -> tuple[Tensor, ...]:
        """Mean and deviation per mel bin, (2, mel), of each spectrogram."""
        return tuple(self.buffers())

    def fit(self, inputs: Tensor) -> None:
        """Measure the statistics of training clips, (clip, channels, mel, frame)."""
        self.fit_parts(torch.split(inputs, self.part_clips))

    def fit_parts(self, parts: Iterable[Tensor]) -> None:
        """Measure the statistics of training clips that come a part at a time.

        In parts of other than `part_clips` clips they differ by rounding.
        """
        sums = [_Sums(each.shape[1]) for each in self.statistics]
        for part in parts:
            for own, spectrogram in zip(sums, self._spectrograms(part), strict=True):
                own.add(spectrogram)
        self.load([own.statistics for own in sums])

    def load(self, statistics: Sequence[Tensor]) -> None:
        """Load statistics that were measured before.

        Raises:
            ExportError: they are not those of such clips, or no numbers.
        """
        expected = [tuple(own.shape) for own in self.statistics]
        found = [tuple(given.shape) for given in statistics]
        if found != expected:
            raise ExportError(
                f"expected mean and deviation per mel bin of shape {_listed(expected)}, found "
                f"{_listed(found)}, is it of another model?"
            )
        for own, given in zip(self.statistics, statistics, strict=True):
            if not (given.isfinite().all() and (given[1] > 0).all()):
                raise ExportError("expected finite means and deviations above 0, train it anew")
            own.copy_(given)

    def forward(self, inputs: Tensor) -> Tensor:
        """Standardise. inputs: (clip, channels, mel, frame)."""
        pairs = zip(self._spectrograms(inputs), self.statistics, strict=True)
        first, *second = [
            torch.div(each - mean[:, None], deviation[:, None]) for each, (mean, deviation) in pairs
        ]
        return torch.cat([first, second[0].transpose(2, 3)], 1) if second else first

    def _spectrograms(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Split clips into spectrograms, each with its mel bins on the axis before the last."""
        if not self.second_plane:
            return (inputs,)
        return inputs[:, :1], inputs[:, 1:].transpose(2, 3)


class _Sums:
    """Sums of the values of clips and of their squares, per mel bin."""

    def __init__(self, mels: int) -> None:
        self._total, self._squares = torch.zeros(2, mels, dtype=torch.float64)
        self._count = 0  # of values per bin

    def add(self, clips: Tensor) -> None:
        """Add clips, (clip, channels, mel, frame)."""
        values = clips.double()
        self._count += values.numel() // len(self._total)
        self._total += values.sum((0, 1, 3)).cpu()
        self._squares += values.square_().sum((0, 1, 3)).cpu()

    @property
    def statistics(self) -> Tensor:
        """Mean and deviation per mel bin, (2, mel), float32."""
        mean = self._total / self._count
        # log-mels are no larger than 20: enough digits
        variance = self._squares / self._count - mean.square()
        return torch.stack([mean, variance.clamp_min(_SMALLEST_DEVIATION**2).sqrt()]).float()


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes)) or "none"
