"""SpecAugment's time warp: one half of a clip runs faster, the other slower."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Table
from nas_asc.training.augmentations.clipwise import interpolated, with_time_last
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class TimeWarp(Table):
    """Settings of the time warp: the largest distance to either side, as a share of the clip.

    The point that is moved is at least as far from both ends.
    """

    width: float = Field(ge=0, le=0.5)


def time_warp(batch: Batch, generator: torch.Generator, settings: TimeWarp) -> Batch:
    """Move a point of time of each clip, with all before and after (Park et al. 2019).

    arXiv 1904.08779, with values between frames by linear interpolation. The ends stay where they
    are: the clip is as long as before, unlike by `warp`, which changes the pace of all of it. In a
    waveform pitch moves with the pace.
    """
    width = settings.width
    draws = torch.rand(2, len(batch.targets), 1, generator=generator)
    point, distance = width + draws[0] * (1 - 2 * width), (2 * draws[1] - 1) * width
    ends = moved(torch.stack([point, distance]), batch.targets.device)

    def warped(maps: Tensor) -> Tensor:
        last = maps.shape[-1] - 1
        point, distance = ends * last
        goal = point + distance
        position = torch.arange(last + 1, device=maps.device)
        before = position / goal.clamp(min=1e-6)
        after = (last - position) / (last - goal).clamp(min=1e-6)
        place = position - distance * torch.where(position < goal, before, after)
        return interpolated(maps, place.clamp(min=0))

    return replace(batch, inputs=(with_time_last(batch, warped), *batch.inputs[1:]))
