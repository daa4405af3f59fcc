"""Schedules: how the learning rate changes while a network is trained.

Conventions: each is a table of settings, a function and a row in `SCHEDULES`. It is made for an
optimizer, whose learning rate is the recipe's, and numbers of epochs and of steps in one; epochs
count from 0 here. It is stepped after each batch, `plateau` alone after each epoch, by the log loss
of the validation part. Which rate a step has follows from its number and the rate before it, so
that nothing else is to be remembered; of `plateau` its `state_dict` is.
"""

from collections.abc import Callable
from math import floor
from typing import Literal

from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CyclicLR,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from nas_asc.study import MOST, NoSettings, Part, Table


def one_cycle(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Rise from 1/25 for 30 % of training, then fall to 1/250000, both along half a cosine.

    Smith and Topin 2017 (arXiv 1708.07120). Momentum, Adam's first beta: 0.95, 0.85, 0.95; an
    optimizer without momentum stays so. A single step is made at the peak.
    """
    if epochs * epoch_steps == 1:
        return constant(optimizer, epochs, epoch_steps, settings)
    group = optimizer.param_groups[0]
    has_momentum = "betas" in group or group.get("momentum", 0.0) > 0
    steps = epochs * epoch_steps
    return OneCycleLR(optimizer, group["lr"], total_steps=steps, cycle_momentum=has_momentum)


def cosine(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Fall to 0 along half a cosine (Loshchilov and Hutter 2016, arXiv 1608.03983), no restarts."""
    return CosineAnnealingLR(optimizer, T_max=epochs * epoch_steps)


def constant(optimizer: Optimizer, epochs: int, epoch_steps: int, settings: Table) -> LRScheduler:
    """Keep the learning rate, as Adam was proposed (Kingma and Ba 2014, arXiv 1412.6980)."""
    return LambdaLR(optimizer, lambda step: 1.0)


class Linear(Table):
    """Settings of the linear fall: the share of the rate that is left after the last step."""

    end: float = Field(ge=0, le=1)


def linear(optimizer: Optimizer, epochs: int, epoch_steps: int, settings: Linear) -> LRScheduler:
    """Fall in a straight line from step to step (as compared by Li et al. 2019, arXiv 1905.04753).

    The first step is made at the full rate; `end` would be that of the step after the last.
    """
    fall = (1 - settings.end) / (epochs * epoch_steps)
    return LambdaLR(optimizer, lambda step: 1 - fall * step)


class StepDecay(Table):
    """Settings of the decay by steps: the factor, after `every` so many epochs again.

    The epochs need not be whole, so that a schedule can be shortened in proportion.
    """

    factor: float = Field(gt=0, le=1)
    every: float = Field(gt=0, le=MOST)


def step_decay(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: StepDecay
) -> LRScheduler:
    """Multiply the rate by a factor^floor(epoch / every).

    As SRPOL did by 0.9 every two epochs (DCASE 2020 task 1B), and He et al. 2015 (arXiv 1512.03385)
    by 0.1 when training stalled.
    """
    # divided once: (step / epoch_steps) / every may be just below a whole number that it is
    steps_between = settings.every * epoch_steps
    return LambdaLR(optimizer, lambda step: settings.factor ** floor(step / steps_between))


class Cyclical(Table):
    """Settings of the cycles.

    Attributes:
        lowest: share of the learning rate at which a cycle begins and ends.
        step_epochs: of the way up, and as many of the way down.
        policy: "triangular" repeats the cycle; in "triangular2" each is half as high as the one
            before; in "exp_range" what is above the lowest is multiplied by `gamma` every epoch.
        gamma: of "exp_range" alone.
    """

    lowest: float = Field(ge=0, le=1)
    step_epochs: float = Field(gt=0, le=MOST)
    policy: Literal["triangular", "triangular2", "exp_range"]
    gamma: float = Field(default=1.0, gt=0, le=1)


def cyclical(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: Cyclical
) -> LRScheduler:
    """Rise and fall again and again in straight lines (Smith 2015, arXiv 1506.01186).

    Momentum stays as it is. A single step is made at the peak.
    """
    if epochs * epoch_steps == 1:
        return constant(optimizer, epochs, epoch_steps, settings)
    peak = optimizer.param_groups[0]["lr"]
    return CyclicLR(
        optimizer,
        settings.lowest * peak,
        peak,
        settings.step_epochs * epoch_steps,  # type: ignore[arg-type]  # it computes with floats
        mode=settings.policy,
        gamma=settings.gamma ** (1 / epoch_steps),
        cycle_momentum=False,
    )


class Plateau(Table):
    """Settings of the schedule that waits for a plateau.

    Attributes:
        factor: that the rate is multiplied by.
        patience: after more than so many epochs in a row without a better log loss.
        threshold: better is what is lower by more than this share of the best.
    """

    factor: float = Field(gt=0, lt=1)
    patience: int = Field(ge=0, le=MOST)
    threshold: float = Field(ge=0, lt=1)


def plateau(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: Plateau
) -> ReduceLROnPlateau:
    """Lower the rate where the validation log loss no longer falls, as PyTorch's scheduler does.

    As IMT did by a half (DCASE 2020 task 1B), and Krizhevsky et al. 2012 (doi 10.1145/3065386) by
    hand. Validation clips are judged after each epoch then.
    """
    return ReduceLROnPlateau(
        optimizer,
        factor=settings.factor,
        patience=settings.patience,
        threshold=settings.threshold,
    )


SCHEDULES: dict[str, Part[Callable[..., LRScheduler]]] = {
    "one_cycle": Part(NoSettings, one_cycle),
    "cosine": Part(NoSettings, cosine),
    "constant": Part(NoSettings, constant),
    "linear": Part(Linear, linear),
    "step_decay": Part(StepDecay, step_decay),
    "cyclical": Part(Cyclical, cyclical),
    "plateau": Part(Plateau, plateau),
}
