"""How one candidate is trained: a value, read from the `[recipe]` table of a study.

Conventions: widths of masks and shifts are shares, 0 to 1, of the axis they act on, so that one
recipe serves every front end. 0 turns a part off. There are no defaults: a study states all of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nas_asc.errors import ConfigError, nearest
from nas_asc.schedules import SCHEDULES

OPTIMIZERS = ("adamw", "adam")


@dataclass(frozen=True)
class Recipe:
    """Optimisation and augmentation of one training; the number of epochs is the study's.

    Attributes:
        optimizer: `adamw` (decoupled weight decay) or `adam` (weight decay as an L2 term).
        learning_rate: The peak of the schedule.
        weight_decay: Of all parameters, batch norm and biases included, as torch does.
        schedule: `one_cycle` (torch's, momentum cycled too), `cosine` (from the peak to 0) or
            `constant`.
        batch_size: Clips per step.
        mixup_alpha: Of the Beta(alpha, alpha) that each clip's share is drawn from.
        label_smoothing: Share of a target that is spread over all classes.
        mel_masks: Masks over mel bins per clip (SpecAugment).
        mel_mask_width: Largest width of one, as a share of the mel axis.
        frame_masks: Masks over frames (samples of a waveform) per clip.
        frame_mask_width: Largest width of one, as a share of the clip.
        time_shift: Largest circular shift, to either side, as a share of the clip.
        ema_decay: Of the average of weights that is evaluated; 0 evaluates the last weights.
        gradient_clip: Largest norm of the gradient.

    Raises:
        ConfigError: A value is out of its range; all faults at once, one a line.
    """

    optimizer: str
    learning_rate: float
    weight_decay: float
    schedule: str
    batch_size: int
    mixup_alpha: float
    label_smoothing: float
    mel_masks: int
    mel_mask_width: float
    frame_masks: int
    frame_mask_width: float
    time_shift: float
    ema_decay: float
    gradient_clip: float

    def __post_init__(self) -> None:
        faults = [fault for key, value in asdict(self).items() if (fault := _fault(key, value))]
        if faults:
            raise ConfigError("\n".join(faults))

    def to_dict(self) -> dict[str, object]:
        """Give the `[recipe]` table that `read_recipe` would read back."""
        return asdict(self)


def read_recipe(table: Mapping[str, object]) -> Recipe:
    """Read a `[recipe]` table.

    Raises:
        ConfigError: A key is unknown or missing, or a value is not valid; all faults at once.
    """
    known = tuple(field.name for field in fields(Recipe))
    faults = [
        f"recipe.{key}: expected one of {', '.join(known)}{nearest(key, known)}"
        for key in table
        if key not in known
    ]
    for key in known:
        if key not in table:
            faults.append(f"recipe.{key}: expected {_EXPECTED[key][1]}, found nothing, add it")
        elif fault := _fault(key, table[key]):
            faults.append(fault)
    if faults:
        raise ConfigError("\n".join(faults))
    return Recipe(**{key: table[key] for key in known})  # type: ignore[arg-type]  # checked above


_MOST = 1_000_000


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_POSITIVE = (lambda v: _number(v) and v > 0, f"a number above 0, at most {_MOST:,}")
_NOT_NEGATIVE = (lambda v: _number(v) and v >= 0, f"a number from 0 to {_MOST:,}")
_SHARE = (lambda v: _number(v) and 0 <= v <= 1, "a share from 0 to 1")
_BELOW_ONE = (lambda v: _number(v) and 0 <= v < 1, "a number from 0 to below 1")
_COUNT = (lambda v: _count(v) and 0 <= v <= 1000, "a whole number from 0 to 1,000")

_EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "optimizer": (lambda v: v in tuple(OPTIMIZERS), f"one of {', '.join(OPTIMIZERS)}"),
    "learning_rate": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "schedule": (lambda v: v in tuple(SCHEDULES), f"one of {', '.join(SCHEDULES)}"),
    "batch_size": (
        lambda v: _count(v) and 1 <= v <= _MOST,
        f"a whole number from 1 to {_MOST:,}",
    ),
    "mixup_alpha": _NOT_NEGATIVE,
    "label_smoothing": _BELOW_ONE,
    "mel_masks": _COUNT,
    "mel_mask_width": _SHARE,
    "frame_masks": _COUNT,
    "frame_mask_width": _SHARE,
    "time_shift": _SHARE,
    "ema_decay": _BELOW_ONE,
    "gradient_clip": _NOT_NEGATIVE,
}


def _fault(key: str, value: object) -> str | None:
    valid, expected = _EXPECTED[key]
    if valid(value):
        return None
    hint = ""
    if isinstance(value, str) and key in ("optimizer", "schedule"):
        hint = nearest(value, OPTIMIZERS if key == "optimizer" else SCHEDULES)
    return f"recipe.{key}: expected {expected}, found {value!r}{hint}"
