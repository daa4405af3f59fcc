"""Freq-MixStyle: the level and spread of each mel bin are blended with another clip's."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import MOST, Share, Table
from nas_asc.training.augmentations.clipwise import (
    column,
    drawn,
    is_waveform,
    symmetric_beta,
    with_time_last,
)
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved

_LEAST_VARIANCE = 1e-6  # as in the paper's code


class FreqMixStyle(Table):
    """Settings of Freq-MixStyle: which share of the clips is changed, how much stays their own.

    The share of a clip's own statistics is of Beta(alpha, alpha).
    """

    probability: Share
    alpha: float = Field(gt=0, le=MOST)


def freq_mixstyle(batch: Batch, generator: torch.Generator, settings: FreqMixStyle) -> Batch:
    """Give each clip statistics per mel bin between its own and another's (Kim et al. 2022).

    arXiv 2206.12513; alpha and probability as in Schmid et al. 2022 (DCASE report), whose code
    draws the latter once a batch. Mean and deviation of each bin over channels and time say much of
    the device. They are blended by a share, the target stays, and a mean spectrum is blended alike.
    A waveform has no bins, and stays.
    """
    if is_waveform(batch):
        return batch
    clips, maps = len(batch.targets), batch.inputs[0]
    partner = moved(torch.randperm(clips, generator=generator), maps.device)
    changed = drawn(settings.probability, clips, generator)
    own = symmetric_beta(settings.alpha, clips, generator)
    share = moved(torch.where(changed, own, 1.0).to(maps.dtype), maps.device)

    def blend(values: Tensor) -> Tensor:
        return torch.lerp(values.index_select(0, partner), values, column(share, values))

    def restyled(plane: Tensor) -> Tensor:
        mean = plane.mean((1, 3), keepdim=True)
        variance = plane.var((1, 3), correction=0, keepdim=True)
        deviation = (variance + _LEAST_VARIANCE).sqrt()
        styled = (plane - mean) / deviation * blend(deviation) + blend(mean)
        return torch.where(column(share, plane) == 1, plane, styled)

    others = map(blend, batch.inputs[1:])
    return replace(batch, inputs=(with_time_last(batch, restyled), *others))
