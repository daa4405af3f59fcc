"""What is shipped as data: search spaces and studies, found by name or by path."""

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
    """Give every report model with its space, by id."""
    return {
        model.id: (model, space)
        for name in shipped("search_spaces")
        for space in [load_space(name)]
        if not space.families
        for model in space.models.values()
    }


def report_ensembles() -> dict[str, Ensemble]:
    """Give every ensemble of the reports, by id."""
    models = {model_id: model for model_id, (model, _) in report_models().items()}
    return {
        ensemble.id: ensemble
        for path in shipped("search_spaces").values()
        for ensemble in read_ensembles(path, models).values()
    }


def ensembles_of(space: str) -> dict[str, Ensemble]:
    """Give the ensembles that stand in the file of a search space, named or by path, by id.

    Raises:
        ConfigError: there is no such space, or it or an ensemble is not valid.
    """
    return read_ensembles(find("search_spaces", space, "space"), load_space(space).models)


def report_model(model_id: str) -> ReportModel:
    """Look up a report model.

    Raises:
        ConfigError: there is no such model.
    """
    models = report_models()
    if model_id not in models:
        raise ConfigError(
            f"model: expected one of {', '.join(models)}, got {model_id!r}"
            f"{nearest(model_id, models)}"
        )
    return models[model_id][0]


def find_model(model_id: str) -> ReportModel | Ensemble:
    """Look up a report model or ensemble.

    Raises:
        ConfigError: there is no such one.
    """
    models, ensembles = report_models(), report_ensembles()
    if model_id in ensembles:
        return ensembles[model_id]
    if model_id not in models:
        known = [*models, *ensembles]
        raise ConfigError(
            f"model: expected one of {', '.join(known)}, got {model_id!r}{nearest(model_id, known)}"
        )
    return models[model_id][0]
