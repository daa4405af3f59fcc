"""A PostgreSQL server of the tests' own, in a temporary folder, reached by password."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from pwd import getpwnam
from urllib.parse import quote

import pytest

PASSWORD = "sesam öffne/dich@%"  # nothing that a URL or a log would leave as it is
LONGEST_S = 120.0  # until the server is taken to hang

# The server ends with the tests, also where they are killed: nothing is left to be read then.
_GUARD = '"$@" & server=$!; read -r how || how=QUIT; kill -s "$how" $server; wait $server'

_numbers = count(1)


class Server:
    """A running server, whose one user owns databases that tests ask for."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs, self._folder, self._user = programs, folder, user
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make its files; sockets want a password too."""
        secret = self._folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        if self._user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, self._user, getpwnam(self._user).pw_gid)
        options = ("--no-sync", "-A", "scram-sha-256", "-U", "team", f"--pwfile={secret}")
        command = (self._programs / "initdb", *options, "-E", "UTF8", "-D", self._folder / "data")
        subprocess.run(command, check=True, capture_output=True, **self._as_user)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = ("listen_addresses=", "fsync=off", "max_connections=30", "lc_messages=C")
        options = [word for setting in settings for word in ("-c", setting)]
        command = (self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder)
        with (self._folder / "log").open("ab") as log:
            guarded = ("sh", "-c", _GUARD, "sh", *command, *options)
            self._process = subprocess.Popen(
                guarded, stdin=subprocess.PIPE, stdout=log, stderr=log, **self._as_user
            )
        until = time.monotonic() + LONGEST_S
        while not (self._folder / ".s.PGSQL.5432").exists() or not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)

    def stop(self, how: bytes = b"INT") -> None:
        """Stop it without waiting for those who are connected; QUIT does not tidy up either."""
        if self._process is not None:
            self._process.communicate(how + b"\n", timeout=LONGEST_S)
            self._process = None

    def url(self, database: str, password: bool = False) -> str:
        """The URL of a database, with the password or without."""
        secret = f":{quote(PASSWORD, safe='')}" if password else ""
        return f"postgresql://team{secret}@/{database}?host={self._folder}"

    def run(self, database: str, query: str) -> list[tuple[object, ...]]:
        """Do something by plain SQL, and return the rows."""
        import psycopg

        with closing(psycopg.connect(self.url(database, password=True))) as connection:
            connection.autocommit = True
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"team{next(_numbers)}"
        self.run("postgres", f"CREATE DATABASE {name}")
        return name

    def _answers(self) -> bool:
        import psycopg

        try:
            self.run("postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _as_user(self) -> dict[str, object]:
        as_user = {"user": self._user, "group": getpwnam(self._user).pw_gid, "extra_groups": []}
        return {"cwd": self._folder, **(as_user if os.geteuid() == 0 else {})}


def _programs() -> Path | None:
    """Return the folder of initdb and postgres, the newest where there are several."""
    found = [Path(path).parent for path in (shutil.which("postgres"),) if path]
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    whole = [path for path in found if (path / "initdb").exists() and (path / "postgres").exists()]
    return whole[-1] if whole else None


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server; where there is no PostgreSQL the test is skipped, and says so."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb and postgres (apt install postgresql)")
    user = None
    if os.geteuid() == 0:  # as root it refuses to run
        user = "postgres" if _has_user("postgres") else "nobody"
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as name:
        server = Server(programs, Path(name), user)
        server.make()
        try:
            server.start()
            yield server
        finally:
            server.stop(b"QUIT")


def _has_user(name: str) -> bool:
    try:
        getpwnam(name)
    except KeyError:
        return False
    return True
