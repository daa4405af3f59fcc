import os
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from stored_trials import RESULT, SPACE, make_trial
from study_cases import search

from nas_asc.errors import RunError
from nas_asc.search.storage.run_summary import load_front
from nas_asc.search.storage.sqlite_store import SqliteStore, connect_to_write, read_sqlite

NOBODY = 65534


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a {folder} with?odd 100%" / "study.db"


@pytest.fixture
def store(path):
    path.parent.mkdir()
    store = SqliteStore(path, SPACE)
    yield store
    store.close()


def as_optuna_sees_it(path):
    storage = optuna.storages.RDBStorage(
        "sqlite:///x", engine_kwargs={"creator": lambda: sqlite3.connect(path)}
    )
    study = optuna.load_study(study_name="nas-asc", storage=storage)
    yield study
    storage.remove_session()
    storage.engine.dispose()


def test_a_report_model_keeps_its_samples_and_is_an_option_to_optuna(store, path):
    """2,760 and 690 samples at 44.1 kHz are 62.6 and 15.6 ms; 16 kHz are 0.73 of half the rate."""
    model = SPACE.models["deepsound-160"].architecture
    store.add(replace(make_trial(0), architecture=model))
    (loaded,), _ = read_sqlite(path)
    assert loaded.architecture == model
    assert loaded.architecture.frontend == model.frontend
    (study,) = as_optuna_sees_it(path)
    found = {key: study.trials[0].params[f"frontend.{key}"] for key in ("window_ms", "hop_ms")}
    assert found == {"window_ms": 64, "hop_ms": 16}
    assert study.trials[0].params["frontend.f_max_share"] == 0.75


def test_what_is_stored_is_what_optuna_would_have_stored(store, path):
    trial = make_trial(0)
    store.start(trial)
    store.finish(replace(trial, state="completed", result=RESULT), 0.5)
    (ours,) = next(as_optuna_sees_it(path)).trials

    theirs_study = optuna.create_study(
        storage=f"sqlite:///{path.parent.parent / 'theirs.db'}", directions=["minimize"] * 2
    )
    options = {p.path: p.options for p in SPACE.parameters()}
    choices = dict(trial.architecture.choices)
    theirs_study.add_trial(
        create_trial(
            state=TrialState.RUNNING,
            params=choices,
            distributions={p: CategoricalDistribution(options[p]) for p in choices},
            user_attrs=ours.user_attrs,
        )
    )
    theirs_study.tell(0, [0.5, float(trial.size_bytes)])
    (theirs,) = theirs_study.trials
    for name in ("number", "state", "values", "params", "distributions", "user_attrs"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.system_attrs == theirs.system_attrs == {}
    for name in ("datetime_start", "datetime_complete"):
        apart = getattr(ours, name) - getattr(theirs, name)
        assert abs(apart.total_seconds()) < 60, name


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a {run} 100%?#"
    search(folder, trials=3)
    return folder


@pytest.fixture
def read_only(run):
    """A copy of the run in a folder that one who is not root cannot write, and the run's front."""
    front = load_front(run).front
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        copy = Path(shutil.copytree(run, Path(name, "run")))
        for path in (*copy.iterdir(), copy):
            path.chmod(0o555 if path.is_dir() else 0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield copy, front
        finally:
            os.seteuid(user)
            copy.chmod(0o755)


def test_the_front_of_a_run_that_cannot_be_written_is_read(read_only):
    copy, front = read_only
    with pytest.raises(PermissionError):
        (copy / "file").touch()
    assert load_front(copy).front == front


def test_looking_changes_nothing_in_the_folder(run):
    def content():
        return {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}

    before = content()
    assert len(read_sqlite(run / "study.db")[0]) == 3
    assert content() == before


def test_a_file_without_a_study_yet_holds_no_trials(tmp_path):
    connect_to_write(tmp_path / "study.db").close()
    assert read_sqlite(tmp_path / "study.db") == ([], {})
    (tmp_path / "empty.db").touch()
    assert read_sqlite(tmp_path / "empty.db") == ([], {})


def test_a_file_can_be_read_while_it_is_written(store, path):
    """What was written last lies in a log that nobody has folded in yet."""
    for number in range(2):
        store.start(make_trial(number))
        assert len(read_sqlite(path)[0]) == number + 1
    store.add_facts({"classes": ["a"]}, ("log_loss", "size_bytes"))
    assert path.with_name("study.db-wal").stat().st_size
    assert read_sqlite(path)[1] == {"classes": ["a"]}


def test_a_log_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    def connect(database, **options):
        raise sqlite3.OperationalError("unable to open database file")

    (tmp_path / "study.db").touch()
    (tmp_path / "study.db-wal").write_bytes(b"trials")
    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(RunError, match=r"unable to open .* copy the whole folder"):
        read_sqlite(tmp_path / "study.db")


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match=r"study\.db: .*not a database"):
        read_sqlite(tmp_path / "study.db")
