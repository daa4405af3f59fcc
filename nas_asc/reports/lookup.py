"""Finding a network or ensemble: by id, in a space, in a file, as a trial of a run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from nas_asc.errors import ConfigError, ExportError, RunError, nearest
from nas_asc.files import digest
from nas_asc.reports.ensemble import (
    ENSEMBLE,
    Ensemble,
    read_ensembles,
    read_saved_ensemble,
    stored_model,
)
from nas_asc.shipped import find, shipped
from nas_asc.spaces import ARCHITECTURE, ReportModel, load_space, read_architecture

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
    """Look up the network or ensemble of a report; ConfigError where there is none."""
    known: dict[str, ReportModel | Ensemble] = {**report_models(), **report_ensembles()}
    return _known(model_id, known)


def space_of(model: ReportModel | Ensemble) -> str:
    """Return the name of the shipped space that a network or ensemble of a report stands in."""
    if isinstance(model, ReportModel):
        return model.architecture.space
    families = (name for name in shipped(_SPACES) if load_space(name).families)
    return next(name for name in families if model.id in ensembles_of(name))


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


_EXPECTED = "expected an architecture.json, RUN:TRIAL, SPACE.toml:MODEL or the id of a report model"
_SAVED = (ARCHITECTURE, ENSEMBLE)  # what a folder models/TRIAL holds one of; the last counts
_NAMED = 8  # trials or models that a message names
_METRICS = "metrics.json"  # beside what a trained model is, what it reached


def resolve(target: str) -> ReportModel | Ensemble:
    """Find what a user points at; its id is then what it was pointed at with.

    That is the id of a report model or ensemble, SPACE.toml:MODEL, RUN:TRIAL, the folder
    RUN/models/TRIAL of a trained network or ensemble, or the JSON file in it. What stands for no
    report has none, and prints nothing.

    Raises:
        ConfigError: it is none of these, or what it names is not valid.
        RunError: there is no such trial.
    """
    return replace(_find(target)[0], id=target)


def find_in_space(target: str) -> ReportModel | Ensemble:
    """Find a model or ensemble of a space as `resolve` does, with its own id; refuse all others."""
    found, in_space = _find(target)
    if not in_space:
        raise ConfigError(
            f"model: expected the ID of a report model or SPACE.toml:MODEL, got {target} - "
            f"nas-asc count {target} --layers shows its layers, nas-asc models with --plot draws it"
        )
    return found


def _find(target: str) -> tuple[ReportModel | Ensemble, bool]:
    """Return what is found, and whether it stands in a space."""
    path = Path(target)
    place, colon, name = target.rpartition(":")
    try:
        if target.endswith(".json"):
            return _read(path), False
        if target and (files := [path / file for file in _SAVED if (path / file).is_file()]):
            return _read(files[-1]), False
        if place.endswith(".toml") or target.endswith(".toml"):
            return _model_of(place or target, name if place else ""), True
        if place and (Path(place).is_dir() or "/" in place):
            return _read(_trial(Path(place), name)), False
        if target and (colon or "/" in target or "." in target or path.is_dir()):
            raise _nothing_at(path)
        return find_model(target), True
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ConfigError(f"{target}: {_EXPECTED}, {error.strerror}") from None


def _read(file: Path) -> ReportModel | Ensemble:
    """Read a trained network or ensemble."""
    if file.name == ENSEMBLE:
        return read_saved_ensemble(file.parent)
    found = read_architecture(file)
    title = f"a network of the space {found.architecture.space}"
    return stored_model(found, str(file), title)


def _model_of(space: str, model_id: str) -> ReportModel | Ensemble:
    known: dict[str, ReportModel | Ensemble] = {**load_space(space).models, **ensembles_of(space)}
    if model_id not in known:
        raise ConfigError(
            f"{space}: expected one of its models, {space}:MODEL, got {model_id!r}"
            f"{nearest(model_id, known)} - it has {_some(list(known)) or 'none'}"
        )
    return known[model_id]


class TrainedModel(NamedTuple):
    """A trained network or ensemble of a run: its folder, and the classes that it tells apart."""

    folder: Path
    classes: tuple[str, ...]


def find_trained(target: str) -> TrainedModel:
    """Find the model of a trial by RUN:TRIAL, or by its folder RUN/models/TRIAL.

    Raises:
        ConfigError: it is neither, or the folder holds no model that can be read.
        RunError: there is no such trial.
    """
    folder, (place, _, name) = Path(target), target.rpartition(":")
    try:
        if not any((folder / file).is_file() for file in _SAVED):
            if not (place and Path(place).is_dir()):
                if _trials(folder):
                    raise _nothing_at(folder)
                raise ConfigError(
                    f"{target}: expected a trained model, RUN:TRIAL, "
                    f"got {'a folder without one' if folder.exists() else 'nothing there'}"
                )
            folder = _trial(Path(place), name).parent
        if not any(folder.rglob("*.safetensors")):
            raise ConfigError(f"{target}: expected a trained model, got one without weights")
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ConfigError(
            f"{target}: expected a trained model, RUN:TRIAL, {error.strerror}"
        ) from None
    if (folder / ENSEMBLE).is_file():
        return TrainedModel(folder, read_saved_ensemble(folder).classes)
    return TrainedModel(folder, read_architecture(folder / ARCHITECTURE).class_names)


def weights_digest(folder: Path) -> str:
    """Hash what a saved model computes: all in its folder but what it reached, 32 digits.

    Raises:
        ExportError: it cannot be read.
    """
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return digest(
            "\n".join(
                f"{path.relative_to(folder).as_posix()} {digest(path.read_bytes())}"
                for path in files
                if path.name != _METRICS
            ),
            32,
        )
    except OSError as error:
        raise ExportError(f"{folder}: expected a saved model, {error.strerror or error}") from None


def _trials(run: Path) -> dict[str, Path]:
    """Return the file of each trained trial; what a killed worker left half-written is none."""
    files = {path.parent.name: path for file in _SAVED for path in run.glob(f"models/*/{file}")}
    return {name: files[name] for name in sorted(filter(str.isdecimal, files), key=int)}


def _trial(run: Path, trial: str) -> Path:
    trials = _trials(run)
    if trial not in trials:
        has = f"give one that has: {_some([*trials])}" if trials else "it has none, or is no run"
        raise RunError(f"{run}: expected a finished trial of a run, got {trial!r} - {has}")
    return trials[trial]


def _nothing_at(path: Path) -> ConfigError | RunError:
    if trials := [*_trials(path)]:
        return RunError(
            f"{path}: expected a trial of the run, RUN:TRIAL - give {path}:{trials[0]}; "
            f"it has the trials {_some(trials)}"
        )
    return ConfigError(f"{path}: {_EXPECTED}, got {'neither' if path.exists() else 'nothing'}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
