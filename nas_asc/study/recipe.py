"""How one candidate is trained: the `[recipe]` table of a study, without torch.

A recipe names its parts (optimizer, schedule, loss, augmentations) and holds their settings as the
TOML does. Which settings a part has, and what it does, stands in the part's own file; `parts` finds
it there, which takes torch. Nothing that changes a result has a default; what is absent is off.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MOST = 1_000_000  # of trials, epochs, rates: more than any training gets through

Share = Annotated[float, Field(ge=0, le=1)]
F = TypeVar("F", bound=Callable[..., Any])


class Table(BaseModel):
    """A table of a study: its values cannot be changed, and it has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Part(NamedTuple, Generic[F]):
    """One member of a family of parts, such as a loss.

    Attributes:
        settings: its TOML table.
        function: what it does; takes an instance of `settings` under that name.
    """

    settings: type[Table]
    function: F


class NoSettings(Table):
    """The table of a part that has nothing to set."""


def _named(table: object) -> object:
    return {"name": table} if isinstance(table, str) else table


def _with_name(table: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(table.get("name"), str):
        raise ValueError("expected a name, or a table with a name and its settings")
    return table


# The name of a part by itself, or a table with its name and settings.
Choice = Annotated[dict[str, Any], BeforeValidator(_named), AfterValidator(_with_name)]


class Recipe(Table):
    """Optimisation and augmentation of one training; the number of epochs is the study's.

    Attributes:
        optimizer: one of `optimisation.OPTIMIZERS`, with its settings.
        learning_rate: the peak of the schedule.
        schedule: one of `schedules.SCHEDULES`, with its settings.
        batch_size: clips per step.
        loss: one of `losses.LOSSES`, with its settings.
        ema_decay: of the average of weights that is evaluated; 0 evaluates the last weights.
        gradient_clip: largest norm of the gradient; 0 for no limit.
        augmentations: settings of each that is on, by its name in `augmentations.AUGMENTATIONS`.
    """

    optimizer: Choice
    learning_rate: float = Field(gt=0, le=MOST)
    schedule: Choice
    batch_size: int = Field(ge=1, le=MOST)
    loss: Choice
    ema_decay: float = Field(ge=0, lt=1)
    gradient_clip: float = Field(ge=0, le=MOST)
    augmentations: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def to_dict(self) -> Mapping[str, Any]:
        """Return the `[recipe]` table."""
        return self.model_dump()
