"""The networks and ensembles of the shipped search spaces, by id."""

from collections.abc import Mapping
from typing import TypeVar

from nas_asc.errors import ConfigError, nearest
from nas_asc.reports.ensemble import Ensemble
from nas_asc.reports.ensemble_file import read_ensembles
from nas_asc.shipped import find, shipped
from nas_asc.spaces import ReportModel, load_space

_SPACES = "search_spaces"
_Model = TypeVar("_Model", ReportModel, Ensemble, ReportModel | Ensemble)


def ensembles_of(space: str) -> dict[str, Ensemble]:
    """Return the ensembles that stand in the file of a search space, named or by path, by id.

    Raises:
        ConfigError: there is no such space, or it or an ensemble is not valid.
    """
    return read_ensembles(find(_SPACES, space, "space"), load_space(space).models)


def report_models() -> dict[str, ReportModel]:
    """Return the networks of all shipped spaces, by id."""
    spaces = [space for name in shipped(_SPACES) if not (space := load_space(name)).families]
    return {model.id: model for space in spaces for model in space.models.values()}


def report_ensembles() -> dict[str, Ensemble]:
    """Return the ensembles of all shipped spaces, by id."""
    names = [name for name in shipped(_SPACES) if load_space(name).families]
    return {key: ensemble for name in names for key, ensemble in ensembles_of(name).items()}


def report_model(model_id: str) -> ReportModel:
    """Look up the network of a report.

    Raises:
        ConfigError: there is no such one.
    """
    return _known(model_id, report_models())


def find_model(model_id: str) -> ReportModel | Ensemble:
    """Look up the network or ensemble of a report.

    Raises:
        ConfigError: there is no such one.
    """
    known: dict[str, ReportModel | Ensemble] = {**report_models(), **report_ensembles()}
    return _known(model_id, known)


def ensemble_with(model_id: str) -> Ensemble | None:
    """Return the ensemble that a network is a member of; None if there is none."""
    for ensemble in report_ensembles().values():
        if any(member.model.id == model_id for member in ensemble.members):
            return ensemble
    return None


def _known(model_id: str, models: Mapping[str, _Model]) -> _Model:
    if model_id not in models:
        raise ConfigError(
            f"model: expected one of {', '.join(models)}, got {model_id!r}"
            f"{nearest(model_id, models)}"
        )
    return models[model_id]
