"""A study: everything that decides what a search does, as a TOML file states it.

Conventions: shares are 0 to 1, times in seconds. There are no defaults for what changes a result,
except that what is absent is off: no limit on trials or time, the built-in scenes as data, the
data's own clip length.
"""

import json
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from nas_asc.errors import ConfigError, nearest, short_repr
from nas_asc.recipe import Recipe, read_recipe
from nas_asc.rules import counting_rule
from nas_asc.shipped import find
from nas_asc.toml_file import Fault, read_toml
from nas_asc.units import MOST_S
from nas_asc.vocabulary import MODEL_DOMAINS

# What may change when a run is resumed: where the search ends.
RAISABLE = ("trials", "time_s")

_MOST = 1_000_000  # of trials, epochs, proposals: more than any search gets through


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EarlyStopping(_Table):
    """When a training is ended early; `nas_asc.rungs` has the rule.

    Attributes:
        rungs: shares of the epochs after which trials are compared.
        keep: share of the trials of like size that goes on at each.
        min_history: earlier trials that a comparison needs at least.
    """

    enabled: bool
    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(strict=False)
    keep: float = Field(gt=0, le=1)
    min_history: int = Field(ge=1, le=_MOST)

    def epochs(self, total: int) -> tuple[int, ...]:
        """Give the epochs, of `total`, after which trials are compared."""
        if not self.enabled:
            return ()
        return tuple(sorted({e for s in self.rungs if 0 < (e := round(s * total)) < total}))


def _recipe(table: object) -> Recipe:
    if isinstance(table, Recipe):
        return table
    try:
        return read_recipe(table if isinstance(table, Mapping) else {})
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _rule(rule: str) -> str:
    try:
        return counting_rule(rule).id
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _clip(clip_s: float) -> float:
    domain = MODEL_DOMAINS["clip_s"]
    if not domain.accepts(clip_s):
        raise ValueError(f"clip_s: {domain.error_message(clip_s)}")
    return clip_s


class StudyConfig(_Table):
    """All settings of a search.

    Attributes:
        title: one line on what the study is for.
        space: name or path of the search space.
        rule: id of the counting rule.
        budget: limits as `nas_asc.budget` reads them; None where the rule's own are all.
        objective: what is searched for besides a small size.
        data: folder of the recordings; None for the built-in synthetic scenes.
        clip_s: length of a clip; None for the data's median.
        skip_bad: whether clips that cannot be decoded are left out.
        trials: finished trials in all at which the search ends; report models and the trials of
            earlier sessions count. May be raised when a run is resumed.
        time_s: seconds in all sessions together at which the search ends; whichever of this and
            `trials` comes first. May be raised when a run is resumed.
        epochs: of a full training.
        sampler: tpe, nsga2 or random.
        seed: of everything.
        lag: trial n is asked for when the trials up to n - lag have ended. So many workers are
            kept busy at most, and the results do not depend on how many there are.
        startup_trials: so many trials after the report models are drawn at random and wait for
            nothing.
        macs_ceiling: multiply-accumulates for one clip above which a proposal is not trained, so
            that a search ends in time on the machine it is meant for; report models are exempt.
            None for no ceiling.
        max_proposals: of a sampler for one trial, before chance takes over.
        seeds: whether the report models of the space are trained first.
    """

    title: str = ""
    space: str | None = None
    rule: Annotated[str, AfterValidator(_rule)]
    budget: str | None = None
    objective: Literal["log_loss", "accuracy"]
    data: str | None = None
    clip_s: Annotated[float, AfterValidator(_clip)] | None = None
    skip_bad: bool = False
    trials: int | None = Field(default=None, ge=1, le=_MOST)
    time_s: float | None = Field(default=None, gt=0, le=MOST_S)
    epochs: int = Field(ge=1, le=_MOST)
    sampler: Literal["tpe", "nsga2", "random"]
    seed: int = Field(ge=0, lt=2**63)
    lag: int = Field(ge=1, le=_MOST)
    startup_trials: int = Field(ge=0, le=_MOST)
    macs_ceiling: int | None = Field(default=None, ge=1, lt=2**63)
    max_proposals: int = Field(ge=1, le=_MOST)
    seeds: bool
    early_stopping: EarlyStopping
    recipe: Annotated[Recipe, PlainValidator(_recipe)]

    @property
    def independent(self) -> bool:
        """Whether no trial depends on the results of others."""
        return self.sampler == "random" and not self.early_stopping.epochs(self.epochs)

    def most_busy(self, report_models: int) -> float:
        """Say how many workers can be busy at once, with so many report models in front."""
        first = self.startup_trials + (report_models if self.seeds else 0)
        return inf if self.independent else max(self.lag, first)

    @model_validator(mode="after")
    def _ends(self) -> "StudyConfig":
        if self.trials is None and self.time_s is None:
            raise ValueError("trials: expected a number, or time_s, got neither")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as TOML holds them: what is None is absent."""
        plain = self.model_dump(exclude_none=True, exclude={"recipe"})
        return {**plain, "recipe": self.recipe.to_dict()}


def load_study(name_or_path: str) -> StudyConfig:
    """Load a shipped study by name, or any study by path.

    Raises:
        ConfigError: there is no such study, or it is not valid; the message has every fault.
    """
    return read_study(find("studies", name_or_path, "study"))


def read_study(path: Path) -> StudyConfig:
    """Read a study from a file.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a study")
    # What a technical report says of its training, nas_asc/reports.py, is no setting.
    table = {key: value for key, value in file.data.items() if key != "report"}
    config = _validated(table)
    if isinstance(config, StudyConfig):
        return config
    raise file.error(config)


