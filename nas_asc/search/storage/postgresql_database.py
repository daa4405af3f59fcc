"""A PostgreSQL database that a team shares: connections to it, its one driver a study, its faults.

Conventions: all that a driver writes goes through one connection, which holds an advisory lock on
the study's name. The server lets go of the lock when that connection ends, however it ends, and
there is never another one in its place: who has lost the lock has lost the only way to write.
Optuna's tables are used through its public storage; the table here says who a driver is. No message
has a password, since no URL here has one. Importing this file without psycopg is a `ConfigError`.
"""

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, LiteralString

import optuna
from optuna.storages import RDBStorage
from sqlalchemy.pool import StaticPool

from nas_asc.errors import ConfigError, NasAscError, RunError

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ImportError:
    raise ConfigError(
        "storage: expected psycopg, which reaches a PostgreSQL database, found no such package - "
        "pip install 'psycopg[binary]'"
    ) from None

_PATIENCE_S = 3.0  # until the server has noticed that a driver was killed
# A driver whose network is cut off finds out within a minute, and so does the server, which then
# lets go of the lock. What a URL says itself comes before this.
_SETTINGS: dict[str, str | int | None] = {
    "application_name": "nas-asc",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
_SERVER_SETTINGS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",  # nothing is written while the front is trained again
}
_DRIVERS = """
CREATE TABLE nas_asc_drivers (
    study text PRIMARY KEY,
    host text NOT NULL,
    process integer NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
_ENTER = """
INSERT INTO nas_asc_drivers (study, host, process) VALUES (%s, %s, %s) ON CONFLICT (study)
DO UPDATE SET host = excluded.host, process = excluded.process, started = clock_timestamp()
"""
_WHO = """
SELECT host, process, to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM nas_asc_drivers WHERE study = %s
"""


def connect(url: str, password: str | None, *, read_only: bool = False) -> psycopg.Connection:
    """Connect to a database; without a password, libpq looks for PGPASSWORD and ~/.pgpass.

    Raises:
        RunError: it cannot be reached, is not there, or lets nobody in with this password.
    """
    try:
        settings = {**_SETTINGS, **conninfo_to_dict(url), "password": password}
        connection = psycopg.connect(make_conninfo("", **settings))
    except (psycopg.Error, UnicodeError) as error:
        reason = _reason(error)
        raise RunError(f"{url}: expected a database, found {reason} - {_remedy(reason)}") from None
    connection.read_only = read_only
    return connection


def check_database(url: str, password: str | None) -> None:
    """Check that a database can keep trials, and make the tables that it lacks.

    Raises:
        RunError: it cannot be reached, or tables cannot be made in it.
    """
    with faults_in_one_line(url), closing(connect(url, password)) as connection:
        open_tables(connection, url).engine.dispose()


def open_tables(connection: psycopg.Connection, url: str) -> RDBStorage:
    """Return optuna's storage on one connection and no other; tables that lack are made.

    Raises:
        RunError: the tables are those of another version of optuna.
    """
    # Two who make tables at the same time would be in each other's way.
    _ask(connection, "SELECT pg_advisory_lock(%s)", _key("tables"))
    if not _has_table(connection, "nas_asc_drivers"):
        connection.execute(_DRIVERS)
        connection.commit()
    storage = _storage(connection, url, make_tables=True)
    _ask(connection, "SELECT pg_advisory_unlock(%s)", _key("tables"))
    return storage


@contextmanager
def reading(url: str, password: str | None) -> Iterator[RDBStorage | None]:
    """Open a database to look at it, in transactions that cannot write; None if it has no studies.

    Raises:
        RunError: it cannot be read.
    """
    with (
        faults_in_one_line(url),
        closing(connect(url, password, read_only=True)) as connection,
    ):
        if not _has_table(connection, "studies"):
            yield None
            return
        storage = _storage(connection, url, make_tables=False)
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _storage(connection: psycopg.Connection, url: str, make_tables: bool) -> RDBStorage:
    left = [connection]

    def the_only_one() -> psycopg.Connection:
        if not left:
            raise RunError(f"{url}: {_lost('it has ended')}")
        return left.pop()

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell people of every study
    try:
        return RDBStorage(
            "postgresql+psycopg://",  # the URL proper is none of optuna's business
            engine_kwargs={"creator": the_only_one, "poolclass": StaticPool},
            skip_table_creation=not make_tables,
        )
    except RuntimeError:  # what optuna says of versions has no class of its own
        raise RunError(
            f"{url}: expected tables of optuna {optuna.__version__}, found those of another "
            "version - bring them up to date with optuna storage upgrade, or use another database"
        ) from None


def hold(connection: psycopg.Connection, url: str, study: str) -> None:
    """Take the lock on a study for as long as a connection lasts, and say who has it.

    Raises:
        RunError: another driver has it; names its host and when it started.
    """
    until_s = time.monotonic() + _PATIENCE_S
    while not _ask(connection, "SELECT pg_try_advisory_lock(%s)", _key(f"study {study}"))[0]:
        if time.monotonic() > until_s:
            raise RunError(
                f"{study} in {url}: expected a study that no search works on, found "
                f"{_holder(connection, study)} - wait for its end or stop it"
            )
        time.sleep(0.1)
    # Those that the server does not know are left out: it may be an older one.
    for name, value in _SERVER_SETTINGS.items():
        connection.execute(
            "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = %s", (value, name)
        )
    connection.execute(_ENTER, (study, socket.gethostname(), os.getpid()))
    connection.commit()


def release(connection: psycopg.Connection, study: str) -> None:
    """Let go of a study and close the connection; one that was lost has let go already."""
    with suppress(psycopg.Error):
        connection.execute("DELETE FROM nas_asc_drivers WHERE study = %s", (study,))
        connection.commit()
    connection.close()


def _holder(connection: psycopg.Connection, study: str) -> str:
    found = connection.execute(_WHO, (study,)).fetchone()
    if found is None:
        return "another one at it"
    host, process, started = found
    return f"one on {host} (process {process}, started {started} UTC)"


def _has_table(connection: psycopg.Connection, name: str) -> bool:
    return bool(_ask(connection, "SELECT to_regclass(%s) IS NOT NULL", name)[0])


def _ask(connection: psycopg.Connection, query: LiteralString, *values: object) -> tuple[Any, ...]:
    """Return the one row of an answer, in a transaction of its own."""
    row = connection.execute(query, values).fetchone()
    connection.commit()
    assert row is not None
    return row


def _key(name: str) -> int:
    """Return the number of 64 bits by which a name is locked."""
    return int.from_bytes(hashlib.sha256(f"nas-asc {name}".encode()).digest()[:8], signed=True)


@contextmanager
def faults_in_one_line(place: str) -> Iterator[None]:
    """Report what a database could not do as the user's to put right.

    Raises:
        RunError: begins with the place, which says which database, and perhaps which study.
    """
    try:
        yield
    except Exception as error:
        if words := fault_in_words(error):
            raise RunError(f"{place}: {words}") from error
        raise


def fault_in_words(error: BaseException | None) -> str:
    """Return what a database could not do, if that is what an error comes from, else nothing."""
    while not isinstance(error, psycopg.Error):
        if error is None or isinstance(error, NasAscError):
            return ""
        error = error.__cause__
    reason = _reason(error)
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            f"expected the right to make and write tables, found {reason} - have it granted to "
            "the user"
        )
    gone = isinstance(error, psycopg.OperationalError) and not error.sqlstate
    if gone or isinstance(error, psycopg.InterfaceError) or (error.sqlstate or "")[:3] == "57P":
        return _lost(reason)
    return (
        f"expected a database that keeps trials, found {reason} - put that right; a search goes on "
        "with --resume"
    )


def _lost(reason: str) -> str:
    return (
        f"expected a connection that lasts, found it lost ({reason}) - nothing was written since; "
        "a search goes on with --resume"
    )


def _reason(error: BaseException) -> str:
    """Return the line of an error that says most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason"]
    marks = ("FATAL:", "ERROR:", " failed: ")
    said = next((line for mark in marks for line in lines if mark in line), lines[0])
    for mark in marks:
        said = said.rpartition(mark)[2].strip()
    return said


def _remedy(reason: str) -> str:
    """Return what to do about a connection that was not made."""
    if "password" in reason:
        return "give it in PGPASSWORD, in ~/.pgpass or in the URL of --storage"
    if "does not exist" in reason:
        return "make it (createdb, createuser), or correct the URL"
    return "check host and port, and that PostgreSQL runs there"
