"""A roll along time, end to start."""

from dataclasses import replace

import torch
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import with_time_last
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class TimeShift(Table):
    """Settings of the shift: the largest distance to either side, as a share of the clip."""

    width: Share


def time_shift(batch: Batch, generator: torch.Generator, settings: TimeShift) -> Batch:
    """Roll each clip along time by a distance of its own, end to start.

    Where a sound begins says nothing about what it is. Of the kind of Piczak's random time delays
    (2015, doi 10.1109/MLSP.2015.7324337), but wrapped around. In a second plane time runs along the
    axis before the last, and as large a share of it is moved.
    """
    maps = batch.inputs[0]
    clips, size = len(maps), maps.shape[-1]
    largest = round(settings.width * size)
    draws = torch.randint(-largest, largest + 1, (clips, 1), generator=generator)
    distance = moved(draws, maps.device)

    def rolled(plane: Tensor) -> Tensor:
        in_its_frames = (distance.double() * plane.shape[-1] / size).round().long()
        return _rolled(plane, in_its_frames)

    return replace(batch, inputs=(with_time_last(batch, rolled), *batch.inputs[1:]))


def _rolled(maps: Tensor, distance: Tensor) -> Tensor:
    """Roll each clip along its last axis; distance: (batch, 1)."""
    clips, size = len(maps), maps.shape[-1]
    source = (torch.arange(size, device=maps.device) - distance) % size
    source = source.view(clips, *[1] * (maps.dim() - 2), size)
    return maps.gather(-1, source.expand_as(maps))
