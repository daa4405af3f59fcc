"""Standardisation per mel bin: the fixed part of a front end that is measured on training clips."""

import torch
from torch import Tensor

_SMALLEST_DEVIATION = 1e-3


def standard_of(inputs: Tensor) -> Tensor:
    """Measure mean and deviation per mel bin, (2, mel), of training clips.

    Args:
        inputs: (clip, channels, mel, frame), any floating type.
    """
    rows = inputs.transpose(1, 2).transpose(0, 1).flatten(1).double()
    deviation = rows.std(1, correction=0).clamp_min(_SMALLEST_DEVIATION)
    return torch.stack([rows.mean(1), deviation]).float()


def standards_of(inputs: Tensor, second_plane: bool) -> tuple[Tensor, ...]:
    """Measure the standard of a front end, and one for its second plane if it has such.

    Args:
        inputs: (clip, channels, mel, frame), any floating type.
        second_plane: whether the second channel is a transposed spectrogram.
    """
    if not second_plane:
        return (standard_of(inputs),)
    return standard_of(inputs[:, :1]), standard_of(inputs[:, 1:].transpose(2, 3))


def standardised(inputs: Tensor, standard: Tensor, second: Tensor | None = None) -> Tensor:
    """Give float16 inputs with mean 0 and deviation 1 per mel bin of the training clips.

    Args:
        inputs: (clip, channels, mel, frame).
        standard: mean and deviation, (2, mel).
        second: those of the second channel, (2, frame), where it is a transposed spectrogram.
    """
    mean, deviation = standard[:, None, :, None]
    if second is not None:
        shape = inputs.shape[1:]
        other_mean, other_deviation = second[:, None, None, :].expand(2, 1, *shape[1:])
        mean = torch.cat([mean.expand_as(other_mean), other_mean])
        deviation = torch.cat([deviation.expand_as(other_deviation), other_deviation])
    return torch.stack([((clip.float() - mean) / deviation).half() for clip in inputs])
