"""Mixup: every clip with another of its batch (Zhang et al. 2017, arXiv 1710.09412)."""

import numpy as np
import torch
from torch import Tensor


def mixup(
    batch: Tensor, targets: Tensor, alpha: float, generator: torch.Generator, *others: Tensor
) -> tuple[Tensor, ...]:
    """Blend each clip and its target with a random other one, by a share of its own.

    The paper draws one share a batch; one a clip gives the gradient less noise.

    Args:
        batch: (batch, ...).
        targets: Probabilities, (batch, class).
        alpha: Of Beta(alpha, alpha), above 0; small values leave most clips nearly alone.
        generator: On the CPU.
        *others: What else belongs to the clips, (batch, ...), to be blended likewise.

    Returns:
        Batch, targets and others.
    """
    clips = len(batch)
    partner = torch.randperm(clips, generator=generator).to(batch.device)
    share = symmetric_beta(alpha, clips, generator).to(batch)
    return tuple(_blend(values, partner, share) for values in (batch, targets, *others))


def _blend(values: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    column = share.to(values).view(-1, *[1] * (values.dim() - 1))
    return torch.lerp(values[partner], values, column)


def symmetric_beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` values of Beta(alpha, alpha), float64, by numpy: torch's takes no generator."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count))
