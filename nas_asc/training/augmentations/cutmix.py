"""CutMix along time: a stretch of each clip is another clip's."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import MOST, Share, Table
from nas_asc.training.augmentations.clipwise import (
    drawn,
    in_stretch,
    symmetric_beta,
    with_time_last,
)
from nas_asc.training.batches import Batch, blend
from nas_asc.training.device import moved


class CutMix(Table):
    """Settings of CutMix: which share of the clips is changed, how much of a clip is its own.

    What is left of a clip is of Beta(alpha, alpha).
    """

    probability: Share
    alpha: float = Field(gt=0, le=MOST)


def cutmix(batch: Batch, generator: torch.Generator, settings: CutMix) -> Batch:
    """Put the same stretch of another clip in the place of a clip's (Yun et al. 2019).

    arXiv 1905.04899, along time alone as in the IMT report (DCASE 2020): one stretch of all
    channels and mel bins, at a place where it fits. The target is the clip's own by the share of
    time that is left, counted in whole frames. Paper and report draw once for a batch. A summary of
    the clip is blended by the same share.
    """
    clips, device, maps = len(batch.targets), batch.targets.device, batch.inputs[0]
    partner = moved(torch.randperm(clips, generator=generator), device)
    changed = drawn(settings.probability, clips, generator)
    taken = torch.where(changed, 1 - symmetric_beta(settings.alpha, clips, generator), 0.0)
    first = torch.rand(clips, generator=generator) * (1 - taken)
    ends = moved(torch.stack([first, first + taken]), device)

    def cut(plane: Tensor) -> Tensor:
        return torch.where(in_stretch(ends, plane), plane.index_select(0, partner), plane)

    kept = 1 - in_stretch(ends, maps).to(maps).flatten(1).mean(1)

    others = (blend(each, partner, kept) for each in batch.inputs[1:])
    inputs = (with_time_last(batch, cut), *others)
    return replace(batch.with_blended_targets(partner, kept), inputs=inputs)
