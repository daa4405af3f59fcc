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


def standardised(inputs: Tensor, standard: Tensor) -> Tensor:
    """Give float16 inputs with mean 0 and deviation 1 per mel bin of the training clips."""
    mean, deviation = standard[:, None, :, None]
    return torch.stack([((clip.float() - mean) / deviation).half() for clip in inputs])
