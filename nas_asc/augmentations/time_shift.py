"""A circular shift in time: where a sound begins says nothing about what it is."""

import torch
from torch import Tensor


def time_shift(batch: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Roll each clip along its last axis by a distance of its own, end to start.

    Args:
        batch: (batch, ..., frame or sample).
        share: Largest distance to either side, as a share of the clip.
        generator: On the CPU.
    """
    clips, size = len(batch), batch.shape[-1]
    largest = round(share * size)
    distance = torch.randint(-largest, largest + 1, (clips, 1), generator=generator)
    source = (torch.arange(size) - distance) % size
    source = source.to(batch.device).view(clips, *[1] * (batch.dim() - 2), size)
    return batch.gather(-1, source.expand_as(batch))
