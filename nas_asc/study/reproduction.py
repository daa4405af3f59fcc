"""How the networks of a technical report were trained: studies of one training each.

`[reproduce.ID]` in the study of a report holds the settings in which the training of a network or
an ensemble differs from the study around it; `like` names another whose settings it has too. Of
`[reproduce.ID.recipe]` each key replaces that of `[recipe]`, the augmentations all together. A
search by the same study knows nothing of this.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from nas_asc.errors import ConfigError
from nas_asc.shipped import find
from nas_asc.study.config import NO_SETTINGS, StudyConfig, faults_of
from nas_asc.toml_file import read_toml

_IN_EPOCHS = {"every", "patience", "step_epochs"}  # settings of a recipe that are

# One network to its end, whatever the search of the study does; what comes first is not for a
# sampler, so which one is named makes no difference.
_ONE_TRAINING = {
    **{"trials": 1, "lag": 1, "warm_start": True, "sampler": "random", "startup_trials": 0},
    "early_stopping": {"enabled": False, "rungs": [], "keep": 1.0},
}


def reproduction(
    report: str, model_id: str, members: Sequence[str] = (), **options: object
) -> StudyConfig:
    """Return the study that trains one network, or the members of one ensemble, as reported.

    Args:
        report: name of the study that describes it.
        model_id: of the report model or ensemble.
        members: ids of the networks of an ensemble, each of which has a recipe of its own.
        options: settings of the study to be replaced; with `epochs` every schedule is shortened, or
            stretched, in proportion.

    Raises:
        ConfigError: the study is not valid; the message has every fault.
    """
    file = read_toml(find("studies", report, "study"), "a study")
    study = {key: value for key, value in file.data.items() if key not in NO_SETTINGS}
    own = file.data.get("reproduce", {})
    settings = _settings(study, own, model_id)
    recipes = {member: _settings(study, own, member)["recipe"] for member in members}
    if (epochs := options.get("epochs")) is not None:
        share = float(str(epochs)) / settings["epochs"]
        settings["recipe"] = _in_proportion(settings["recipe"], share)
        recipes = {member: _in_proportion(recipe, share) for member, recipe in recipes.items()}
    settings |= {**_ONE_TRAINING, "report_models": [model_id], **options}
    if recipes:
        settings["member_recipes"] = recipes
    try:
        return StudyConfig.model_validate(settings)
    except ValidationError as error:
        faults = faults_of(error, StudyConfig)
        raise ConfigError("\n".join(fault.text for fault in faults)) from None


def _settings(
    study: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]], model_id: str
) -> dict[str, Any]:
    """Return the settings of one training, with those of the study around it."""
    table = own.get(model_id, {})
    around = _settings(study, own, str(table["like"])) if "like" in table else study
    recipe = {**around["recipe"], **table.get("recipe", {})}
    settings = {key: value for key, value in table.items() if key not in ("like", "recipe")}
    return {**around, **settings, "recipe": recipe}


def _in_proportion(table: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return settings whose numbers of epochs are multiplied; whole ones stay so, and above 0."""

    def scaled(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return _in_proportion(value, share)
        if key not in _IN_EPOCHS:
            return value
        return value * share if isinstance(value, float) else max(1, round(value * share))

    return {key: scaled(key, value) for key, value in table.items()}
