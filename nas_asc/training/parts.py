"""The parts that a recipe names, found in the tables of their families and given their settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nas_asc.errors import ConfigError, nearest
from nas_asc.spaces import faults_of
from nas_asc.study import Part, Recipe
from nas_asc.toml_file import Fault
from nas_asc.training.augmentations import AUGMENTATIONS
from nas_asc.training.batches import Batch
from nas_asc.training.losses import LOSSES
from nas_asc.training.optimizers import OPTIMIZERS
from nas_asc.training.schedules import SCHEDULES

_FAMILIES: Mapping[str, Mapping[str, Part[Any]]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
}


@dataclass(frozen=True)
class Parts:
    """What a training consists of, ready to be called.

    Attributes:
        optimizer: from parameters and the learning rate.
        schedule: from the optimizer, the number of epochs and that of steps in one.
        loss: of float32 logits, (batch, class), and the batch.
        augmentations: of a batch and a generator on the CPU, in this order.
    """

    optimizer: Callable[..., Optimizer]
    schedule: Callable[..., LRScheduler]
    loss: Callable[[Tensor, Batch], Tensor]
    augmentations: tuple[Callable[..., Batch], ...]


def parts_of(recipe: Recipe) -> Parts:
    """Return the parts of a recipe.

    Raises:
        ConfigError: there is no such part, or its settings are not valid; all faults at once.
    """
    bound, faults = _bind(recipe.to_dict())
    if faults:
        raise ConfigError("\n".join(fault.text for fault in faults))
    return Parts(
        bound["recipe.optimizer"],
        bound["recipe.schedule"],
        bound["recipe.loss"],
        tuple(
            bound[f"recipe.augmentations.{name}"]
            for name in AUGMENTATIONS
            if name in recipe.augmentations
        ),
    )


def faults_of_parts(recipe: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the parts of a `[recipe]` table, leaving its other keys alone."""
    return _bind(recipe)[1]


def _bind(recipe: Mapping[str, Any]) -> tuple[dict[str, Callable[..., Any]], list[Fault]]:
    """Return the functions of the parts with their settings, by path, and all faults.

    What is no table or has no name is a fault of the recipe, and left out here.
    """
    bound: dict[str, Callable[..., Any]] = {}
    faults: list[Fault] = []

    def bind(path: str, members: Mapping[str, Part[Any]], name: str, table: object) -> None:
        if name not in members:
            known = f"expected one of {', '.join(members)}, got {name!r}{nearest(name, members)}"
            faults.append(Fault(path, known))
            return
        settings, function = members[name]
        try:
            bound[path] = partial(function, settings=settings.model_validate(table))
        except ValidationError as error:
            for fault in faults_of(error, settings):
                faults.append(Fault(f"{path}.{fault.path}", fault.message))

    for family, members in _FAMILIES.items():
        choice = recipe.get(family)
        table = dict(choice) if isinstance(choice, dict) else {"name": choice}
        name = table.pop("name", None)
        if isinstance(name, str):
            bind(f"recipe.{family}", members, name, table)
    augmentations = recipe.get("augmentations")
    for name, table in augmentations.items() if isinstance(augmentations, dict) else ():
        if isinstance(table, dict):
            bind(f"recipe.augmentations.{name}", AUGMENTATIONS, name, table)
    return bound, faults
