"""The parts that a recipe names: optimizers, schedules and losses, found and given their settings.

Another optimizer, schedule or loss is a table of its settings, a function and a row in the table of
its family. A schedule is made for an optimizer, whose learning rate is the recipe's, and numbers of
epochs and of steps in one; it is stepped after each batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from nas_asc.errors import ConfigError, nearest
from nas_asc.study import MOST, NoSettings, Part, Recipe, Table, faults_of
from nas_asc.toml_file import Fault
from nas_asc.training.augmentations import AUGMENTATIONS, Augmentation
from nas_asc.training.batches import Batch


class WeightDecay(Table):
    """Settings of the Adam family; weight decay is of all parameters, batch norm and biases too."""

    weight_decay: float = Field(ge=0, le=MOST)


# fused: one call for all tensors, which counts where a network has a hundred small ones
def adamw(parameters: list[nn.Parameter], rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101)."""
    return torch.optim.AdamW(parameters, rate, weight_decay=settings.weight_decay, fused=True)


def adam(parameters: list[nn.Parameter], rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam (Kingma and Ba 2014, arXiv 1412.6980); weight decay is an L2 term of the loss."""
    return torch.optim.Adam(parameters, rate, weight_decay=settings.weight_decay, fused=True)


OPTIMIZERS: dict[str, Part[Callable[..., Optimizer]]] = {
    "adamw": Part(WeightDecay, adamw),
    "adam": Part(WeightDecay, adam),
}


def one_cycle(
    optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings
) -> LRScheduler:
    """Rise from 1/25 for 30 % of training, then fall to 1/250000, both along half a cosine.

    Smith and Topin 2017 (arXiv 1708.07120). Momentum, Adam's first beta: 0.95, 0.85, 0.95. A single
    step is made at the peak.
    """
    if epochs * epoch_steps == 1:
        return constant(optimizer, epochs, epoch_steps, settings)
    return OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], total_steps=epochs * epoch_steps)


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


class CrossEntropy(Table):
    """Settings of the cross-entropy.

    Attributes:
        label_smoothing: the share of each target that is spread over all classes.
        class_weights: "balanced" weighs the classes alike, however many training clips they have.
    """

    label_smoothing: float = Field(ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"


def cross_entropy(logits: Tensor, batch: Batch, settings: CrossEntropy) -> Tensor:
    """Return the mean cross-entropy of float32 logits, (batch, class), with a batch's targets.

    Labels may be smoothed (Szegedy et al. 2015, arXiv 1512.00567). With class weights it is the
    weighted mean, each class of a target with its own weight; a batch has the weights.
    """
    smoothing, loss = settings.label_smoothing, nn.functional.cross_entropy
    if settings.class_weights == "none":
        return loss(logits, batch.targets, label_smoothing=smoothing)
    weights = batch.class_weights
    if weights is None:
        raise ValueError("expected a batch with class weights, got none")
    total = loss(logits, batch.targets, weights, label_smoothing=smoothing, reduction="sum")
    return total / (batch.targets @ weights).sum()


LOSSES: dict[str, Part[Callable[..., Tensor]]] = {
    "cross_entropy": Part(CrossEntropy, cross_entropy),
}
_FAMILIES: Mapping[str, Mapping[str, Part[Any]]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
}


@dataclass(frozen=True)
class Parts:
    """What a training consists of: functions with their settings, augmentations in their order.

    Those that come before features are standardised stand by themselves.
    """

    optimizer: Callable[..., Optimizer]
    schedule: Callable[..., LRScheduler]
    loss: Callable[[Tensor, Batch], Tensor]
    before_standardisation: tuple[Callable[..., Batch], ...]
    augmentations: tuple[Callable[..., Batch], ...]


def parts_of(recipe: Recipe) -> Parts:
    """Return the parts of a recipe.

    Raises:
        ConfigError: there is no such part, or its settings are not valid; all faults at once.
    """
    bound, faults = _bind(recipe.to_dict())
    if faults:
        raise ConfigError("\n".join(fault.text for fault in faults))
    asked = [name for name in AUGMENTATIONS if name in recipe.augmentations]
    before, after = (
        tuple(
            bound[f"augmentations.{name}"]
            for name in asked
            if AUGMENTATIONS[name].before_standardisation == early
        )
        for early in (True, False)
    )
    optimizer, schedule, loss = (bound[family] for family in ("optimizer", "schedule", "loss"))
    return Parts(optimizer, schedule, loss, before, after)


def faults_of_parts(recipe: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the parts of a `[recipe]` table, leaving its other keys alone."""
    return _bind(recipe)[1]


def _bind(recipe: Mapping[str, Any]) -> tuple[dict[str, Callable[..., Any]], list[Fault]]:
    """Return the functions of the parts with their settings, by path, and all faults.

    What is no table or has no name is a fault of the recipe, and left out here.
    """
    asked: list[tuple[str, Mapping[str, Part[Any] | Augmentation], str, object]] = []
    for family, parts in _FAMILIES.items():
        choice = recipe.get(family)
        table = dict(choice) if isinstance(choice, dict) else {"name": choice}
        name = table.pop("name", None)
        if isinstance(name, str):
            asked.append((family, parts, name, table))
    augmentations = recipe.get("augmentations")
    for name, settings in augmentations.items() if isinstance(augmentations, dict) else ():
        if isinstance(settings, dict):
            asked.append((f"augmentations.{name}", AUGMENTATIONS, name, settings))
    bound: dict[str, Callable[..., Any]] = {}
    faults: list[Fault] = []
    for path, members, name, settings in asked:
        if name not in members:
            known = f"expected one of {', '.join(members)}, got {name!r}{nearest(name, members)}"
            faults.append(Fault(f"recipe.{path}", known))
            continue
        part = members[name]
        try:
            bound[path] = partial(part.function, settings=part.settings.model_validate(settings))
        except ValidationError as error:
            for fault in faults_of(error, part.settings):
                faults.append(Fault(f"recipe.{path}.{fault.path}", fault.message))
    return bound, faults
