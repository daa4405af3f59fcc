"""How commands print: results to stdout, progress and remarks to stderr."""

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value instead of a table."
)


def print_json(value: object) -> None:
    """Print exactly one JSON value."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def remark(text: str) -> None:
    """Print a line to stderr."""
    click.echo(text, err=True)


def console() -> Console:
    """Give the console of stdout; a pipe gets lines as long as they need to be."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table; columns whose name starts with ">" are aligned to the right."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left"
        )
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)
