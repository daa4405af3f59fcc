"""How commands print: results to stdout; remarks, progress and errors to stderr.

Where stdout cannot be written (a full disk, a closed stream) the command ends with one line; where
its reader has seen enough it ends quietly. What stderr cannot take is let go. Characters that the
encoding of a stream lacks are replaced.

rich and logging are imported only where they are used: a command of a moment is held up by them.
"""

import errno
import io
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from math import inf, isnan
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from nas_asc.errors import ConfigError
from nas_asc.units import parse_duration

if TYPE_CHECKING:
    from rich.console import Console

    from nas_asc.search import Progress

_GAP, _LEAST_FOLDED = 2, 24  # between two columns, and of a column that is broken
_EVERY_S = 30.0  # a line of progress in a log


class OutputLost(Exception):
    """Stdout cannot be written, in words; without words where a pipe's reader has seen enough.

    It is no OSError, since it is not about any file of ours.
    """


class _Raw(io.FileIO):
    """Stdout or stderr below its buffer; from the first write that fails on it leads nowhere."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())  # or Python would fail again when it flushes at its end
            os.close(null)
            if self.fileno() == 2:
                return len(data)
            if error.errno == errno.EPIPE:
                raise OutputLost from None
            closed = error.errno == errno.EBADF
            reason = "it is closed" if closed else (error.strerror or str(error)).lower()
            raise OutputLost(
                f"cannot write the output to stdout: {reason} - make room or send it elsewhere"
            ) from None


def guard_streams() -> None:
    """Make stdout and stderr streams that fail as this page says; those of a test are kept."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass  # a closed stream is now one that cannot be written, and no file can become it
    os.close(descriptor)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            buffer = io.BufferedWriter(_Raw(descriptor, "wb", closefd=False))
            encoding, errors = (stream.encoding, stream.errors) if stream else ("utf-8", "replace")
            if errors == "strict" or (errors == "surrogateescape" and encoding != "utf-8"):
                errors = "replace"
            setattr(sys, name, io.TextIOWrapper(buffer, encoding, errors, line_buffering=True))


def width() -> int:
    """Return how wide stdout is: what COLUMNS says, the terminal's width, or 140 in a pipe."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return max(60, int(given))
    try:
        return max(60, os.get_terminal_size(sys.stdout.fileno()).columns or 140)
    except (OSError, ValueError):  # a pipe, a file, or no stream of the system
        return 140


def _console(**settings: Any) -> "Console":
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, **settings)


def print_json(value: object) -> None:
    """Print exactly one JSON value; a Decimal is a number."""
    click.echo(json.dumps(value, indent=2, allow_nan=False, default=float))


def remark(text: str) -> None:
    """Print to stderr; on a terminal lines are broken between words."""
    if sys.stderr.isatty():
        columns = _console(stderr=True).width or 80  # COLUMNS=0
        text = "\n".join(_broken(line, columns, 2) for line in text.splitlines())
    click.echo(text, err=True)


def print_text(text: str, indent: int = 2) -> None:
    """Print a paragraph, broken at the width of stdout and indented from its second line on."""
    click.echo(_broken(text, width(), indent))


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    like: Sequence[Sequence[object]] | None = None,
    styles: Sequence[str | None] | None = None,
) -> None:
    """Print a table; columns that stdout has no room for stand below, as pandas has it.

    Columns whose name starts with ">" are aligned to the right. The last one is broken between
    words unless it is such a column; nothing is cut. Columns are as wide as the rows `like` need,
    which are those of several tables; `styles` are of the rows, on a terminal.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    heads = [column.removeprefix(">") for column in columns]

    def pieces(number: int, breaks: str | None) -> Iterator[str]:
        for row in (heads, *(rows if like is None else like)):
            yield from _text(row[number]).split(breaks)

    widths = [max(map(cell_len, pieces(n, "\n")), default=0) for n in range(len(columns))]
    folded = -1 if columns[-1].startswith(">") else len(columns) - 1
    if folded >= 0:
        longest_word = max(map(cell_len, pieces(folded, None)))
        widths[folded] = max(longest_word, min(widths[folded], _LEAST_FOLDED))
    blocks, left = [[0]], width() - widths[0]
    for number in range(1, len(columns)):
        if _GAP + widths[number] > left and blocks[-1] != [0]:
            blocks.append([0])
            left = width() - widths[0]
        blocks[-1].append(number)
        left -= _GAP + widths[number]
    for block in blocks:
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
        for number in block:
            table.add_column(
                Text(heads[number]),
                justify="right" if columns[number].startswith(">") else "left",
                no_wrap=number != folded,
                overflow="fold",
                min_width=widths[number],
            )
        for row, style in zip_longest(rows, styles or ()):
            table.add_row(*(Text(_text(row[number])) for number in block), style=style)
        # Without a height rich takes a dumb terminal to be 80 wide, whatever it is told.
        needed = sum(widths[number] + _GAP for number in block)
        console = _console(width=max(width(), needed), height=25)
        with console.capture() as captured:
            console.print(table)
        if block is not blocks[0]:
            click.echo()
        for line in captured.get().splitlines():
            click.echo(line.rstrip())


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


