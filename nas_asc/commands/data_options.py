"""The options that say how recordings are read, which several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas_asc.commands.console import clip_option, read_duration
from nas_asc.errors import ConfigError, utf8_path

if TYPE_CHECKING:
    from nas_asc.study import DataSource

_OPTIONS = [
    click.option("--audio", metavar="DIR", help="Folder that the files of a table are named from."),
    click.option(
        "--label-level",
        type=click.IntRange(1, 100),
        help="How many folders deep those of the classes lie; default: found out.",
    ),
    click.option(
        "--columns",
        metavar="ROLE=COLUMN,...",
        help="What columns of a table mean: file=path,label=category,group=speaker.",
    ),
    click.option(
        "--names",
        metavar="PATTERN",
        help="What file names say: '{label}_{speaker}_{take}'.",
    ),
    click.option(
        "--group",
        metavar="HOW",
        help="What is one recording: none, folder, column:NAME or name:FIELD; default: a guess.",
    ),
    click.option(
        "--validation",
        metavar="FIELD:VALUE,...",
        help="Clips that validate, by a column or a field of the names.",
    ),
    click.option("--test", metavar="FIELD:VALUE,...", help="Clips that test, likewise."),
    click.option(
        "--subset",
        type=click.Choice(["5", "10", "25", "50", "100", "esc10"]),
        callback=lambda context, option, given: int(given) if (given or "x").isdecimal() else given,
        help="Train on so many percent of TAU 2022 Mobile (DCASE 2024), or use ESC-10 of ESC-50.",
    ),
    click.option("--min-clips", type=click.IntRange(1), help="Leave out classes with fewer clips."),
    click.option(
        "--skip-bad",
        is_flag=True,
        default=None,
        help="Leave out clips that can't be read or have no one label.",
    ),
    clip_option("what 95 % of the clips need, up to 10 s"),
    click.option(
        "--window",
        "window_s",
        metavar="DURATION",
        callback=read_duration,
        help="Cuts every file into windows of so much, such as 5s or 500ms.",
    ),
    click.option(
        "--hop",
        "hop_s",
        metavar="DURATION",
        callback=read_duration,
        help="From one window to the next; default: the window.",
    ),
    click.option(
        "--align",
        type=click.Choice(["start", "center"]),
        help="Where a shorter clip lies in its length; default: start.",
    ),
]


def data_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how recordings are read to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_source(paths: tuple[str, ...], options: dict[str, object]) -> "DataSource":
    """Build the data source that the options of a command state.

    Raises:
        ConfigError: an option is not valid.
    """
    from pydantic import ValidationError

    from nas_asc.study import DataSource, faults_of

    try:
        return DataSource.model_validate(take_source(paths, options))
    except ValidationError as error:
        raise ConfigError("\n".join(f.text for f in faults_of(error, DataSource))) from None


def take_source(paths: tuple[str, ...], options: dict[str, object]) -> dict[str, object]:
    """Take the settings of a data source that were given out of the options of a command.

    Paths become absolute, so that they hold in any folder.

    Raises:
        ConfigError: a path is not UTF-8, which a study could not keep.
    """
    from nas_asc.study import DataSource

    names = [name for name in DataSource.model_fields if name in options]
    source = {name: options.pop(name) for name in names}
    source = {name: value for name, value in source.items() if value is not None}
    if paths:
        source["paths"] = [_absolute(path) for path in paths]
    if "audio" in source:
        source["audio"] = _absolute(str(source["audio"]))
    return source


def _absolute(path: str) -> str:
    return str(Path(utf8_path(path)).absolute())
