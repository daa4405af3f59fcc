"""Learning-rate schedules as functions of a step, counted from 0, and the number of steps.

Each gives the learning rate as a share of the recipe's, and the momentum (Adam's first beta).
"""

from collections.abc import Callable
from math import cos, pi


def one_cycle(step: int, steps: int) -> tuple[float, float]:
    """Rise for 30 % of training, fall for the rest, momentum the other way round.

    Smith and Topin 2017 (arXiv 1708.07120) with the figures of
    `torch.optim.lr_scheduler.OneCycleLR`: from 1/25 of the peak, in cosines, down to 1/250000;
    momentum 0.95, 0.85, 0.95.
    """
    peak = 0.3 * steps - 1
    if step <= peak:
        share = step / peak if peak > 0 else 1.0
        return _cosine(1 / 25, 1.0, share), _cosine(0.95, 0.85, share)
    share = (step - peak) / (steps - 1 - peak)
    return _cosine(1.0, 1 / 250_000, share), _cosine(0.85, 0.95, share)


def cosine(step: int, steps: int) -> tuple[float, float]:
    """Fall from the peak along half a cosine (Loshchilov and Hutter 2016, arXiv 1608.03983)."""
    return _cosine(1.0, 0.0, step / steps), 0.9


def constant(step: int, steps: int) -> tuple[float, float]:
    """Keep the learning rate."""
    return 1.0, 0.9


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2


SCHEDULES: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": constant,
}
