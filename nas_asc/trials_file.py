"""How the SQLite file of a run's trials is opened: to write, or only to look."""

import sqlite3
from pathlib import Path

_BUSY_TIMEOUT_S = 60


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; a kill at any moment leaves it whole (write-ahead log)."""
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # safe unless the power fails
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file to look at it, also while it is written and where nothing can be written.

    Raises:
        sqlite3.DatabaseError: it is no database, or its last trials cannot be had: they lie in a
            log beside it whose index is gone and cannot be made anew.
    """
    try:
        # Where the folder can be written, mode=ro would leave an index and an empty log there.
        return _looked_into(path, "mode=rw")
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise
        # SQLite wants to make an index, though without a log there is nothing to look up in it.
        return _looked_into(path, "mode=ro&immutable=1")


def _looked_into(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, uri=True)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # now it is really opened
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
