"""SpecAugment: bands of mel bins and of frames are hidden."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.batches import Batch


class SpecAugment(Table):
    """Settings of SpecAugment; widths are shares of the axis, so that they suit every front end.

    Attributes:
        mel_masks: bands of mel bins per clip; they may overlap. A waveform has none.
        mel_mask_width: largest width of one; each width is drawn from 0 to it.
        frame_masks: bands of frames, or of samples of a waveform, per clip.
        frame_mask_width: largest width of one.
    """

    mel_masks: int = Field(ge=0, le=1000)
    mel_mask_width: Share
    frame_masks: int = Field(ge=0, le=1000)
    frame_mask_width: Share


def spec_augment(batch: Batch, generator: torch.Generator, settings: SpecAugment) -> Batch:
    """Replace random bands with the clip's own mean (Park et al. 2019, arXiv 1904.08779).

    Without the paper's time warp. The mean, not 0: log-mels are far below 0, and a mask should
    hide, not shout.
    """
    maps = batch.inputs[0]
    clips, frames = len(maps), maps.shape[-1]
    width = settings.frame_mask_width
    hidden = _bands(clips, frames, settings.frame_masks, width, generator)
    hidden = hidden.view(clips, *[1] * (maps.dim() - 2), frames)
    if maps.dim() == 4:
        mels = maps.shape[-2]
        band = _bands(clips, mels, settings.mel_masks, settings.mel_mask_width, generator)
        hidden = hidden | band.view(clips, 1, mels, 1)
    mean = maps.mean(dim=tuple(range(1, maps.dim())), keepdim=True)
    masked = torch.where(hidden.to(maps.device), mean, maps)
    return replace(batch, inputs=(masked, *batch.inputs[1:]))


def _bands(clips: int, size: int, masks: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw which positions of an axis lie in a band: bool, (clips, size)."""
    width = torch.rand(clips, masks, 1, generator=generator) * share * size
    start = torch.rand(clips, masks, 1, generator=generator) * (size - width)
    position = torch.arange(size)
    return ((position >= start.round()) & (position < (start + width).round())).any(dim=1)
