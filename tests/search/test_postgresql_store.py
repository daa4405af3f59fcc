"""What a store in a database does beside what all stores do: who may write, what a kill leaves."""

import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module

import optuna
import pytest
from postgresql_server import PASSWORD
from stored_trials import RESULT, SPACE, make_trial

from nas_asc.errors import ConfigError, RunError

STUDY = "run-0123abcd"


@pytest.fixture
def opened(database):
    """Return a store of the study, to be closed."""
    from nas_asc.search.storage.postgresql_store import PostgresqlStore

    return lambda study=STUDY: closing(PostgresqlStore(database, None, study, SPACE))


@pytest.fixture
def ask(postgresql, database):
    """Ask the database by plain SQL."""
    name = database.partition("?")[0].rpartition("/")[2]
    return lambda query: postgresql.run(name, query)


def end_connections(ask):
    """End every connection that holds a study, as an administrator does."""
    ask("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


def states(ask):
    return [row[0] for row in ask("SELECT state::text FROM trials ORDER BY number")]


def test_states_are_last_ones_only_where_nothing_can_change(opened, ask):
    ends = {
        "completed": ({"result": RESULT}, "COMPLETE"),
        "failed": ({"reason": "a fault"}, "FAIL"),
        "stopped_early": ({"result": RESULT}, "WAITING"),
        "skipped": ({"reason": "no time"}, "WAITING"),
    }
    with opened() as store:
        for number, (state, (given, _)) in enumerate(ends.items()):
            store.add(make_trial(number))
            store.finish(make_trial(number, state=state, **given), None)
        store.add(make_trial(4))
        store.finish(make_trial(4, state="failed", lost=True), None)
        store.add(make_trial(5, state="waiting"))
        store.add(make_trial(6))
    assert states(ask) == [*(seen for _, seen in ends.values()), "WAITING", "WAITING", "RUNNING"]


@pytest.mark.parametrize("moment", ["set_trial_user_attr", "set_trial_state_values"])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_kill_between_two_writes_loses_and_doubles_nothing(
    opened, ask, monkeypatch, moment, goes_on
):
    """A trial that ends, or one that goes on from a rung: before the first write, or the second."""
    trial = make_trial(0)
    rested = replace(trial, state="stopped_early", result=replace(RESULT, stopped_epoch=2))
    ended = replace(trial, state="completed", result=RESULT)

    def die(*arguments, **options):
        raise SystemExit

    with opened() as store:
        store.start(trial)
        if goes_on:
            store.finish(rested, None)
        monkeypatch.setattr(store._storage, moment, die)
        with pytest.raises(SystemExit):
            store.start(rested.started()) if goes_on else store.finish(ended, 0.5)
    written = moment == "set_trial_state_values"
    with opened() as store:
        (found,) = store.load()
    if goes_on:
        assert found == (rested.started() if written else rested)
        assert states(ask) == ["RUNNING" if written else "WAITING"]
    elif written:  # its result is there, and what optuna shows is put right
        assert found == ended
        assert states(ask) == ["COMPLETE"]
        values = ask("SELECT value FROM trial_values ORDER BY objective")
        assert values == [(0.5,), (float(trial.size_bytes),)]
    else:
        assert found == trial
        assert states(ask) == ["RUNNING"]


def test_a_second_driver_is_told_who_the_first_is(opened, ask, monkeypatch):
    module = import_module("nas_asc.search.storage.postgresql_database")
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    with opened() as store:
        words = rf"one on {socket.gethostname()} \(process \d+, started (.*) UTC\) - wait for"
        with pytest.raises(RunError, match=words) as caught, opened():
            pass
        told = datetime.strptime(str(caught.value).split("started ")[1][:19], "%Y-%m-%d %H:%M:%S")
        assert abs(datetime.now(UTC).replace(tzinfo=None) - told) < timedelta(minutes=5)
        with opened("another"):  # studies do not get in each other's way
            assert ask("SELECT count(*) FROM nas_asc_drivers") == [(2,)]
        store.start(make_trial(0))
    assert ask("SELECT count(*) FROM nas_asc_drivers") == [(0,)]
    with opened() as store:
        assert len(store.load()) == 1


def test_who_has_lost_the_connection_that_holds_a_study_writes_no_more(opened, ask):
    with opened() as old:
        old.start(make_trial(0))
        end_connections(ask)
        with opened() as new:
            assert new.load() == [make_trial(0)]
            new.start(make_trial(0))
            new.start(make_trial(1))
            writes = (
                lambda: old.start(make_trial(1)),
                lambda: old.finish(replace(make_trial(0), state="failed", reason="old"), None),
                lambda: old.add(make_trial(2)),
                lambda: old.set_elapsed(99.0),
                lambda: old.keep_file("study.toml", "old"),
                lambda: old.add_facts({"data": "old"}, ("log_loss", "size_bytes")),
            )
            for write in writes:
                with pytest.raises((RunError, optuna.exceptions.StorageInternalError)):
                    write()
            assert new.load() == [make_trial(0), make_trial(1)]
            assert new.facts() == {}
        assert ask("SELECT count(*) FROM nas_asc_drivers") == [(0,)]


def test_trials_of_others_in_a_study_are_one_line(opened, database):
    from nas_asc.search.storage.postgresql_store import read_postgresql

    with opened() as store:
        store.start(make_trial(0))
        storage = optuna.storages.RDBStorage(database.replace("ql:", "ql+psycopg:"))
        optuna.load_study(study_name=STUDY, storage=storage).enqueue_trial({"x": 1})
        storage.remove_session()
        storage.engine.dispose()
        words = f"^{STUDY} in .*, found trial 1, which is none of them - [^\n]*\\Z"
        with pytest.raises(RunError, match=words):
            store.load()
    with pytest.raises(RunError, match=words):
        read_postgresql(database, None, STUDY)


def test_looking_makes_nothing(database, ask):
    from nas_asc.search.storage.postgresql_store import read_kept_files, read_postgresql

    assert read_postgresql(database, None, STUDY) == ([], {})
    with pytest.raises(RunError, match="expected the study run-0123abcd, found none"):
        read_kept_files(database, None, STUDY)
    assert ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_a_file_is_kept_and_a_name_that_is_nearly_right_is_proposed(opened, database):
    from nas_asc.search.storage.postgresql_store import read_kept_files

    with opened() as store:
        store.keep_file("study.toml", "seed = 1\n")
        store.keep_file("study.toml", "seed = 2\n")
    assert read_kept_files(database, PASSWORD, STUDY) == {"study.toml": "seed = 2\n"}
    with pytest.raises(RunError, match=f"did you mean '{STUDY}'"):
        read_kept_files(database, None, "run-0123abce")


def test_tables_of_another_optuna_are_one_line(opened, ask):
    with opened():
        pass
    ask("UPDATE alembic_version SET version_num = 'v99'")
    with pytest.raises(RunError, match=r"expected tables of optuna 5.*, found those of another"):
        opened()


ENDS_AT_ONCE = """
import os, signal, sys
from stored_trials import SPACE, make_trial
from nas_asc.search.storage.postgresql_store import PostgresqlStore
store = PostgresqlStore(sys.argv[1], None, sys.argv[2], SPACE)
store.start(make_trial(0))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_hold_ends_with_the_process_that_has_it(opened, database):
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    command = [sys.executable, "-c", path + ENDS_AT_ONCE, database, STUDY]
    assert subprocess.run(command, check=False).returncode == -9
    with opened() as store:
        assert [trial.state for trial in store.load()] == ["running"]


def test_without_psycopg_it_is_said_how_to_get_it(monkeypatch):
    for name in ("postgresql_database", "postgresql_store"):
        monkeypatch.delitem(sys.modules, f"nas_asc.search.storage.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'psycopg\[binary\]'\Z"):
        import_module("nas_asc.search.storage.postgresql_store")
