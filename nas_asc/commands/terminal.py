"""What a stream can show."""

import os
from typing import TextIO


def styled(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that knows escape codes."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"
