"""`nas-asc data`: look into recordings, write them as a table, or write the synthetic scenes."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nas_asc.commands.console import json_option, print_json, print_table, remark
from nas_asc.commands.data_options import data_options, make_source
from nas_asc.errors import ConfigError


def _place_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says where the recordings are to a command: arguments, or --data as in a search."""
    option = click.option(
        "--data",
        metavar="DIR|TABLE",
        multiple=True,
        help="The recordings as a search takes them, instead of DIR; may be given again.",
    )
    return click.argument("paths", metavar="DIR|TABLE...", nargs=-1)(option(function))


def _places(paths: tuple[str, ...], data: tuple[str, ...]) -> tuple[str, ...]:
    """Return where the recordings are; what an error proposes as --data goes before."""
    if not (data or paths):
        raise ConfigError("nas-asc data: expected a folder or a table, got none - give DIR")
    return data or paths


@click.group("data")
def command() -> None:
    """Look into recordings, write them as a table, or write the synthetic scenes."""


@command.command("check")
@_place_options
@data_options
@json_option
def check_data(
    paths: tuple[str, ...], data: tuple[str, ...], as_json: bool, **options: object
) -> int:
    """Check what folders and tables of recordings hold, and what is wrong with them."""
    from nas_asc.datasets import check

    findings = check(make_source(_places(paths, data), options))
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        print_table(("", "what", "found"), [(f.level, f.subject, f.text) for f in findings])
    return 2 if any(finding.level == "error" for finding in findings) else 0


@command.command("table")
@_place_options
@data_options
@click.option("--seed", type=click.IntRange(0), default=0, help="Random seed of drawn splits.")
def write_table(
    paths: tuple[str, ...], data: tuple[str, ...], seed: int, **options: object
) -> None:
    """Write what is understood of every clip as a table to edit: label, split, group and more.

    nas-asc data table DIR > meta.csv; a search then takes --data meta.csv.
    """
    from nas_asc.datasets import clip_table

    columns, rows = clip_table(make_source(_places(paths, data), options), seed)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    click.echo(text.getvalue(), nl=False)


@command.command("synth")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=None, help="Another draw of the scenes.")
def write_scenes(folder: Path, seed: int | None) -> None:
    """Write the built-in synthetic scenes as a data set folder."""
    from nas_asc.datasets import write_synthetic

    write_synthetic(folder, **({} if seed is None else {"seed": seed}))
    remark(f"wrote synthetic scenes to {folder}; use them with --data {folder}")
