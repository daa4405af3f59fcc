"""Mixup: blends of two clips and of their labels."""

from dataclasses import replace

import torch
from pydantic import Field

from nas_asc.study import MOST, Table
from nas_asc.training.augmentations.clipwise import symmetric_beta
from nas_asc.training.batches import Batch, blend
from nas_asc.training.device import moved


class Mixup(Table):
    """Settings of mixup: each clip's share is of Beta(alpha, alpha).

    With a small alpha it is often near 0 or 1, with 1 it is any alike, above often near a half.
    """

    alpha: float = Field(gt=0, le=MOST)


def mixup(batch: Batch, generator: torch.Generator, settings: Mixup) -> Batch:
    """Blend each clip and its target with a random other one (Zhang et al. 2017, arXiv 1710.09412).

    With a share s both inputs and target become s of their own and 1 - s of the other's, linearly:
    waveforms by amplitude, log-mels by their logarithms, as the paper does whatever it mixes
    (`level_mixup` knows what they are). The partners are a permutation of the batch, so that each
    clip is heard as often as the others; a clip may be its own. The paper draws one share a batch;
    one a clip gives the gradient less noise. Inputs beside the first, such as a mean spectrum, and
    what a teacher says of the clips are blended by the same share: a network is to say of a blend
    what it would say of its parts, each by its share, so that between clips its answer changes
    as evenly as what it hears.
    """
    clips = len(batch.targets)
    device, kind = batch.targets.device, batch.inputs[0].dtype
    partner = moved(torch.randperm(clips, generator=generator), device)
    share = moved(symmetric_beta(settings.alpha, clips, generator).to(kind), device)
    inputs = tuple(blend(each, partner, share) for each in batch.inputs)
    return replace(batch.with_blended_targets(partner, share), inputs=inputs)