def with_options(study: StudyConfig, options: Mapping[str, object]) -> StudyConfig:
    """Give a study with some settings changed, as a command line asks for it.

    Args:
        study: what to start from.
        options: new values by name.

    Raises:
        ConfigError: a setting is not valid; the message has every fault.
    """
    config = _validated({**study.to_dict(), **options})
    if isinstance(config, StudyConfig):
        return config
    raise ConfigError("\n".join(fault.text for fault in config))


def study_toml(study: StudyConfig) -> str:
    """Write a study as the text of a file that `read_study` reads back."""
    plain, tables = [], []
    for name, value in study.to_dict().items():
        if isinstance(value, Mapping):
            tables += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in value.items())]
        else:
            plain.append(f"{name} = {_toml(value)}")
    return "\n".join([*plain, *tables]) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


def _validated(table: Mapping[str, object]) -> StudyConfig | list[Fault]:
    """Give the study of a table, or all that is wrong with it."""
    try:
        return StudyConfig.model_validate(dict(table))
    except ValidationError as error:
        errors = error.errors()
    return [Fault(*line.split(": ", 1)) for fault in errors for line in _lines(fault)]


def _known(table: tuple[int | str, ...]) -> list[str]:
    model = EarlyStopping if table == ("early_stopping",) else StudyConfig
    return list(model.model_fields)


def _lines(fault: Mapping[str, Any]) -> list[str]:
    """Write one of pydantic's faults in the order expected, got, do."""
    path = ".".join(map(str, fault["loc"]))
    message: str = fault["msg"]
    if fault["type"] == "extra_forbidden":
        known = _known(fault["loc"][:-1])
        return [f"{path}: expected one of {', '.join(known)}{nearest(fault['loc'][-1], known)}"]
    if fault["type"] == "missing":
        return [f"{path}: expected a value, got nothing"]
    if fault["type"] == "value_error":
        return message.removeprefix("Value error, ").splitlines()
    expected = message.removeprefix("Input should be ").removeprefix("a valid ")
    hint = ""
    if fault["type"] == "literal_error":
        hint = nearest(str(fault["input"]), str(fault["ctx"]["expected"]).split("'")[1::2])
    return [f"{path}: expected {expected}, got {short_repr(fault['input'])}{hint}"]