@contextmanager
def live_progress(kb: int) -> Iterator[Callable[["Progress"], None]]:
    """Show how a search goes on: a line that changes, or lines now and then in a log or pipe.

    Warnings of the package are printed as remarks meanwhile. `kb` is the rule's KB, in bytes.
    """
    import logging

    from rich.live import Live
    from rich.text import Text

    from nas_asc.search import progress_line

    class Remarks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            remark(record.getMessage())

    console = _console(stderr=True)
    package, handler = logging.getLogger("nas_asc"), Remarks(logging.WARNING)
    live = Live(console=console, auto_refresh=False, redirect_stdout=False)
    last_s, finished = -inf, -1

    def change(progress: "Progress") -> None:
        live.start()
        live.update(Text(progress_line(progress, kb, console.width - 1)), refresh=True)

    def append(progress: "Progress") -> None:
        nonlocal last_s, finished
        if progress.finished != finished and monotonic() - last_s > _EVERY_S:
            click.echo(progress_line(progress, kb), err=True)
            last_s, finished = monotonic(), progress.finished

    package.addHandler(handler)
    try:
        yield change if console.is_terminal and not console.is_dumb_terminal else append
    finally:
        live.stop()
        package.removeHandler(handler)


def _broken(text: str, columns: int, indent: int) -> str:
    return textwrap.fill(
        text,
        columns,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value instead of a table."
)


def _refuse_nan(
    context: click.Context, parameter: click.Parameter, number: float | None
) -> float | None:
    if number is not None and isnan(number):  # click takes it to be in every range
        raise click.BadParameter("'nan' is not a number", context, parameter)
    return number


def read_duration(
    context: click.Context, parameter: click.Parameter, duration: str | None
) -> float | None:
    """Read an option that is a duration, in seconds."""
    try:
        return None if duration is None else parse_duration(duration)
    except ConfigError as error:
        raise ConfigError(f"{parameter.opts[0]}: {error}") from None


def classes_option(default: str) -> Callable[[Any], Any]:
    """Return the option --classes, with the bounds that a file has for `classes`."""
    text = f"Number of classes; default: {default}."
    return click.option("--classes", metavar="NUMBER", type=click.IntRange(2, 10_000), help=text)


def clip_option(default: str) -> Callable[[Any], Any]:
    """Return the option --clip, with the bounds that a file has for `clip_s`."""
    seconds = click.FloatRange(0.01, 3600)
    text = f"Clip length in seconds; default: {default}."
    return click.option(
        "--clip", "clip_s", metavar="NUMBER", type=seconds, callback=_refuse_nan, help=text
    )


def device_option() -> Callable[[Any], Any]:
    """Return the option --device; what "auto" stands for is settled once and kept."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="What computes; auto: the GPU, if there is one.",
    )
