import errno
import signal
import sqlite3
import sys
from contextlib import closing

import pytest
import sqlalchemy
from study_cases import OFF, search, start, study, trials_of

from nas_asc.errors import RunError
from nas_asc.search.progress import Progress
from nas_asc.search.storage import sqlite_store
from nas_asc.search.storage.run_folder import (
    check_new,
    check_same,
    locked,
    read_trials,
    save_study,
    saved_study,
    storage_faults_in_one_line,
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
    with full, storage_faults_in_one_line(tmp_path):
        fill(tmp_path / "study.db")
    for number in (errno.ENOSPC, errno.EROFS):
        with (
            pytest.raises(RunError, match="expected room for"),
            storage_faults_in_one_line(tmp_path),
        ):
            raise OSError(number, "No space left")


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA locking_mode = {sys.argv[2]}")
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("mode", "ended"), [("EXCLUSIVE", 2), ("NORMAL", 3)])
def test_trials_that_another_program_has_locked_are_told_and_none_is_lost(
    tmp_path, monkeypatch, mode, ended
):
    """A lock keeps everybody out from before the search goes on, or writers from its midst on."""
    monkeypatch.setattr(sqlite_store, "_BUSY_TIMEOUT_S", 0.1)
    run, options = tmp_path / "run", {"early_stopping": OFF}
    search(run, trials=2, **options)
    holders = []

    def hold(progress):
        if not holders and progress.finished == ended:
            holders.append(start(tmp_path, HOLD, run / "study.db", mode))
            assert holders[0].stdout.readline() == "held\n"

    if ended == 2:
        hold(Progress(completed=2))
    try:
        with pytest.raises(RunError, match=r"study\.db: .* found them locked by") as caught:
            search(run, trials=4, resume=True, progress=hold, **options)
        if mode == "EXCLUSIVE":
            with pytest.raises(RunError, match="found them locked by"):
                read_trials(run)
    finally:
        holders[0].kill()
        holders[0].communicate()
    assert sys.platform != "linux" or f"(process {holders[0].pid})" in str(caught.value)
    assert sum(trial.finished for trial in trials_of(run)) == ended
    assert search(run, trials=4, resume=True, **options).trials["completed"] == 4


def test_other_faults_are_passed_on(tmp_path):
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        with pytest.raises(sqlite3.OperationalError), storage_faults_in_one_line(tmp_path):
            database.execute("SELECT * FROM nothing")
        with pytest.raises(FileNotFoundError), storage_faults_in_one_line(tmp_path):
            (tmp_path / "absent").read_bytes()
