"""A study: everything that decides what a search does and how it trains, as a TOML file states it.

Conventions: shares are 0 to 1, times in seconds. There are no defaults for what changes a result,
except that what is absent is off: no limit on trials or time, the built-in scenes as data, no
augmentation.

`[recipe]` is a `Recipe`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    model_validator,
)

from nas_asc.complexity import counting_rule
from nas_asc.errors import ConfigError, nearest, short_repr, unknown_key
from nas_asc.shipped import find, is_path
from nas_asc.study.data_source import DataSource, Table
from nas_asc.study.old_keys import with_new_keys
from nas_asc.study.recipe import Recipe
from nas_asc.study.recipe_choices import recipes_to_check, split_choices
from nas_asc.study.recipe_tables import MOST, Share
from nas_asc.study.storage_url import check_address
from nas_asc.toml_file import Fault, read_toml
from nas_asc.units import MOST_S

STUDY_FILE = "study.toml"  # of a run folder
# What a technical report says of its training (nas_asc/reports/report.py), and how the trainings of
# its networks differ from each other (reproduction.py), are no settings of a search.
NO_SETTINGS = ("report", "reproduce")
# What may be raised when a run is resumed: where the search ends, and what comes after it.
RAISABLE = ("trials", "time_s", "final_seeds", "cv")

_SORTS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}

# Named, not imported: it loads torch, which only what is about to train should wait for.
_FAULTS_OF_PARTS = "nas_asc.training.parts:faults_of_parts"

# Where teachers are asked for and a study says nothing else: as in NetEase's report.
_AS_NETEASE = {"temperature": 2.0, "weight": 0.5}

LEAST_EPOCHS = 3  # before trainings are compared: a ranking after fewer says little


class EarlyStopping(Table):
    """The `[early_stopping]` table of a study: successive halving.

    Attributes:
        rungs: shares of the epochs after which trainings are compared.
        keep: share of the trials at each rung that goes on.
    """

    enabled: bool
    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(strict=False)
    keep: float = Field(gt=0, le=1)

    def epochs(self, total: int) -> tuple[int, ...]:
        """Return the epochs, of `total`, after which trials are compared: none of the first two."""
        if not self.enabled:
            return ()
        epochs = {max(LEAST_EPOCHS, round(share * total)) for share in self.rungs}
        return tuple(sorted(epoch for epoch in epochs if epoch < total))

    def expected_share(self, total: int) -> float:
        """Return which share of `total` epochs a trial has on average, when many have been."""
        share, going_on, before = 0.0, 1.0, 0
        for epoch in (*self.epochs(total), total):
            share += going_on * (epoch - before) / total
            going_on, before = going_on * self.keep, epoch
        return share


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
        budget: limits as `parse_budget` reads them; None where the rule's own are all.
        objective: what is searched for besides a small size.
        data: the recordings, and how they are read.
        trials: that the search has, report models that take part and those of earlier sessions
            included. May be raised when a run is resumed, as may `time_s`.
        time_s: seconds of all sessions at which the search ends, if `trials` does not end it first.
        epochs: of a full training.
        seed: of everything random.
        lag: what comes next is decided when those jobs have ended that end by then on so many
            workers by plan. So many workers are kept busy at most, and the results do not depend on
            how many there are.
        startup_trials: so many trials after the report models are none of a sampler.
        mutations: share of those, the first ones, that are small changes of report models, unless
            there are to be none, or a sampler that learns nothing is asked for. The rest is drawn.
        macs_ceiling: multiply-accumulates for one clip above which a proposal is not trained, so
            that a search ends in time on the machine it is meant for; report models are exempt.
            None for no ceiling.
        longest_s: planned seconds of a full training above which a proposal is not trained either:
            two architectures of the same multiply-accumulates may differ in them by a factor.
        validation_clips: so many are judged at most, spread evenly; None for all.
        speed: of a core, or of a GPU that trains, against the reference core of `planning`.
        device: that trains, "cpu" or "cuda", the GPU; None where it was never said: the CPU. A run
            may be resumed on another.
        max_proposals: of a sampler for one trial, before chance takes over.
        proposal_batch: so many proposals are made of what is known at the first of them, so that a
            sampler that takes long keeps many workers busy; None for one by one.
        warm_start: whether the report models of the space are trained first.
        report_models: ids of those that are, ensembles among them; None for all.
        member_recipes: of networks of an ensemble that are trained by another recipe, by id; None
            where there are none.
        final_seeds: how often each point of the front is trained again when the search has ended;
            None for never. May be given or raised when a run is resumed, as may `cv`.
        cv: whether each point of the front is then trained again for each fold of the data too.
        storage: URL of the database that the trials are kept in, without a password; None for a
            file in the run folder.
        study_name: what the study is called there; a new search gives it one.
        plan: why settings that were planned are what they are, by name.
    """

    title: str = ""
    space: str | None = None
    rule: Annotated[str, AfterValidator(_rule)]
    budget: str | None = None
    objective: Literal["log_loss", "accuracy"]
    data: DataSource = DataSource()
    trials: int | None = Field(default=None, ge=1, le=MOST)
    time_s: float | None = Field(default=None, gt=0, le=MOST_S)
    epochs: int = Field(ge=1, le=MOST)
    sampler: Literal["tpe", "nsga2", "random", "evolution", "surrogate"]
    seed: int = Field(ge=0, lt=2**63)
    lag: int = Field(ge=1, le=MOST)
    startup_trials: int = Field(ge=0, le=MOST)
    mutations: Share = 0.0
    macs_ceiling: int | None = Field(default=None, ge=1, lt=2**63)
    longest_s: float | None = Field(default=None, gt=0, le=MOST_S)
    validation_clips: int | None = Field(default=None, ge=1)
    speed: float = Field(default=1.0, gt=0, le=MOST)
    device: Literal["cpu", "cuda"] | None = None
    max_proposals: int = Field(ge=1, le=MOST)
    proposal_batch: int | None = Field(default=None, ge=1, le=MOST)
    warm_start: bool
    report_models: tuple[str, ...] | None = Field(default=None, strict=False)
    final_seeds: int | None = Field(default=None, ge=1, le=MOST)
    cv: bool = False
    storage: Annotated[str, AfterValidator(check_address)] | None = None
    study_name: str | None = Field(default=None, min_length=1, max_length=512)
    early_stopping: EarlyStopping
    recipe: Recipe
    member_recipes: dict[str, Recipe] | None = None
    plan: dict[str, str] = Field(default_factory=dict)

    @property
    def independent(self) -> bool:
        """Whether no trial depends on the results of others."""
        return self.sampler == "random" and not self.early_stopping.epochs(self.epochs)

    @property
    def most_busy(self) -> float:
        """How many workers can be busy all the time."""
        return inf if self.independent else self.lag

    @property
    def trains_again(self) -> bool:
        """Whether the points of the front are trained again when the search has ended."""
        return self.final_seeds is not None or self.cv

    @model_validator(mode="after")
    def _ends(self) -> "StudyConfig":
        if self.trials is None and self.time_s is None:
            raise ValueError("trials: expected a number, or time_s, got neither")
        for member, recipe in (self.member_recipes or {}).items():
            for path in recipe.choices:
                raise ValueError(
                    f"member_recipes.{member}.{path}: expected one value, since ensembles are not "
                    "searched, got a list"
                )
        if self.cv and self.recipe.distillation:
            raise ValueError(
                "cv: expected no training for each fold (--cv) of what learns from teachers, who "
                "have heard test clips of other folds, got both - take --final-seeds"
            )
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
    """Read a study from a file; the settings of a recipe's parts are checked only if asked for.

    To check them loads torch.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a study")
    table = with_new_keys({k: v for k, v in file.data.items() if k not in NO_SETTINGS})
    faults: list[Fault] = []
    try:
        study = StudyConfig.model_validate(table)
    except ValidationError as error:
        faults += faults_of(error, StudyConfig)
    if check_parts:
        members = table.get("member_recipes")
        of_members = members.items() if isinstance(members, dict) else ()
        recipes = {f"member_recipes.{member}": recipe for member, recipe in of_members}
        for place, recipe in {"recipe": table.get("recipe"), **recipes}.items():
            if isinstance(recipe, dict):
                faults += _faults_of_parts(recipe, place)
    if faults:
        raise file.error(faults)
    return study


def _faults_of_parts(recipe: Mapping[str, Any], place: str) -> Iterable[Fault]:
    """Return what is wrong with the parts of a recipe at a place, whatever is chosen."""
    try:
        tables = [*recipes_to_check(*split_choices(recipe))]
    except ValueError:  # told as a fault of the recipe
        return ()
    faults_of_parts = resolve_name(_FAULTS_OF_PARTS)
    found = {fault.text: fault for table in tables for fault in faults_of_parts(table)}.values()
    return (fault._replace(path=fault.path.replace("recipe", place, 1)) for fault in found)


def with_options(study: StudyConfig, options: Mapping[str, Any]) -> StudyConfig:
    """Return a study with new values of some settings, and of some of how its data are read.

    `teachers` are those of its recipe, which then learns from them.

    Raises:
        ConfigError: a setting is not valid; the message has every fault.
    """
    try:
        table = {**study.to_dict(), **options}
        table["data"] = {**study.data.to_dict(), **table["data"]}
        if teachers := table.pop("teachers", None):
            before = table["recipe"].get("distillation", _AS_NETEASE)
            table["recipe"] = {**table["recipe"], "distillation": {**before, "teachers": teachers}}
        return StudyConfig.model_validate(table)
    except ValidationError as error:
        raise ConfigError("\n".join(f.text for f in faults_of(error, StudyConfig))) from None


def faults_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Fault]:
    """Yield what pydantic found wrong with a table, in the wording of all faults.

    A validator of ours that refuses one value raises ValueError("expected ..., got ..."); one that
    refuses a whole table raises ValueError("key: expected ..., got ...").
    """
    for details in error.errors():
        kind, loc = details["type"], details["loc"]
        path = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
        if kind == "value_error":
            key, _, text = str(details["ctx"]["error"]).rpartition("expected ")
            key = key.removesuffix(": ")
            own = [path, key] if loc[-1:] != (key,) else [path]  # a key may be told already
            yield Fault(".".join(filter(None, own)), f"expected {text}")
        elif kind == "extra_forbidden":
            yield Fault(path, unknown_key(str(loc[-1]), _keys_at(model, loc[:-1])))
        elif kind == "missing":
            yield Fault(path, "expected a value, got nothing")
        else:
            words = details["msg"].removeprefix("Input should be ")
            expected = _SORTS.get(kind, re.sub("^(?=greater|less)", "a number ", words))
            known = re.findall("'([^']*)'", expected)
            hint = nearest(str(details["input"]), known)
            yield Fault(path, f"expected {expected}, got {short_repr(details['input'])}{hint}")


def _keys_at(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the table that stands at a place in a table."""
    for part in loc:
        if part in model.model_fields:  # else the place of an item, or a name that the user chose
            inside = _inside(model.model_fields[part].annotation)
            model = next(each for each in inside if hasattr(each, "model_fields"))
    return list(model.model_fields)


def _inside(annotation: Any) -> Iterator[Any]:
    """Yield a type and those that it is made of."""
    yield annotation
    for each in get_args(annotation):
        yield from _inside(each)


def study_toml(study: StudyConfig) -> str:
    """Write a study as the text of a file that `read_study` reads back."""
    return "\n".join(_table_lines(study.to_dict(), "")).lstrip("\n") + "\n"


def _table_lines(table: Mapping[str, object], path: str) -> list[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_toml(value)}" for key, value in table.items() if key not in inner]
    if path and (lines or not inner):
        lines = ["", f"[{path}]", *lines]
    for key, value in inner.items():
        lines += _table_lines(value, f"{path}.{_key(key)}" if path else _key(key))
    return lines


def _key(name: str) -> str:
    """Write a key: the name of a class may be any text."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: object) -> str:
    if isinstance(value, float):
        return repr(value)  # infinity too, for which TOML and JSON have different words
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(k)} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
