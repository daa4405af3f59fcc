"""How commands print: results to stdout, progress and remarks to stderr."""

import json
import sys
import textwrap
from collections.abc import Sequence

import click
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nas_asc.commands.terminal import columns_of, fitted

_GAP = 2  # between two columns

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value instead of a table."
)


def print_json(value: object) -> None:
    """Print exactly one JSON value."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def remark(text: str) -> None:
    """Print a line to stderr; on a terminal it is broken between words."""
    click.echo(fitted(text, sys.stderr), err=True)


def width() -> int:
    """Say how wide stdout is: what COLUMNS says, the terminal's width, or 140 in a pipe."""
    return max(60, columns_of(sys.stdout, 140))


def is_wide() -> bool:
    """Say whether stdout has room for whole names, exact counts and the columns least asked for."""
    return width() >= 110


def print_text(text: str, indent: int = 2) -> None:
    """Print a paragraph, broken at the width of stdout and indented from its second line on."""
    click.echo(
        textwrap.fill(
            text,
            width(),
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def print_entries(entries: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Print names with paragraphs beside them, where a table would be too wide."""
    beside = max(len(name) for name, _ in entries) + 2
    for name, paragraphs in entries:
        for number, paragraph in enumerate(paragraphs):
            print_text((name if not number else "").ljust(beside) + paragraph, beside)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; only its last column is broken into several lines, between words.

    Columns whose name starts with ">" are aligned to the right. Where the terminal is too narrow
    for the others, or for the longest word of the last, lines are longer than it: nothing is cut.
    """
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns, 1):
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=number < len(columns),
            overflow="fold",
        )
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    for row in texts:
        table.add_row(*map(escape, row))
    console = Console(width=max(width(), _least_width(columns, texts)), highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _least_width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Say how wide a table is at least: all columns but the last in full, and its longest word."""
    cells = zip([column.removeprefix(">") for column in columns], *rows, strict=True)
    *whole, last = [[line for cell in column for line in cell.split("\n")] for column in cells]
    longest_word = max((cell_len(word) for line in last for word in line.split()), default=0)
    return sum(max(map(cell_len, lines)) + _GAP for lines in whole) + longest_word
