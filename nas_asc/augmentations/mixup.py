"""Mixup: every clip with another of its batch (Zhang et al. 2017, arXiv 1710.09412)."""

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
    """Draw `count` values of Beta(alpha, alpha), float64.

    torch's own Beta takes no generator. Here a Student t value of 2 alpha degrees of freedom, by
    Bailey's polar method (1994), is mapped to the beta distribution that it determines: exact for
    every alpha above 0.
    """
    uniform = torch.rand(2, count, generator=generator, dtype=torch.float64)
    # the radius of the polar method; 1 - uniform lies in (0, 1], so that no power of 0 is taken
    radius = (1 - uniform[0]).pow(-1 / alpha) - 1
    cosine = torch.cos(2 * torch.pi * uniform[1])
    return 0.5 + 0.5 * cosine.sign() * (1 + 1 / (radius * cosine.square())).rsqrt()
