"""One line instead of a database's traceback where a run cannot be stored any more."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas_asc.errors import RunError

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_DATABASE_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)


@contextmanager
def told_in_one_line(run: Path) -> Iterator[None]:
    """Tell of a full disk, or one that cannot be written any more, as the user's to put right.

    Raises:
        RunError: there is no room for the trials of the run.
    """
    try:
        yield
    except Exception as error:
        reason = disk_fault(error)
        if reason is None:
            raise
        raise RunError(
            f"{run}: expected room for the trials of the run, found {reason} - make room and go "
            "on with --resume"
        ) from error


def disk_fault(error: BaseException | None) -> str | None:
    """Say what a disk cannot do, if that is what an error comes from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            return (error.strerror or str(error)).lower()
        if isinstance(error, sqlite3.OperationalError):
            primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is the detail
            return str(error) if primary in _DATABASE_ERRORS else None
        error = error.__cause__
    return None
