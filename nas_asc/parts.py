"""The parts that a recipe names, found in their tables and given their settings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nas_asc.augmentations import AUGMENTATIONS
from nas_asc.batches import Batch
from nas_asc.errors import ConfigError, nearest
from nas_asc.losses import LOSSES
from nas_asc.optimizers import OPTIMIZERS
from nas_asc.recipe import Part, Recipe
from nas_asc.schedules import SCHEDULES
from nas_asc.toml_file import Fault
from nas_asc.validation import faults_of

_FAMILIES: dict[str, dict[str, Part[Any]]] = {
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
    faults = faults_of_parts(recipe.to_dict())
    if faults:
        raise ConfigError("\n".join(fault.text for fault in faults))
    bound = {
        chosen.key: partial(part.function, settings=part.settings.model_validate(chosen.settings))
        for chosen in _chosen(recipe.to_dict())
        for part in [chosen.members[chosen.name]]
    }
    augmentations = tuple(bound[name] for name in AUGMENTATIONS if name in recipe.augmentations)
    return Parts(bound["optimizer"], bound["schedule"], bound["loss"], augmentations)


def faults_of_parts(recipe: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with the parts of a `[recipe]` table, leaving its other keys alone."""
    return [fault for chosen in _chosen(recipe) for fault in _faults(chosen)]


class _Chosen(NamedTuple):
    """A part as a recipe has it: `key` is the family's, or the name of an augmentation."""

    key: str
    members: Mapping[str, Part[Any]]
    name: str
    settings: Mapping[str, Any]
    path: str


def _chosen(recipe: Mapping[str, Any]) -> Iterator[_Chosen]:
    """Yield the parts of a recipe; what is no table or has no name is a fault of the recipe's."""
    for key, members in _FAMILIES.items():
        table = recipe.get(key)
        table = {"name": table} if isinstance(table, str) else table
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            settings = {name: value for name, value in table.items() if name != "name"}
            yield _Chosen(key, members, table["name"], settings, f"recipe.{key}")
    tables = recipe.get("augmentations")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict):
            yield _Chosen(name, AUGMENTATIONS, name, table, f"recipe.augmentations.{name}")


def _faults(chosen: _Chosen) -> list[Fault]:
    members, name, path = chosen.members, chosen.name, chosen.path
    if name not in members:
        text = f"expected one of {', '.join(members)}, got {name!r}{nearest(name, members)}"
        return [Fault(path, f"{path}: {text}")]
    settings = members[name].settings
    try:
        settings.model_validate(chosen.settings)
    except ValidationError as error:
        found = faults_of(error, settings)
        return [Fault(f"{path}.{fault.path}", f"{path}.{fault.text}") for fault in found]
    return []
