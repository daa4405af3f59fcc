"""Mixup: every clip is blended with another of its batch."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import MOST, Table
from nas_asc.training.batches import Batch


class Mixup(Table):
    """Settings of mixup.

    Attributes:
        alpha: of the Beta(alpha, alpha) that each clip's share is drawn from; small values leave
            most clips nearly alone.
    """

    alpha: float = Field(gt=0, le=MOST)


def mixup(batch: Batch, generator: torch.Generator, settings: Mixup) -> Batch:
    """Blend each clip and its target with a random other one (Zhang et al. 2017, arXiv 1710.09412).

    The paper draws one share a batch; one a clip gives the gradient less noise.
    """
    clips = len(batch.targets)
    partner = torch.randperm(clips, generator=generator).to(batch.targets.device)
    share = symmetric_beta(settings.alpha, clips, generator).to(batch.inputs[0])

    def blend(values: Tensor) -> Tensor:
        column = share.to(values).view(-1, *[1] * (values.dim() - 1))
        return torch.lerp(values[partner], values, column)

    return Batch(tuple(map(blend, batch.inputs)), blend(batch.targets), batch.second_plane)


def symmetric_beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` values of Beta(alpha, alpha), float64, by numpy: torch's takes no generator."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count))
