"""A circular shift in time: where a sound begins says nothing about what it is."""

from dataclasses import replace

import torch
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.batches import Batch


class TimeShift(Table):
    """Settings of the shift.

    Attributes:
        width: largest distance to either side, as a share of the clip.
    """

    width: Share


def time_shift(batch: Batch, generator: torch.Generator, settings: TimeShift) -> Batch:
    """Roll each clip along time by a distance of its own, end to start.

    Random delays, as of Piczak 2015 (doi 10.1109/MLSP.2015.7324337), that wrap around. In a second
    plane time runs along the axis before the last, and as large a share of it is moved.
    """
    maps = batch.inputs[0]
    clips, size = len(maps), maps.shape[-1]
    largest = round(settings.width * size)
    distance = torch.randint(-largest, largest + 1, (clips, 1), generator=generator)
    if batch.second_plane:
        in_its_frames = (distance * maps.shape[-2] / size).round().long()
        turned = _rolled(maps[:, 1:].transpose(2, 3), in_its_frames).transpose(2, 3)
        maps = torch.cat([_rolled(maps[:, :1], distance), turned], dim=1)
    else:
        maps = _rolled(maps, distance)
    return replace(batch, inputs=(maps, *batch.inputs[1:]))


def _rolled(maps: Tensor, distance: Tensor) -> Tensor:
    """Roll each clip along its last axis; distance: (batch, 1)."""
    clips, size = len(maps), maps.shape[-1]
    source = (torch.arange(size) - distance) % size
    source = source.to(maps.device).view(clips, *[1] * (maps.dim() - 2), size)
    return maps.gather(-1, source.expand_as(maps))
