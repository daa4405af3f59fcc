"""SpecAugment's masks: bands of mel bins and of frames that are hidden."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class SpecAugment(Table):
    """Settings of SpecAugment: bands per clip, and their largest widths as shares of the axis.

    Each width is drawn from 0 on. Bands may overlap; a waveform has frame masks, of samples, alone.
    """

    mel_masks: int = Field(ge=0, le=1000)
    mel_mask_width: Share
    frame_masks: int = Field(ge=0, le=1000)
    frame_mask_width: Share


def spec_augment(batch: Batch, generator: torch.Generator, settings: SpecAugment) -> Batch:
    """Replace random bands with the clip's own mean (Park et al. 2019, arXiv 1904.08779).

    The paper's time warp stands by itself (`time_warp`). The mean, not 0: log-mels are far below 0,
    and a mask should hide, not shout.
    """
    maps = batch.inputs[0]
    clips, frames = len(maps), maps.shape[-1]
    width = settings.frame_mask_width
    hidden = _bands(maps, frames, settings.frame_masks, width, generator)
    hidden = hidden.view(clips, *[1] * (maps.dim() - 2), frames)
    if maps.dim() == 4:
        mels = maps.shape[-2]
        band = _bands(maps, mels, settings.mel_masks, settings.mel_mask_width, generator)
        hidden = hidden | band.view(clips, 1, mels, 1)
    mean = maps.mean(dim=tuple(range(1, maps.dim())), keepdim=True)
    masked = torch.where(hidden, mean, maps)
    return replace(batch, inputs=(masked, *batch.inputs[1:]))


def _bands(maps: Tensor, size: int, masks: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw which of so many positions of an axis lie in a band: bool, (clips, size)."""
    clips, device = len(maps), maps.device
    width = torch.rand(clips, masks, 1, generator=generator) * share * size
    start = torch.rand(clips, masks, 1, generator=generator) * (size - width)
    edges = moved(torch.stack([start.round(), (start + width).round()]), device)
    position = torch.arange(size, device=device)
    return ((position >= edges[0]) & (position < edges[1])).any(dim=1)
