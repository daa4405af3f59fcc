"""A circular shift in time: where a sound begins says nothing about what it is."""

import torch
from torch import Tensor


def time_shift(
    batch: Tensor, share: float, generator: torch.Generator, second_plane: bool = False
) -> Tensor:
    """Roll each clip along its last axis by a distance of its own, end to start.

    Args:
        batch: (batch, ..., frame or sample).
        share: Largest distance to either side, as a share of the clip.
        generator: On the CPU.
        second_plane: Whether the second channel is a transposed spectrogram, (batch, 2, frame, mel)
            by itself, in which time runs along the axis before the last.
    """
    clips, size = len(batch), batch.shape[-1]
    largest = round(share * size)
    distance = torch.randint(-largest, largest + 1, (clips, 1), generator=generator)
    if not second_plane:
        return _rolled(batch, distance)
    in_its_frames = (distance * batch.shape[-2] / size).round().long()
    turned = _rolled(batch[:, 1:].transpose(2, 3), in_its_frames).transpose(2, 3)
    return torch.cat([_rolled(batch[:, :1], distance), turned], dim=1)


def _rolled(batch: Tensor, distance: Tensor) -> Tensor:
    """Roll each clip along its last axis; distance: (batch, 1)."""
    clips, size = len(batch), batch.shape[-1]
    source = (torch.arange(size) - distance) % size
    source = source.to(batch.device).view(clips, *[1] * (batch.dim() - 2), size)
    return batch.gather(-1, source.expand_as(batch))
