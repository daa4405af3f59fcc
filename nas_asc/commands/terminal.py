"""What a stream can show."""

import os
import textwrap
from typing import TextIO


def styled(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that knows escape codes."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def fitted(text: str, stream: TextIO) -> str:
    """Break a text between words for a terminal; in a pipe or file a line stays one line."""
    if not stream.isatty():
        return text
    lines = (
        textwrap.wrap(
            line,
            columns_of(stream),
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
    return "\n".join(part for parts in lines for part in parts or [""])


def columns_of(stream: TextIO, elsewhere: int = 80) -> int:
    """Say how wide a stream is: what COLUMNS says, its terminal's width, or that of `elsewhere`."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or elsewhere
    except (AttributeError, ValueError, OSError):  # closed, or no file
        return elsewhere
