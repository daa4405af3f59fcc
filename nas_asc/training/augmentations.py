"""Augmentations: random changes of a batch before a network is trained on it.

Conventions: each is a TOML table `[recipe.augmentations.NAME]`, a function of a batch, a
`torch.Generator` on the CPU and these settings, and a row in `AUGMENTATIONS`. It draws for every
clip on its own and changes nothing in place; with strengths of 0 the batch stays as it is. What is
drawn is small and is moved to the batch's device at once; what follows from it is computed there.
"""

from collections.abc import Callable
from dataclasses import replace
from math import log

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from nas_asc.features import POWER_FLOOR
from nas_asc.study import MOST, Part, Share, Table
from nas_asc.training.batches import Batch, blend
from nas_asc.training.device import moved


class Gain(Table):
    """Settings of the gain: the largest, in dB, up or down."""

    range_db: float = Field(ge=0, le=60)


def gain(batch: Batch, generator: torch.Generator, settings: Gain) -> Batch:
    """Make each clip louder or softer by a gain of its own (Schlueter and Grill 2015, ISMIR).

    It is uniform in dB: how loud a recording is says more of its device and distance than of what
    is heard. In log-mels it is an offset, above their floor. Features without a level ("peak") stay
    as they are.
    """
    if not batch.has_level:
        return batch
    draws = moved(torch.rand(len(batch.targets), generator=generator), batch.targets.device)
    gain_db = (2 * draws - 1) * settings.range_db
    if batch.inputs[0].dim() < 4:
        factor = (10 ** (gain_db / 20)).view(-1, 1, 1)
        return replace(batch, inputs=(batch.inputs[0] * factor, *batch.inputs[1:]))
    offset, floor = gain_db * log(10) / 10, log(POWER_FLOOR)

    def louder(log_mels: Tensor) -> Tensor:
        return (log_mels + offset.view(-1, *[1] * (log_mels.dim() - 1))).clamp(min=floor)

    return replace(batch, inputs=tuple(map(louder, batch.inputs)))


class Warp(Table):
    """Settings of the warp: the largest shift of frequencies, and the largest change of pace.

    The one is a share of all mel bins, the other a share of the pace of time.
    """

    frequency_shift: Share
    time_stretch: Share


def warp(batch: Batch, generator: torch.Generator, settings: Warp) -> Batch:
    """Move each clip up or down in frequency and let it run faster or slower, as other voices do.

    On a mel scale a voice of another vocal tract is about one that is shifted (Jaitly and Hinton
    2013, ICML workshop on speech); time is stretched as by Salamon and Bello (2017,
    arXiv 1608.04363). What comes in at an edge is what is nearest to it. A waveform's pitch moves
    with its pace (speed perturbation, Ko et al. 2015, Interspeech), and nothing else moves it.
    """
    maps = batch.inputs[0]
    draws = moved(2 * torch.rand(2, len(maps), 1, generator=generator) - 1, maps.device)
    shift, pace = draws[0] * settings.frequency_shift, 1 + draws[1] * settings.time_stretch
    if maps.dim() < 4:
        maps = _resampled(maps, pace)
    else:
        maps = _with_time_last(batch, lambda plane: _warped(plane, shift, pace))
    return replace(batch, inputs=(maps, *batch.inputs[1:]))


def _with_time_last(batch: Batch, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change maps along time, their last axis; in a second plane it is the one before."""
    maps = batch.inputs[0]
    if not batch.second_plane:
        return change(maps)
    turned = change(maps[:, 1:].transpose(2, 3)).transpose(2, 3)
    return torch.cat([change(maps[:, :1]), turned], dim=1)


def _warped(maps: Tensor, shift: Tensor, pace: Tensor) -> Tensor:
    """Take each bin and frame from where the nearest one was; shift, pace: (batch, 1)."""
    mels, frames = maps.shape[-2:]
    bin_, frame = (torch.arange(size, device=maps.device) for size in (mels, frames))
    bins = (bin_ - shift * mels).round().clamp(0, mels - 1).unsqueeze(-1)
    times = (frame * pace).round().clamp(max=frames - 1).unsqueeze(1)
    source = (bins * frames + times).long().flatten(1).unsqueeze(1)
    flat = maps.flatten(2)
    return flat.gather(-1, source.expand_as(flat)).view(maps.shape)


def _resampled(waveforms: Tensor, pace: Tensor) -> Tensor:
    """Let time run at another pace, by linear interpolation; pace: (batch, 1)."""
    last = waveforms.shape[-1] - 1
    sample = torch.arange(last + 1, device=waveforms.device)
    place = (sample * pace).clamp(max=last).unsqueeze(1)
    before = place.long()
    after = (before + 1).clamp(max=last)
    earlier, later = (waveforms.gather(-1, at.expand_as(waveforms)) for at in (before, after))
    return torch.lerp(earlier, later, (place - before).to(waveforms))


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

    return replace(batch, inputs=(_with_time_last(batch, rolled), *batch.inputs[1:]))


def _rolled(maps: Tensor, distance: Tensor) -> Tensor:
    """Roll each clip along its last axis; distance: (batch, 1)."""
    clips, size = len(maps), maps.shape[-1]
    source = (torch.arange(size, device=maps.device) - distance) % size
    source = source.view(clips, *[1] * (maps.dim() - 2), size)
    return maps.gather(-1, source.expand_as(maps))


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

    Without the paper's time warp. The mean, not 0: log-mels are far below 0, and a mask should
    hide, not shout.
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


class Mixup(Table):
    """Settings of mixup: each clip's share is of Beta(alpha, alpha), if small often near 0 or 1."""

    alpha: float = Field(gt=0, le=MOST)


def mixup(batch: Batch, generator: torch.Generator, settings: Mixup) -> Batch:
    """Blend each clip and its target with a random other one (Zhang et al. 2017, arXiv 1710.09412).

    The paper draws one share a batch; one a clip gives the gradient less noise.
    """
    clips = len(batch.targets)
    device, kind = batch.targets.device, batch.inputs[0].dtype
    partner = moved(torch.randperm(clips, generator=generator), device)
    share = moved(symmetric_beta(settings.alpha, clips, generator).to(kind), device)
    inputs = tuple(blend(each, partner, share) for each in batch.inputs)
    return replace(batch.with_blended_targets(partner, share), inputs=inputs)


def symmetric_beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` values of Beta(alpha, alpha), float64, by numpy: torch's takes no generator."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count))


# Those that a recipe has are applied in this order, the gain before features are standardised.
AUGMENTATIONS: dict[str, Part[Callable[..., Batch]]] = {
    "gain": Part(Gain, gain),
    "warp": Part(Warp, warp),
    "time_shift": Part(TimeShift, time_shift),
    "spec_augment": Part(SpecAugment, spec_augment),
    "mixup": Part(Mixup, mixup),
}
