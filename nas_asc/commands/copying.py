"""`copy NAME FILE`: a shipped file as the start of one's own."""

from pathlib import Path

import click

from nas_asc.commands.options import given_options
from nas_asc.commands.output import remark
from nas_asc.errors import ConfigError
from nas_asc.shipped import find


def copy_shipped(context: click.Context, kind: str, what: str, arguments: tuple[str, ...]) -> None:
    """Copy a shipped space or study into a new file; no option of the command goes with it.

    Raises:
        ConfigError: there is no such source, or the target cannot be made.
    """
    if given := given_options(context):
        raise click.UsageError(f"copy: expected NAME and FILE alone, got {given} too")
    if len(arguments) != 2:
        raise click.UsageError("expected: copy NAME FILE")
    name, target = arguments
    source, path = find(kind, name, what), Path(target)
    if path.suffix != ".toml":
        raise ConfigError(f"{path}: expected a file name that ends in .toml - give such a name")
    try:
        _write_new(path, source.read_bytes())
    except FileExistsError:
        raise ConfigError(f"{path}: expected a new file, it exists - give another name") from None
    except OSError as error:
        raise ConfigError(_refusal(path, error)) from None
    remark(f"wrote {path}; use it with --{what} {path if '/' in target else './' + target}")


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink()  # half a file is of no use
            raise


def _refusal(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return f"{path}: expected a folder {path.parent}, there is none - create it"
    found = (error.strerror or str(error)).lower()
    return f"{path}: expected a file that can be written, found: {found} - give another place"
