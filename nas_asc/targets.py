"""What a user points at: a report model or ensemble, a file, or a trial of a run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nas_asc.architecture import Architecture
from nas_asc.architecture_file import ARCHITECTURE, read_architecture
from nas_asc.ensemble import Ensemble
from nas_asc.errors import ConfigError, RunError, nearest
from nas_asc.library import ensembles_of, find_model, load_space
from nas_asc.saved_ensemble import ENSEMBLE, read_saved_ensemble
from nas_asc.space import ReportModel

_EXPECTED = "expected an architecture.json, RUN:TRIAL, SPACE.toml:MODEL or the id of a report model"
_SAVED = (ARCHITECTURE, ENSEMBLE)  # what a folder models/TRIAL holds one of
_NAMED = 8  # trials or models that a message names


@dataclass(frozen=True)
class Target:
    """An architecture with what is needed to count or build it.

    Attributes:
        id: what the user pointed at it with.
        classes: number of classes.
        clip_s: clip length in seconds.
        rule: the counting rule it was made for.
        model: the report model that it is; None elsewhere.
    """

    id: str
    architecture: Architecture
    classes: int
    clip_s: float
    rule: str
    model: ReportModel | None = None

    def on(self, classes: int | None, clip_s: float | None) -> "Target":
        """Give it for other classes and clips, as a search has it there; None keeps its own."""
        if self.model is not None:
            return _of_model(self.model.adapted(classes, clip_s), self.id)
        return replace(self, classes=classes or self.classes, clip_s=clip_s or self.clip_s)


def resolve(target: str) -> Target | Ensemble:
    """Find what a user points at.

    Args:
        target: the id of a report model or ensemble, SPACE.toml:MODEL, an architecture.json, the
            ensemble.json of a trained ensemble, the folder models/TRIAL that holds one of the two,
            or RUN:TRIAL.

    Raises:
        ConfigError: it is none of these, or what it names is not valid.
        RunError: there is no such run or trial.
    """
    try:
        return _found(target)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ConfigError(f"{target}: {_EXPECTED}, {error.strerror}") from None


def find_in_space(target: str) -> ReportModel | Ensemble:
    """Find a model or ensemble of a space: the ID of a shipped one, or SPACE.toml:MODEL.

    Raises:
        ConfigError: it is neither, or what it names is not valid.
    """
    place, _, name = target.rpartition(":")
    if place.endswith(".toml"):
        return _model_of(place, name)
    try:
        return find_model(target)
    except ConfigError:
        found = resolve(target)
        raise ConfigError(
            f"model: expected the ID of a report model or SPACE.toml:MODEL, got {found.id} - "
            f"nas-asc count {found.id} --layers shows its layers, nas-asc models with --plot draws "
            "it"
        ) from None


def _found(target: str) -> Target | Ensemble:
    path = Path(target)
    place, colon, name = target.rpartition(":")
    if target.endswith(".json") and not path.is_dir():
        is_ensemble = path.name == ENSEMBLE and path.is_file()
        return _saved(path.parent, target) if is_ensemble else _from_file(path, target)
    if colon and not path.exists():
        if place.endswith(".toml"):
            return _described(_model_of(place, name), target)
        return _from_run(place, name)
    if target.endswith(".toml") and path.is_file():
        models = _models(target)
        has = f"it has {_some(models)}" if models else "it has no models"
        raise ConfigError(f"{target}: expected one of its models, {target}:MODEL - {has}")
    is_path = target == "" or "/" in target or "." in target
    try:
        return _from_folder(path, target) if is_path else _described(find_model(target), target)
    except ConfigError:
        if is_path or not path.exists():
            raise
        return _from_folder(path, target)


def _described(model: ReportModel | Ensemble, name: str) -> Target | Ensemble:
    return replace(model, id=name) if isinstance(model, Ensemble) else _of_model(model, name)


def _of_model(model: ReportModel, name: str) -> Target:
    return Target(name, model.architecture, model.classes, model.clip_s, model.rule, model)


def _models(space: str) -> dict[str, ReportModel | Ensemble]:
    return {**load_space(space).models, **ensembles_of(space)}


def _model_of(space: str, model_id: str) -> ReportModel | Ensemble:
    models = _models(space)
    if model_id not in models:
        has = f"one of {_some(models)}" if models else "a space with models, this one has none"
        raise ConfigError(f"{space}: expected {has}, got {model_id!r}{nearest(model_id, models)}")
    return models[model_id]


def _from_folder(path: Path, target: str) -> Target | Ensemble:
    """Read a folder models/TRIAL, or say what is wrong with a path."""
    if not target:
        raise ConfigError(f"{_EXPECTED}, got nothing")
    if not path.is_dir():
        what = "got another kind of file" if path.exists() else "there is no such file"
        raise ConfigError(f"{target}: {_EXPECTED}; {what}")
    if any((path / name).is_file() for name in _SAVED):
        return _saved(path, target)
    if trials := _trials(path):
        raise RunError(
            f"{target}: expected a trial of the run, RUN:TRIAL - give {path}:{trials[0]}; "
            f"it has the trials {_some(trials)}"
        )
    raise ConfigError(f"{target}: {_EXPECTED}; got a folder with neither a model nor trials")


def _from_run(run: str, trial: str) -> Target | Ensemble:
    if not run:
        raise ConfigError(f"{_EXPECTED}, got no run before the colon of ':{trial}'")
    if not Path(run).is_dir():
        raise RunError(f"expected a finished trial of a run, there is no run {run}")
    trials = _trials(Path(run))
    if trial not in trials:
        has = f"it has {_some(trials)}" if trials else "it has none, or is no run"
        raise RunError(f"expected a finished trial of a run, {run} has no trial {trial!r} - {has}")
    return _saved(Path(run) / "models" / trial, f"{run}:{trial}")


def _saved(folder: Path, name: str) -> Target | Ensemble:
    """Read a trained network or ensemble."""
    if (folder / ENSEMBLE).is_file():
        return replace(read_saved_ensemble(folder), id=name)
    return _from_file(folder / ARCHITECTURE, name)


def _trials(run: Path) -> list[str]:
    """Give the numbers of trained trials; what a killed worker left half-written is none."""
    names = [path.parent.name for file in _SAVED for path in run.glob(f"models/*/{file}")]
    return sorted(filter(str.isdecimal, names), key=int)


def _some(names: Iterable[str]) -> str:
    """Name the first few."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _from_file(path: Path, name: str) -> Target:
    found = read_architecture(path)
    return Target(name, found.architecture, found.classes, found.clip_s, found.rule)
