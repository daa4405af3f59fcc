"""A study: everything that decides what a search does, as a TOML file states it.

Conventions: shares are 0 to 1, times in seconds. There are no defaults for what changes a result,
except that what is absent is off: no limit on trials or time, the built-in scenes as data, the
data's own clip length.
"""

import json
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from nas_asc.complexity import counting_rule
from nas_asc.errors import ConfigError
from nas_asc.shipped import find, is_path
from nas_asc.spaces import faults_of
from nas_asc.study.early_stopping import EarlyStopping
from nas_asc.study.old_keys import with_new_keys
from nas_asc.study.recipe import MOST, Recipe, Table
from nas_asc.toml_file import Fault, read_toml
from nas_asc.units import MOST_S

# What may change when a run is resumed: where the search ends.
RAISABLE = ("trials", "time_s")

# Named, not imported: it loads torch, which only what is about to train should wait for.
_FAULTS_OF_PARTS = "nas_asc.training.parts:faults_of_parts"


def _rule(rule: str) -> str:
    try:
        return counting_rule(rule).id
    except ConfigError as error:
        raise ValueError(str(error)) from None


class StudyConfig(Table):
    """All settings of a search.

    Attributes:
        title: one line on what the study is for.
        space: name or path of the search space.
        rule: id of the counting rule.
        budget: limits as `nas_asc.complexity.budget` reads them; None where the rule's own are all.
        objective: what is searched for besides a small size.
        data: folder of the recordings; None for the built-in synthetic scenes.
        clip_s: length of a clip; None for the data's median.
        skip_bad: whether clips that cannot be decoded are left out.
        trials: finished trials at which the search ends, report models and those of earlier
            sessions included. May be raised when a run is resumed.
        time_s: seconds in all sessions together at which the search ends; whichever of this and
            `trials` comes first. May be raised when a run is resumed.
        epochs: of a full training.
        sampler: tpe, nsga2 or random.
        seed: of everything random.
        lag: trial n is proposed when the trials up to n - lag have ended. So many workers are kept
            busy at most, and the results do not depend on how many there are.
        startup_trials: so many trials after the report models are drawn at random and wait for
            nothing.
        macs_ceiling: multiply-accumulates for one clip above which a proposal is not trained, so
            that a search ends in time on the machine it is meant for; report models are exempt.
            None for no ceiling.
        max_proposals: of a sampler for one trial, before chance takes over.
        warm_start: whether the report models of the space are trained first.
        early_stopping: when a training is ended before its last epoch.
        recipe: how each candidate is trained.
    """

    title: str = ""
    space: str | None = None
    rule: Annotated[str, AfterValidator(_rule)]
    budget: str | None = None
    objective: Literal["log_loss", "accuracy"]
    data: str | None = None
    clip_s: float | None = Field(default=None, ge=0.01, le=3600)
    skip_bad: bool = False
    trials: int | None = Field(default=None, ge=1, le=MOST)
    time_s: float | None = Field(default=None, gt=0, le=MOST_S)
    epochs: int = Field(ge=1, le=MOST)
    sampler: Literal["tpe", "nsga2", "random"]
    seed: int = Field(ge=0, lt=2**63)
    lag: int = Field(ge=1, le=MOST)
    startup_trials: int = Field(ge=0, le=MOST)
    macs_ceiling: int | None = Field(default=None, ge=1, lt=2**63)
    max_proposals: int = Field(ge=1, le=MOST)
    warm_start: bool
    early_stopping: EarlyStopping
    recipe: Recipe

    @property
    def independent(self) -> bool:
        """Whether no trial depends on the results of others."""
        return self.sampler == "random" and not self.early_stopping.epochs(self.epochs)

    def most_busy(self, report_models: int) -> float:
        """Return how many workers can be busy at once, with so many report models in front."""
        first = self.startup_trials + (report_models if self.warm_start else 0)
        return inf if self.independent else max(self.lag, first)

    @model_validator(mode="after")
    def _ends(self) -> "StudyConfig":
        if self.trials is None and self.time_s is None:
            raise ValueError("trials: expected a number, or time_s, got neither")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as TOML holds them: what is None is absent."""
        return self.model_dump(exclude_none=True)


def load_study(name_or_path: str) -> StudyConfig:
    """Load a shipped study by name, or any study by path.

    Raises:
        ConfigError: there is no such study, or it is not valid; the message has every fault.
    """
    path = find("studies", name_or_path, "study")
    return read_study(path, check_parts=is_path(name_or_path))  # tests hold the shipped ones


def read_study(path: Path, check_parts: bool = False) -> StudyConfig:
    """Read a study from a file.

    Args:
        path: the file.
        check_parts: whether the settings of the recipe's parts are checked too, which loads torch.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a study")
    # What a technical report says of its training, nas_asc/reports/report.py, is no setting.
    table = with_new_keys({key: value for key, value in file.data.items() if key != "report"})
    faults: list[Fault] = []
    recipe = table.get("recipe")
    if check_parts and isinstance(recipe, dict):
        check: Callable[[Mapping[str, object]], list[Fault]] = resolve_name(_FAULTS_OF_PARTS)
        faults = check(recipe)
    try:
        study = StudyConfig.model_validate(table)
    except ValidationError as error:
        raise file.error([*faults_of(error, StudyConfig), *faults]) from None
    if faults:
        raise file.error(faults)
    return study


def with_options(study: StudyConfig, options: Mapping[str, object]) -> StudyConfig:
    """Return a study with some settings changed, as a command line asks for it.

    Args:
        study: what to start from.
        options: new values by name.

    Raises:
        ConfigError: a setting is not valid; the message has every fault.
    """
    try:
        return StudyConfig.model_validate({**study.to_dict(), **options})
    except ValidationError as error:
        faults = faults_of(error, StudyConfig)
    raise ConfigError("\n".join(fault.text for fault in faults))


def study_toml(study: StudyConfig) -> str:
    """Write a study as the text of a file that `read_study` reads back."""
    return "\n".join(_table_lines(study.to_dict(), "")).lstrip("\n") + "\n"


def _table_lines(table: Mapping[str, object], path: str) -> list[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in table.items() if key not in inner]
    if path and (lines or not inner):
        lines = ["", f"[{path}]", *lines]
    for key, value in inner.items():
        lines += _table_lines(value, f"{path}.{key}" if path else key)
    return lines


def _toml(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
