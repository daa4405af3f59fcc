"""What the package logs while a command runs: remarks on stderr."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nas_asc.commands.output import remark


class _Remarks(logging.Handler):
    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._before = before

    def emit(self, record: logging.LogRecord) -> None:
        self._before()
        remark(record.getMessage())


@contextmanager
def shown_log(before: Callable[[], None]) -> Iterator[None]:
    """Print the package's warnings as remarks.

    Args:
        before: called first; may end a line of progress that is still open.
    """
    package, handler = logging.getLogger("nas_asc"), _Remarks(before)
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
