import errno
import signal
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy
from study_cases import OFF, start, study

from nas_asc.errors import RunError
from nas_asc.search.storage.run_folder import (
    check_new,
    check_same,
    disk_faults_in_one_line,
    locked,
    save_study,
    saved_study,
)

HOLDER = """
import sys, time
from pathlib import Path
from nas_asc.search.storage.run_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_is_held_by_one_process_until_it_is_killed(tmp_path):
    with start(tmp_path, HOLDER, tmp_path) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"{tmp_path}: .*another search"), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(tmp_path):
            pass


def test_a_run_can_be_held_again_also_after_a_fault(tmp_path):
    for _ in range(2):
        with pytest.raises(FileExistsError), locked(tmp_path / "new" / "run"):
            raise FileExistsError


def test_who_holds_a_run_removes_models_that_were_never_finished(tmp_path):
    for name in ("4", "5.part11", "6.partf00"):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
    with locked(tmp_path):
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["4"]


def test_an_empty_or_absent_folder_is_new_one_with_files_is_not(tmp_path):
    check_new(tmp_path / "run")
    with locked(tmp_path / "run"):
        check_new(tmp_path / "run")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="expected a folder, got a file"), locked(tmp_path / "file"):
        pass
    with pytest.raises(RunError, match="it holds files"):
        check_new(tmp_path)
    saved = study(seed=5, time_s=90.0)
    save_study(tmp_path, saved)
    assert saved_study(tmp_path) == saved
    assert {path.name for path in tmp_path.iterdir()} == {"run", "file", "study.toml"}
    with pytest.raises(RunError, match="it holds a run - add --resume"):
        check_new(tmp_path)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("space", "vgg", "'mbconv', got 'vgg'"), ("early_stopping", OFF, ".*, got .* to resume")],
)
def test_a_run_of_another_study_is_refused(tmp_path, option, value, words):
    """But trials and time may be raised."""
    check_same(tmp_path, study(trials=10), study(trials=20, time_s=60.0))
    with pytest.raises(RunError, match=f"started with {option} = {words}"):
        check_same(tmp_path, study(), study(**{option: value}))


def fill(path):
    """Fill a database that may hold four pages."""
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 4")
        connection.exec_driver_sql("CREATE TABLE trials (result BLOB)")
        connection.exec_driver_sql("INSERT INTO trials VALUES (zeroblob(100000))")


def test_a_full_disk_is_told(tmp_path):
    full = pytest.raises(RunError, match="disk is full - make room")
    with full, disk_faults_in_one_line(tmp_path):
        fill(tmp_path / "study.db")
    for number in (errno.ENOSPC, errno.EROFS):
        with pytest.raises(RunError, match="expected room for"), disk_faults_in_one_line(tmp_path):
            raise OSError(number, "No space left")


def test_other_faults_are_passed_on(tmp_path):
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        with pytest.raises(sqlite3.OperationalError), disk_faults_in_one_line(tmp_path):
            database.execute("SELECT * FROM nothing")
        with pytest.raises(FileNotFoundError), disk_faults_in_one_line(tmp_path):
            (tmp_path / "absent").read_bytes()
