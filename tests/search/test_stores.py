"""What every store of trials keeps to: a file in the run folder, and a database."""

import sqlite3
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import NamedTuple

import optuna
import pytest
from stored_trials import RESULT, SPACE, make_trial

from nas_asc.search.storage.sqlite_store import SqliteStore, read_sqlite
from nas_asc.search.storage.trials import TrialJob


class Place(NamedTuple):
    """Where trials are kept: opens a store, reads what is there, and shows it as optuna does."""

    open: object
    read: object
    study: object


@contextmanager
def optuna_study(name, url, **engine):
    storage = optuna.storages.RDBStorage(url, engine_kwargs=engine)
    yield optuna.load_study(study_name=name, storage=storage)
    storage.remove_session()
    storage.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    if request.param == "sqlite":
        path = tmp_path / "study.db"
        return Place(
            lambda: closing(SqliteStore(path, SPACE)),
            lambda: read_sqlite(path),
            lambda: optuna_study("nas-asc", "sqlite:///x", creator=lambda: sqlite3.connect(path)),
        )
    url = request.getfixturevalue("database")  # skips the test where there is no PostgreSQL
    from nas_asc.search.storage.postgresql_store import PostgresqlStore, read_postgresql

    return Place(
        lambda: closing(PostgresqlStore(url, None, "run-0123abcd", SPACE)),
        lambda: read_postgresql(url, None, "run-0123abcd"),
        lambda: optuna_study("run-0123abcd", url.replace("postgresql:", "postgresql+psycopg:")),
    )


def test_trials_are_read_back_as_they_were_stored(place):
    waiting = make_trial(0, model="deepsound-32", state="waiting")
    running = make_trial(1, rejected_over_budget=3, duplicates=1)
    completed = make_trial(2, jobs=(TrialJob(0, 6, 0, ended=True, loss=0.5),))
    stopped, failed, skipped = make_trial(3), make_trial(4), make_trial(5, state="waiting")
    lost = make_trial(6)
    with place.open() as store:
        for trial in (waiting, running, completed, stopped, failed, skipped, lost):
            store.add(trial)
        completed = replace(completed, state="completed", result=RESULT, elapsed_s=12.5)
        stopped = replace(stopped, state="stopped_early", result=replace(RESULT, stopped_epoch=2))
        failed = replace(failed, state="failed", reason="out of memory", traceback="somewhere")
        skipped = replace(skipped, state="skipped", reason="no time")
        lost = replace(lost, state="failed", reason="it died", lost=True, spent_s=3.5)
        store.finish(completed, 0.5)
        for trial in (stopped, failed, skipped, lost):
            store.finish(trial, None)
        expected = [waiting, running, completed, stopped, failed, skipped, lost]
        assert store.load() == expected
        assert place.read()[0] == expected  # also while somebody writes
    assert place.read()[0] == expected


def test_trials_that_waited_rested_or_were_lost_start_under_their_number(place):
    result = replace(RESULT, stopped_epoch=2)
    with place.open() as store:
        store.add(make_trial(0, model="deepsound-32", state="waiting"))
        store.add(make_trial(1))
        store.finish(make_trial(1, state="stopped_early", result=result), None)
        store.add(make_trial(2))
        store.finish(make_trial(2, state="failed", reason="it died", lost=True), None)
        store.add(make_trial(3, state="waiting"))
        store.finish(make_trial(3, state="skipped", reason="no time"), None)
    with place.open() as store:
        for trial in store.load():
            store.start(replace(trial, after_end=trial.number == 3).started())
        found = store.load()
        assert [trial.state for trial in found] == ["running"] * 4
        assert [trial.result for trial in found] == [None, result, None, None]
        assert [trial.after_end for trial in found] == [False, False, False, True]
    with place.open() as store:
        for trial in store.load():
            store.start(trial)
            store.finish(replace(trial, state="completed", result=RESULT), 0.5)
        assert [trial.state for trial in store.load()] == ["completed"] * 4


def test_optuna_sees_the_objectives_and_the_best_trials(place):
    with place.open() as store:
        store.add_facts({"data": {"name": "x"}}, ("log_loss", "size_bytes"))
        for number, loss in enumerate((0.5, 0.25, 0.75)):
            complexity = {"size_bytes": 1000 + number, "macs": 1}
            trial = replace(make_trial(number), complexity=complexity)
            store.start(trial)
            store.finish(replace(trial, state="completed", result=RESULT), loss)
        assert store.facts() == {"data": {"name": "x"}}
    with place.study() as study, warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        assert study.metric_names == ["log_loss", "size_bytes"]
        assert [trial.number for trial in study.best_trials] == [0, 1]
        assert [trial.values for trial in study.trials] == [[0.5, 1000], [0.25, 1001], [0.75, 1002]]
        for trial in study.trials:
            assert trial.params == dict(make_trial(trial.number).architecture.choices)


def test_facts_are_added_to_those_of_before(place):
    with place.open() as store:
        assert store.facts() == {}
        store.add_facts({"classes": ["a"]}, ("log_loss", "size_bytes"))
        store.set_elapsed(1.5)
        store.add_facts({"features": 2}, ("log_loss", "size_bytes"))
        store.set_elapsed(2.5)
        expected = {"classes": ["a"], "features": 2, "elapsed_s": 2.5}
        assert store.facts() == place.read()[1] == expected


def test_the_end_of_a_trial_is_stored_whole_or_not_at_all(place):
    with place.open() as store:
        store.start(make_trial(0))
        unwritable = replace(RESULT, metrics={"x": object()})
        with pytest.raises(TypeError):
            store.finish(replace(make_trial(0), state="completed", result=unwritable), 0.5)
        assert store.load() == [make_trial(0)]
