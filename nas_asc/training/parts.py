"""The parts that a recipe names, found and given their settings; optimizers and losses.

Another optimizer, schedule, loss or order is a table of its settings, a function and a row in the
table of its family. An optimizer has one tensor to change: all weights that are trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nas_asc.errors import ConfigError, nearest, short_repr
from nas_asc.study import MOST, Part, Recipe, Table, faults_of
from nas_asc.toml_file import Fault
from nas_asc.training.augmentations import AUGMENTATIONS, Augmentation
from nas_asc.training.batches import Batch
from nas_asc.training.distillation import distilled
from nas_asc.training.orders import ORDERS, Order, shuffled
from nas_asc.training.schedules import SCHEDULES


class WeightDecay(Table):
    """Settings of all; weight decay is of all parameters, batch norm and biases too."""

    weight_decay: float = Field(ge=0, le=MOST)


# fused: one call for all tensors, which counts where a network has a hundred small ones
def adamw(parameters: list[nn.Parameter], rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101)."""
    return torch.optim.AdamW(parameters, rate, weight_decay=settings.weight_decay, fused=True)


def adam(parameters: list[nn.Parameter], rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam (Kingma and Ba 2014, arXiv 1412.6980); weight decay is an L2 term of the loss."""
    return torch.optim.Adam(parameters, rate, weight_decay=settings.weight_decay, fused=True)


def radam(parameters: list[nn.Parameter], rate: float, settings: WeightDecay) -> Optimizer:
    """Build Adam with rectified first steps (Liu et al. 2019, arXiv 1908.03265); L2 likewise."""
    return torch.optim.RAdam(parameters, rate, weight_decay=settings.weight_decay)


class Momentum(WeightDecay):
    """Settings of gradient descent; momentum is off where it is absent, and Nesterov's as well."""

    momentum: float = Field(default=0.0, ge=0, lt=1)
    nesterov: bool = False

    @model_validator(mode="after")
    def _has_momentum(self) -> "Momentum":
        if self.nesterov and not self.momentum:
            raise ValueError("momentum: expected a number above 0 with nesterov, got 0")
        return self


def sgd(parameters: list[nn.Parameter], rate: float, settings: Momentum) -> Optimizer:
    """Build stochastic gradient descent (Robbins and Monro 1951, doi 10.1214/aoms/1177729586).

    With momentum the gradients of before are added, each time multiplied by it. Weight decay is an
    L2 term of the loss.
    """
    return torch.optim.SGD(parameters, rate, fused=True, **settings.model_dump())


class MeanSquare(WeightDecay):
    """Settings of RMSprop; momentum is off where it is absent.

    `alpha` is the decay of the mean square: 0.9 unless told in TensorFlow, 0.99 in torch.
    """

    alpha: float = Field(ge=0, lt=1)
    momentum: float = Field(default=0.0, ge=0, lt=1)


def rmsprop(parameters: list[nn.Parameter], rate: float, settings: MeanSquare) -> Optimizer:
    """Build RMSprop, which divides by the root of a mean square (Graves 2013, arXiv 1308.0850).

    That is of the gradients so far, not of their deviation. Weight decay is an L2 term of the loss.
    """
    return torch.optim.RMSprop(parameters, rate, **settings.model_dump())


# No NAdam: a number of it comes back from a checkpoint on the GPU, and each step would wait for it.
OPTIMIZERS: dict[str, Part[Callable[..., Optimizer]]] = {
    "adamw": Part(WeightDecay, adamw),
    "adam": Part(WeightDecay, adam),
    "radam": Part(WeightDecay, radam),
    "sgd": Part(Momentum, sgd),
    "rmsprop": Part(MeanSquare, rmsprop),
}


def _class_weights(value: object) -> object:
    """Check weights of classes; which classes there are is known with the data alone."""
    if isinstance(value, dict) and value:
        numbers = [each for each in value.values() if type(each) in (int, float)]
        if len(numbers) == len(value) and all(0 <= each <= MOST for each in numbers):
            return {name: float(each) for name, each in value.items()}
    elif value in ("none", "balanced"):
        return value
    raise ValueError(
        "expected none, balanced or a table with a number of at least 0 for each class, got "
        f"{short_repr(value)}"
    )


class CrossEntropy(Table):
    """Settings of the cross-entropy.

    Attributes:
        label_smoothing: the share of each target that is spread over all classes.
        class_weights: "balanced" weighs the classes alike, however many training clips they have;
            or a weight for each class, by its name.
    """

    label_smoothing: float = Field(ge=0, lt=1)
    class_weights: Annotated[str | dict[str, float], BeforeValidator(_class_weights)] = "none"


def cross_entropy(logits: Tensor, batch: Batch, settings: CrossEntropy) -> Tensor:
    """Return the mean cross-entropy of float32 logits, (batch, class), with a batch's targets.

    Labels may be smoothed (Szegedy et al. 2015, arXiv 1512.00567). A batch has the weights of its
    classes, each class of a target its own. "balanced" is the weighted mean, as torch has it. With
    weights by name the weighted sum is divided by the clips of the batch, as Keras does: the
    reports that give weights used it, and their size counts there, against an L2 term and a limit
    of the gradient. The mean weight of "balanced" is 1 over all clips, so that it would differ from
    batch to batch alone.
    """
    smoothing, loss = settings.label_smoothing, nn.functional.cross_entropy
    if settings.class_weights == "none":
        return loss(logits, batch.targets, label_smoothing=smoothing)
    weights = batch.class_weights
    if weights is None:
        raise ValueError("expected a batch with class weights, got none")
    total = loss(logits, batch.targets, weights, label_smoothing=smoothing, reduction="sum")
    balanced = settings.class_weights == "balanced"
    return total / ((batch.targets @ weights).sum() if balanced else len(batch.targets))


LOSSES: dict[str, Part[Callable[..., Tensor]]] = {
    "cross_entropy": Part(CrossEntropy, cross_entropy),
}
_FAMILIES: Mapping[str, Mapping[str, Part[Any]]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "order": ORDERS,  # may be absent
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
    order: Order


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
    if recipe.distillation is not None:
        loss = partial(distilled, hard=loss, settings=recipe.distillation)
    order = bound.get("order", shuffled)
    return Parts(optimizer, schedule, loss, before, after, order)


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
