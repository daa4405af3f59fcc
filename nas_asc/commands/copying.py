"""`copy NAME FILE`: a shipped file as the start of one's own."""

from pathlib import Path

import click

from nas_asc.commands.output import remark
from nas_asc.errors import ConfigError
from nas_asc.library import find


def copy_shipped(kind: str, what: str, arguments: tuple[str, ...]) -> None:
    """Copy a shipped space or study into a new file.

    Raises:
        ConfigError: there is no such source, or the target cannot be made.
    """
    if len(arguments) != 2:
        raise click.UsageError("expected: copy NAME FILE")
    name, target = arguments
    source, path = find(kind, name, what), Path(target)
    if path.exists():
        raise ConfigError(f"{path}: expected a new file, it exists - give another name")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: expected a folder {path.parent}, there is none - create it")
    path.write_bytes(source.read_bytes())
    remark(f"wrote {path}; use it with --{what} {path if '/' in target else './' + target}")
