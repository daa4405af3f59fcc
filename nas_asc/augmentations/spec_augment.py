"""SpecAugment's masks (Park et al. 2019, arXiv 1904.08779), without the time warp."""

import torch
from torch import Tensor


def spec_augment(
    batch: Tensor,
    generator: torch.Generator,
    *,
    mel_masks: int,
    mel_mask_width: float,
    frame_masks: int,
    frame_mask_width: float,
) -> Tensor:
    """Replace random bands of mel bins and of frames with the clip's own mean.

    The mean, not 0: log-mels are far below 0, and a mask should hide, not shout. A waveform has
    frame masks only.

    Args:
        batch: (batch, channels, mel, frame) or (batch, channels, sample).
        generator: On the CPU.
        mel_masks: Bands per clip; they may overlap.
        mel_mask_width: Largest width as a share of the mel axis; each width is drawn from 0 to it.
        frame_masks: As `mel_masks`, over the last axis.
        frame_mask_width: As `mel_mask_width`, over the last axis.
    """
    clips, frames = len(batch), batch.shape[-1]
    hidden = _bands(clips, frames, frame_masks, frame_mask_width, generator)
    hidden = hidden.view(clips, *[1] * (batch.dim() - 2), frames)
    if batch.dim() == 4:
        mels = batch.shape[-2]
        band = _bands(clips, mels, mel_masks, mel_mask_width, generator)
        hidden = hidden | band.view(clips, 1, mels, 1)
    mean = batch.mean(dim=tuple(range(1, batch.dim())), keepdim=True)
    return torch.where(hidden.to(batch.device), mean, batch)


def _bands(clips: int, size: int, masks: int, share: float, generator: torch.Generator) -> Tensor:
    """Give which positions of an axis lie in a band: bool, (clips, size)."""
    width = torch.rand(clips, masks, 1, generator=generator) * share * size
    start = torch.rand(clips, masks, 1, generator=generator) * (size - width)
    position = torch.arange(size)
    return ((position >= start.round()) & (position < (start + width).round())).any(dim=1)
