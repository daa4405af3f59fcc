"""A file of trials that is only looked at."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from study_cases import search

from nas_asc.errors import RunError
from nas_asc.study import load_front
from nas_asc.trials import TrialStore, read_trials
from nas_asc.trials_file import connect_to_write

NOBODY = 65534


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a {run} 100%?#"
    search(folder, trials=3)
    return folder


@pytest.fixture
def shown(run, run_command):
    """What `front` shows where the folder can be written."""
    code, out, err = run_command("front", run)
    assert (code, err) == (0, "")
    return code, out, err


@pytest.fixture
def read_only(run):
    """A copy of the run in a folder that cannot be written, seen by a user who is not root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        copy = Path(shutil.copytree(run, Path(name, "run")))
        for path in (*copy.iterdir(), copy):
            path.chmod(0o555 if path.is_dir() else 0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield copy
        finally:
            os.seteuid(user)
            copy.chmod(0o755)


def test_the_front_of_a_run_that_cannot_be_written_is_shown(shown, read_only, run_command):
    with pytest.raises(PermissionError):
        (read_only / "file").touch()
    assert run_command("front", read_only) == shown
    assert load_front(read_only).front


def test_looking_changes_nothing_in_the_folder(run):
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert len(read_trials(run / "study.db")[0]) == 3
    after = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert after == before


def test_a_file_without_a_study_yet_holds_no_trials(tmp_path):
    connect_to_write(tmp_path / "study.db").close()
    assert read_trials(tmp_path / "study.db") == ([], {})
    (tmp_path / "empty.db").touch()
    assert read_trials(tmp_path / "empty.db") == ([], {})


def test_trials_in_a_log_that_nobody_has_folded_in_are_seen(tmp_path):
    with closing(TrialStore(tmp_path / "study.db")) as store:
        store.describe({"classes": ["a"]}, ("log_loss", "size_bytes"))
        assert (tmp_path / "study.db-wal").stat().st_size
        assert read_trials(tmp_path / "study.db")[1] == {"classes": ["a"]}


def test_a_log_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    def connect(database, **options):
        raise sqlite3.OperationalError("unable to open database file")

    path = tmp_path / "study.db"
    path.touch()
    path.with_name("study.db-wal").write_bytes(b"trials")
    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(RunError, match=r"cannot be read \(unable to open .* copy the whole folder"):
        read_trials(path)


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match=r"study\.db: .* \(file is not a database\)") as caught:
        read_trials(tmp_path / "study.db")
    assert "\n" not in str(caught.value)
