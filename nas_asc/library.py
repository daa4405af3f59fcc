"""What is shipped as data: search spaces and studies, found by name or by path."""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from nas_asc.ensemble import Ensemble
from nas_asc.ensemble_file import read_ensembles
from nas_asc.errors import ConfigError, nearest
from nas_asc.space import ReportModel, SearchSpace
from nas_asc.space_file import check_family, read_space
from nas_asc.toml_file import read_toml

_PACKAGE = Path(__file__).parent


def shipped(kind: str) -> dict[str, Path]:
    """Give the shipped files of a kind, "search_spaces" or "studies", by name.

    In a wheel they lie inside the package, in a checkout beside it.
    """
    inside = _PACKAGE / kind
    folder = inside if inside.is_dir() else _PACKAGE.parent / kind
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def is_path(name_or_path: str) -> bool:
    """Say whether a file is meant, not the name of what is shipped."""
    return "/" in name_or_path or name_or_path.endswith(".toml")


def find(kind: str, name_or_path: str, what: str) -> Path:
    """Find a shipped file by name, or any file by path (with a "/" or ending in ".toml").

    Raises:
        ConfigError: there is none.
    """
    if is_path(name_or_path):
        path = Path(name_or_path)
        if not path.is_file():
            raise ConfigError(f"{what}: expected a TOML file, {name_or_path} is none")
        return path
    files = shipped(kind)
    if name_or_path not in files:
        raise ConfigError(
            f"{what}: expected one of {', '.join(files)} or the path of a TOML file, "
            f"got {name_or_path!r}{nearest(name_or_path, files)}"
        )
    return files[name_or_path]


@lru_cache(maxsize=32)
def _read(path: Path, modified_ns: int) -> SearchSpace:
    """Read a space; the faults of its ensembles are told with its own."""
    is_of_families = "family" in read_toml(path, "a search space").data
    faults: list[str] = []
    models = None
    try:
        space = read_space(path, lambda name: _load_family(_from(path, name)))
        models = space.models
    except ConfigError as error:
        faults += str(error).splitlines()
    try:
        if is_of_families:
            read_ensembles(path, models)
    except ConfigError as error:
        faults += str(error).splitlines()
    if faults:
        raise ConfigError("\n".join(faults))
    return space


def _from(path: Path, name: str) -> str:
    """Give what a space means by the name or path of another: paths begin where its file is."""
    return str(path.parent / name) if is_path(name) else name


def _load_family(name_or_path: str) -> SearchSpace:
    check_family(find("search_spaces", name_or_path, "space"), name_or_path)
    return load_space(name_or_path)


def load_space(name_or_path: str) -> SearchSpace:
    """Load a search space by name or path.

    Raises:
        ConfigError: there is no such space, or it or one of its ensembles is not valid; the
            message has every fault.
    """
    path = find("search_spaces", name_or_path, "space")
    return _read(path, path.stat().st_mtime_ns)


def report_models() -> dict[str, tuple[ReportModel, SearchSpace]]:
    """Give every report model with its space, by id.

    Raises:
        ConfigError: a shipped space is not valid; the message has the faults of all.
    """
    models, faults = _models()
    if faults:
        raise ConfigError(faults)
    return models


def report_ensembles() -> dict[str, Ensemble]:
    """Give every ensemble of the reports, by id.

    Raises:
        ConfigError: a shipped space is not valid; the message has the faults of all.
    """
    return _ensembles(report_models())


def _models() -> tuple[dict[str, tuple[ReportModel, SearchSpace]], str]:
    """Give the models of the shipped spaces that are valid, and the faults of the others."""
    models: dict[str, tuple[ReportModel, SearchSpace]] = {}
    faults: list[str] = []
    for name in shipped("search_spaces"):
        try:
            space = load_space(name)
        except ConfigError as error:
            faults += str(error).splitlines()
            continue
        if not space.families:
            models.update({model.id: (model, space) for model in space.models.values()})
    # A space of several repeats what is wrong with one of them.
    own = [line for line in faults if not any(line != f and line.endswith(f) for f in faults)]
    return models, "\n".join(own)


def _ensembles(models: Mapping[str, tuple[ReportModel, SearchSpace]]) -> dict[str, Ensemble]:
    """Give the ensembles of the shipped files in which all are of such models, and valid."""
    known = {model_id: model for model_id, (model, _) in models.items()}
    found: dict[str, Ensemble] = {}
    for path in shipped("search_spaces").values():
        with suppress(ConfigError):  # a fault of the space, or of that of a member
            found.update(read_ensembles(path, known))
    return found


def ensembles_of(space: str) -> dict[str, Ensemble]:
    """Give the ensembles that stand in the file of a search space, named or by path, by id.

    Raises:
        ConfigError: there is no such space, or it or an ensemble is not valid.
    """
    return read_ensembles(find("search_spaces", space, "space"), load_space(space).models)


def report_model(model_id: str) -> ReportModel:
    """Look up a report model; faults of spaces that it is not in do not matter.

    Raises:
        ConfigError: there is no such model in a valid space.
    """
    models, faults = _models()
    if model_id not in models:
        raise _unknown(model_id, list(models), faults)
    return models[model_id][0]


def find_model(model_id: str) -> ReportModel | Ensemble:
    """Look up a report model or ensemble; faults of spaces that it is not in do not matter.

    Raises:
        ConfigError: there is no such one in valid spaces.
    """
    models, faults = _models()
    if model_id in models:
        return models[model_id][0]
    ensembles = _ensembles(models)
    if model_id not in ensembles:
        raise _unknown(model_id, [*models, *ensembles], faults)
    return ensembles[model_id]


def ensemble_with(model_id: str) -> Ensemble | None:
    """Give the ensemble that a report model is a member of; None if there is none."""
    for ensemble in _ensembles(_models()[0]).values():
        if any(member.model.id == model_id for member in ensemble.members):
            return ensemble
    return None


def _unknown(model_id: str, known: list[str], faults: str) -> ConfigError:
    """Say that there is no such model, and which faults may be why."""
    expected = f"model: expected one of {', '.join(known)}"
    line = f"{expected}, got {model_id!r}{nearest(model_id, known)}"
    return ConfigError("\n".join((line, faults)) if faults else line)
