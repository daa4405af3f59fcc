"""A recipe: everything that decides a training, as the `[recipe]` table of a study states it.

Conventions: shares are 0 to 1. What is absent is off. A recipe names its parts (optimizer,
schedule, loss, augmentations) and holds their settings as the TOML does. Which settings a part has,
and what it does, stands in room `training`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails

from nas_asc.architectures import RECIPE
from nas_asc.errors import ConfigError, nearest
from nas_asc.study.data_source import Table
from nas_asc.study.recipe_choices import (
    Option,
    recipes_to_check,
    split_choices,
    with_lists,
    with_options_chosen,
)
from nas_asc.study.recipe_tables import (
    L2,
    MOST,
    USUAL_PRUNING,
    Curriculum,
    Keep,
    PruningSchedule,
    Share,
    Stop,
)

F = TypeVar("F", bound=Callable[..., Any])


class Part(NamedTuple, Generic[F]):
    """One member of a family of parts, such as a loss: its TOML table, and what it does.

    The function takes an instance of `settings` under that name.
    """

    settings: type[Table]
    function: F


class NoSettings(Table):
    """The table of a part that has nothing to set."""


def _named(value: object) -> object:
    table = {"name": value} if isinstance(value, str) else value
    if isinstance(table, dict) and not isinstance(table.get("name"), str):
        raise ValueError("expected a name, or a table with a name and its settings")
    return table


# The name of a part by itself, or a table with its name and settings.
Choice = Annotated[dict[str, Any], BeforeValidator(_named)]


class Distillation(Table):
    """What networks learn from teachers, besides from the labels.

    Attributes:
        temperature: that the logits of teachers and of a network are divided by.
        weight: of what the teachers say in the loss; the labels have the rest.
        teachers: trained networks or ensembles, RUN:TRIAL each, whose probabilities are averaged.
    """

    temperature: float = Field(gt=0, le=1000)
    weight: Share
    teachers: tuple[str, ...] = Field(min_length=1, strict=False)


class Recipe(Table):
    """Optimisation and augmentation of one training; the number of epochs is the study's.

    Most values may be lists in TOML, which are choices: here stands the first option then.

    Attributes:
        learning_rate: the peak of the schedule.
        batch_size: clips per step. What is left over at the end of an epoch is a step of its own
            from half a batch on, and of two clips at least; fewer are left out of that epoch.
        ema_decay: of the average of weights that is evaluated; 0 evaluates the last weights.
        epoch_clips: so many clips are an epoch at most, and the next ones the next: large data are
            gone through in parts, so that trainings can be compared early. None for all.
        gradient_clip: largest norm of the gradient; 0 for no limit.
        quantization_aware: the share of the training, at its end, in which a network that will be
            stored in int8 or full_int8 computes with weights rounded so. None for none of it.
        augmentations: settings of each that is on, by its name in `AUGMENTATIONS`.
        order: of the clips of an epoch, one of `ORDERS`; None for "shuffled".
        join_clips: whether training clips that are parts of one recording, as the names of TAU 2022
            Mobile say, or windows of one file, are joined, and a network is fed a stretch from
            anywhere in it, as long as a clip at most; a recording is one training clip then. None
            for no. What judges stays.
        pruning: when networks that are to be pruned are; None for as it always was.
        l2, stop, keep, curriculum: see each; None for off: the last weights are the result.
        distillation: what is learnt from teachers; None for nothing.
        calibration: whether the trained network's logits are divided by the temperature of the
            lowest log loss on validation clips; absent it is "none".
    """

    optimizer: Choice
    learning_rate: float = Field(gt=0, le=MOST)
    schedule: Choice
    batch_size: int = Field(ge=1, le=MOST)
    epoch_clips: int | None = Field(default=None, ge=1, le=MOST)
    loss: Choice
    ema_decay: float = Field(ge=0, lt=1)
    gradient_clip: float = Field(ge=0, le=MOST)
    quantization_aware: float | None = Field(default=None, gt=0, le=1)
    augmentations: dict[str, dict[str, Any]] = Field(default_factory=dict)
    distillation: Distillation | None = None
    order: Choice | None = None
    join_clips: bool | None = None
    l2: L2 | None = None
    stop: Stop | None = None
    keep: Keep | None = None
    curriculum: Curriculum | None = None
    pruning: PruningSchedule | None = None
    calibration: Literal["none", "temperature"] | None = None

    _choices: Mapping[str, tuple[Option, ...]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _read_choices(cls, table: Any, read: Callable[[Any], "Recipe"]) -> "Recipe":
        if not isinstance(table, dict):
            return read(table)
        first, choices = split_choices(table)
        recipes: list[Recipe] = []
        faults: dict[str, InitErrorDetails] = {}  # of all options, each once
        for each in recipes_to_check(first, choices):
            try:
                recipes.append(read(each))
            except ValidationError as error:
                for found in error.errors(include_url=False):
                    kind, loc, value = found["type"], found["loc"], found["input"]
                    fault = InitErrorDetails(
                        type=kind, loc=loc, input=value, ctx=found.get("ctx", {})
                    )
                    faults[str((loc, found["msg"], value))] = fault
        if faults:
            raise ValidationError.from_exception_data("recipe", [*faults.values()])
        recipes[0]._choices = choices
        return recipes[0]

    @model_serializer(mode="wrap")
    def _write_choices(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return with_lists(write(self), self._choices)

    @property
    def choices(self) -> Mapping[str, tuple[Option, ...]]:
        """What each candidate has an option of, by path: see `recipe_choices`."""
        return self._choices

    def of(self, sections: Mapping[str, Mapping[str, Any]]) -> "Recipe":
        """Return the recipe of a candidate, with what its section "recipe" says.

        What that does not say is the first option, as of report models.
        """
        chosen = sections.get(RECIPE, {})
        if not (self._choices or chosen):
            return self
        first, _ = split_choices(self.to_dict())
        return Recipe.model_validate(with_options_chosen(first, chosen))

    def with_each_option(self) -> Iterator["Recipe"]:
        """Yield recipes without choices: each option, and all combinations within a part."""
        yield from map(Recipe.model_validate, recipes_to_check(*split_choices(self.to_dict())))

    @property
    def absolute(self) -> "Recipe":
        """The same with paths of teachers that hold in any folder."""
        if self.distillation is None:
            return self
        teachers = tuple(str(Path(teacher).absolute()) for teacher in self.distillation.teachers)
        placed = self.distillation.model_copy(update={"teachers": teachers})
        return self.model_copy(update={"distillation": placed})

    @property
    def pruning_schedule(self) -> PruningSchedule:
        """When networks that are to be pruned are."""
        return self.pruning or USUAL_PRUNING

    def epoch_steps(self, clips: int) -> int:
        """Return how many steps an epoch of so many clips has; fewer than a batch are one."""
        full, left = divmod(min(clips, self.epoch_clips or clips), self.batch_size)
        return max(1, full + (left >= max(2, self.batch_size / 2)))

    def first_epochs(self, epochs: int) -> int:
        """Return how many epochs are trained before those of a training of so many."""
        return self.curriculum.first_epochs(epochs) if self.curriculum else 0

    def class_weights(self, classes: Sequence[str]) -> tuple[float, ...] | None:
        """Return the weights that the loss names by class, in the order of the classes, if any.

        Raises:
            ConfigError: a class has none, or there is no such class.
        """
        given = self.loss.get("class_weights")
        if not isinstance(given, Mapping):
            return None
        if {*given} != {*classes}:
            missing = [name for name in classes if name not in given]
            others = [f"{name}{nearest(name, classes)}" for name in given if name not in classes]
            found = [f"none for {', '.join(missing)}"] if missing else []
            found += [f"one for {', '.join(others)}"] if others else []
            raise ConfigError(
                "recipe.loss.class_weights: expected a weight for each class of the data "
                f"({', '.join(classes)}), got {' and '.join(found)}"
            )
        return tuple(float(given[name]) for name in classes)

    def to_dict(self) -> Mapping[str, Any]:
        """Return the `[recipe]` table."""
        return self.model_dump(exclude_none=True)
