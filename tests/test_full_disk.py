"""A disk without room."""

import errno
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy

from nas_asc.errors import RunError
from nas_asc.full_disk import told_in_one_line


def fill(path):
    """Fill a database that may hold four pages."""
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 4")
        connection.exec_driver_sql("CREATE TABLE trials (result BLOB)")
        connection.exec_driver_sql("INSERT INTO trials VALUES (zeroblob(100000))")


def test_a_full_database_is_told_in_one_line(tmp_path):
    with pytest.raises(RunError, match=r"found database or disk is full - make room"):  # noqa: SIM117
        with told_in_one_line(tmp_path):
            fill(tmp_path / "study.db")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_told_in_one_line(tmp_path, number):
    with pytest.raises(RunError, match=r"expected room for the trials of the run, found "):  # noqa: SIM117
        with told_in_one_line(tmp_path):
            raise OSError(number, "No space left")


def test_other_faults_are_passed_on(tmp_path):
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        with pytest.raises(sqlite3.OperationalError), told_in_one_line(tmp_path):
            database.execute("SELECT * FROM nothing")
        with pytest.raises(FileNotFoundError), told_in_one_line(tmp_path):
            (tmp_path / "absent").read_bytes()
