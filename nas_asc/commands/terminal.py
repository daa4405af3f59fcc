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
            _columns(stream),
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
    return "\n".join(part for parts in lines for part in parts or [""])


def _columns(terminal: TextIO) -> int:
    """Say how wide a terminal is: what COLUMNS says, or it itself."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(terminal.fileno()).columns or 80
    except OSError:
        return 80
