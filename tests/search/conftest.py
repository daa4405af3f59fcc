from collections.abc import Iterator

import pytest
from postgresql_server import PASSWORD, Server, running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    with running_server() as server:
        yield server


@pytest.fixture
def database(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty database, whose password is in PGPASSWORD."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return postgresql.url(postgresql.new_database())
