"""Learning-rate schedules, as PyTorch has them.

Each takes the optimizer, whose learning rate is the recipe's, and the numbers of epochs and of
steps in one; what it gives is stepped after each batch.
"""

from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from nas_asc.study import NoSettings, Part


def one_cycle(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Rise from 1/25 for 30 % of training, then fall to 1/250000, both along half a cosine.

    Smith and Topin 2017 (arXiv 1708.07120). Momentum, Adam's first beta: 0.95, 0.85, 0.95.
    """
    peak = optimizer.param_groups[0]["lr"]
    return OneCycleLR(optimizer, max_lr=peak, total_steps=epochs * epoch_steps)


def cosine(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Fall to 0 along half a cosine (Loshchilov and Hutter 2016, arXiv 1608.03983), no restarts."""
    return CosineAnnealingLR(optimizer, T_max=epochs * epoch_steps)


def constant(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Keep the learning rate, as Adam was proposed (Kingma and Ba 2014, arXiv 1412.6980)."""
    return LambdaLR(optimizer, lambda step: 1.0)


SCHEDULES: dict[str, Part[Callable[..., LRScheduler]]] = {
    "one_cycle": Part(NoSettings, one_cycle),
    "cosine": Part(NoSettings, cosine),
    "constant": Part(NoSettings, constant),
}
