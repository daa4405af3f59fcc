"""A warp of mel bins and of pace: other voices, other tempi."""

from dataclasses import replace

import torch
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import interpolated, with_time_last
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


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
        maps = interpolated(maps, torch.arange(maps.shape[-1], device=maps.device) * pace)
    else:
        maps = with_time_last(batch, lambda plane: _warped(plane, shift, pace))
    return replace(batch, inputs=(maps, *batch.inputs[1:]))


def _warped(maps: Tensor, shift: Tensor, pace: Tensor) -> Tensor:
    """Take each bin and frame from where the nearest one was; shift, pace: (batch, 1)."""
    mels, frames = maps.shape[-2:]
    bin_, frame = (torch.arange(size, device=maps.device) for size in (mels, frames))
    bins = (bin_ - shift * mels).round().clamp(0, mels - 1).unsqueeze(-1)
    times = (frame * pace).round().clamp(max=frames - 1).unsqueeze(1)
    source = (bins * frames + times).long().flatten(1).unsqueeze(1)
    flat = maps.flatten(2)
    return flat.gather(-1, source.expand_as(flat)).view(maps.shape)
