"""Standardisation per mel bin: the fixed part of a front end that is fitted to training clips."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nas_asc.errors import ExportError

_SMALLEST_DEVIATION = 1e-3
_CHUNK_VALUES = 1 << 17  # held in float64 at a time: a megabyte stays in a core's cache


class Standardisation(nn.Module):
    """Bring log-mels to mean 0 and deviation 1 per mel bin of the training clips.

    The statistics are buffers, which no rule counts. Until they are fitted or loaded, nothing is
    changed.
    """

    def __init__(self, shape: tuple[int, ...], second_plane: bool = False) -> None:
        """Prepare for clips of a shape.

        Args:
            shape: (channels, mel, frame).
            second_plane: whether the second channel is a transposed spectrogram.
        """
        super().__init__()
        self.second_plane = second_plane
        for name, mels in zip(
            ("first", "second"), shape[1 : 3 if second_plane else 2], strict=False
        ):
            self.register_buffer(name, torch.stack([torch.zeros(mels), torch.ones(mels)]))

    @property
    def statistics(self) -> tuple[Tensor, ...]:
        """Mean and deviation per mel bin, (2, mel), of each spectrogram."""
        return tuple(self.buffers())

    def fit(self, inputs: Tensor) -> None:
        """Measure the statistics of training clips, (clip, channels, mel, frame)."""
        self.load([statistics_of(each) for each in self._spectrograms(inputs)])

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
        first, *second = [_standardise(each, statistics) for each, statistics in pairs]
        return torch.cat([first, second[0].transpose(2, 3)], 1) if second else first

    def _spectrograms(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Split clips into spectrograms, each with its mel bins on the axis before the last."""
        if not self.second_plane:
            return (inputs,)
        return inputs[:, :1], inputs[:, 1:].transpose(2, 3)


def statistics_of(inputs: Tensor) -> Tensor:
    """Measure mean and deviation per mel bin, (2, mel), of training clips.

    Args:
        inputs: (clip, channels, mel, frame), any floating type.
    """
    mels = inputs.shape[2]
    total, squares = torch.zeros(2, mels, dtype=torch.float64, device=inputs.device)
    for chunk in torch.split(inputs, max(1, _CHUNK_VALUES // inputs[:1].numel())):
        values = chunk.double()
        total += values.sum((0, 1, 3))
        squares += values.square_().sum((0, 1, 3))
    count = inputs.numel() // mels
    mean = total / count
    variance = squares / count - mean.square()  # log-mels are no larger than 20: enough digits
    return torch.stack([mean, variance.clamp_min(_SMALLEST_DEVIATION**2).sqrt()]).float()


def _standardise(inputs: Tensor, statistics: Tensor) -> Tensor:
    mean, deviation = statistics[:, :, None]
    return torch.div(inputs - mean, deviation)


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes)) or "none"
