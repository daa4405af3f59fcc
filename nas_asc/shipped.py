"""What is shipped as data: search spaces and studies, found by name or by path."""

from pathlib import Path

from nas_asc.errors import ConfigError, nearest

_PACKAGE = Path(__file__).parent


def shipped(kind: str) -> dict[str, Path]:
    """Return the shipped files of a kind, "search_spaces" or "studies", by name.

    In a wheel they lie inside the package, in a checkout beside it.
    """
    inside = _PACKAGE / kind
    folder = inside if inside.is_dir() else _PACKAGE.parent / kind
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def is_path(name_or_path: str) -> bool:
    """Return whether a file is meant, not the name of what is shipped."""
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
