"""Whole searches whose trials are in a database: the same as in a file, whatever happens."""

import json
import os
import random
import shutil
import signal
import socket
import time
from contextlib import closing
from urllib.parse import quote

import pytest
from postgresql_server import PASSWORD
from real_job import results, search_tones
from study_cases import OFF, search, start, trials_of, write_tones
from test_finals import untimed as untimed_finals
from test_search import untimed

from nas_asc.datasets import load_dataset
from nas_asc.errors import RunError
from nas_asc.reports.ensemble import EnsembleReference
from nas_asc.search.storage.ensembles import (
    FIRST_ENSEMBLE,
    RunEnsemble,
    read_run_ensembles,
    save_run_ensemble,
)
from nas_asc.search.storage.run_folder import open_store, saved_study
from nas_asc.search.storage.run_summary import load_front, load_trials
from nas_asc.search.storage.shared_study import restore_run
from nas_asc.spaces import load_space

OPTIONS = {"budget": "128KB", "trials": 12}  # report models, new trials and rungs
FINALS = {"trials": 4, "sampler": "random", "early_stopping": OFF, "final_seeds": 2}
LONGEST_S = 600.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The trials and the front of the same search with a file in its folder."""
    run = tmp_path_factory.mktemp("whole") / "run"
    front = search(run, **OPTIONS).front
    return untimed(run), front


def interrupted(run, finished, act=None, **options):
    """Search until so many trials have finished; then be interrupted, or do something once."""
    acts = [] if act is None else [act]

    def interrupt(progress):
        if progress.finished == finished:
            if act is None:
                raise KeyboardInterrupt
            if acts:
                acts.pop()()

    search(run, progress=interrupt, **OPTIONS, **options)


def name_of(database):
    return database.partition("?")[0].rpartition("/")[2]


def test_a_search_in_a_database_is_the_one_in_a_file(tmp_path, database, postgresql, whole):
    run, seen = tmp_path / "runs of mine", []
    look = lambda: seen.append((len(load_trials(run)), load_front(run).trials))  # noqa: E731
    interrupted(run, 7, look, storage=database)
    assert (untimed(run), load_front(run).front) == whole
    assert seen
    assert not (run / "study.db").exists()
    name = saved_study(run).study_name
    assert name.startswith("runs of mine-")
    assert len(name) == len("runs of mine-") + len("0123abcd")
    assert postgresql.run(name_of(database), "SELECT study_name FROM studies") == [(name,)]
    query = "SELECT number, count(*) FROM trials GROUP BY number ORDER BY number"
    rows = postgresql.run(name_of(database), query)
    assert rows == [(number, 1) for number in range(len(whole[0]))]


def test_an_interrupted_search_goes_on_to_the_same_front(tmp_path, database, whole):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        interrupted(run, 5, storage=database)
    with pytest.raises(RunError, match=r"was started with storage = 'postgresql://team@/team"):
        search(run, resume=True, storage="postgresql://team@db/other", **OPTIONS)
    front = search(run, resume=True, storage=database, **OPTIONS).front
    assert (untimed(run), front) == whole


def test_a_search_goes_on_without_its_folder(tmp_path, database, whole):
    run, new = tmp_path / "run", tmp_path / "elsewhere"
    with pytest.raises(KeyboardInterrupt):
        interrupted(run, 8, storage=database)
    saved = saved_study(run)
    shutil.rmtree(run)
    restore_run(new, database, None, saved.study_name)
    assert saved_study(new) == saved
    front = search(new, resume=True, storage=database, **OPTIONS).front
    assert (untimed(new), front) == whole
    restore_run(new, database, None, saved.study_name)  # it is there
    other = tmp_path / "other"
    search(other, trials=1)
    with pytest.raises(RunError, match=r"expected the folder of study .*, found that of another"):
        restore_run(other, database, None, saved.study_name)


@pytest.mark.slow
def test_what_came_of_the_front_is_there_without_the_folder(tmp_path, database, run_command):
    run, new = tmp_path / "run", tmp_path / "new"
    first = search(run, storage=database, **FINALS)
    assert len(first.finals.retrainings) == 2 * len(first.front)
    name = saved_study(run).study_name
    files = {path.name: path.read_bytes() for path in (run / "finals").iterdir()}
    shutil.rmtree(run)
    restore_run(new, database, None, name)
    assert {path.name: path.read_bytes() for path in (new / "finals").iterdir()} == files
    again = search(new, resume=True, storage=database, **FINALS | {"final_seeds": 3})
    assert again.front == first.front
    assert len(again.finals.retrainings) == 3 * len(first.front)
    assert {*map(repr, untimed_finals(first.finals))} < {*map(repr, untimed_finals(again.finals))}
    code, out, _ = run_command("front", new, "--json")
    assert code == 0
    trainings = [point["finals"]["seeds"]["trainings"] for point in json.loads(out)["front"]]
    assert trainings == [3] * len(first.front)


@pytest.mark.slow
def test_an_ensemble_is_there_without_the_folder(tmp_path, database):
    run, new = tmp_path / "run", tmp_path / "new"
    summary = search(run, storage=database, **FINALS | {"final_seeds": None})
    one, other = trials_of(run)[:2]
    reference = EnsembleReference("mbconv", "trials-0-1", "1 x trial 0, 1 x trial 1", "ab", "")
    metrics = {"log_loss": 0.0, "accuracy": 1.0}
    stored = (reference.to_dict(), one.complexity, metrics)
    ensemble = RunEnsemble(FIRST_ENSEMBLE, ((0, 1), (other.number, 1)), "32 KB", None, *stored)
    study = saved_study(run)
    with closing(open_store(run, load_space("mbconv"), study)) as store:
        save_run_ensemble(run, store, ensemble)
    shutil.rmtree(run)
    restore_run(new, database, None, study.study_name)
    assert read_run_ensembles(new) == [ensemble]
    assert load_front(new).front[-1].trial == FIRST_ENSEMBLE
    assert load_front(new).points == summary.points


def test_what_somebody_else_has_put_among_the_files_is_not_written(tmp_path, database, postgresql):
    run = tmp_path / "run"
    search(run, storage=database, trials=1)
    for name in ("../evil", "finals/../../evil.json", "models/0/weights.safetensors"):
        query = (
            "INSERT INTO study_user_attributes (study_id, key, value_json) "
            f"""SELECT study_id, 'file {name}', '"x"' FROM studies"""
        )
        postgresql.run(name_of(database), query)
    restore_run(tmp_path / "new", database, None, saved_study(run).study_name)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"run.lock", "study.toml"}
    assert {path.name for path in tmp_path.iterdir()} == {"run", "new"}


def test_a_search_that_loses_its_hold_ends_at_once_and_goes_on_later(
    tmp_path, database, postgresql, whole
):
    run, counts = tmp_path / "run", []

    def count():
        query = "SELECT count(*), max(datetime_complete) FROM trials"
        return postgresql.run(name_of(database), query)

    def end_connections():
        query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        postgresql.run(name_of(database), query)
        counts.append(count())

    with pytest.raises(
        RunError, match=r"^[^\n]*found it lost[^\n]*goes on with --resume\Z"
    ) as caught:
        interrupted(run, 6, end_connections, storage=database)
    assert caught.value.exit_code == 2
    assert counts == [count()]
    front = search(run, resume=True, storage=database, **OPTIONS).front
    assert (untimed(run), front) == whole


@pytest.mark.slow
def test_a_study_that_somebody_deletes_is_one_line_and_is_filled_again(
    tmp_path, database, postgresql, whole
):
    import optuna

    run = tmp_path / "run"

    def delete():
        storage = optuna.storages.RDBStorage(database.replace("ql:", "ql+psycopg:"))
        optuna.delete_study(study_name=saved_study(run).study_name, storage=storage)
        storage.remove_session()
        storage.engine.dispose()

    with pytest.raises(RunError, match=r"^run-\w{8} in .*, found it deleted - [^\n]*\Z"):
        interrupted(run, 6, delete, storage=database)
    front = search(run, resume=True, storage=database, **OPTIONS).front
    assert (untimed(run), front) == whole


@pytest.mark.slow
def test_a_search_goes_on_when_the_server_was_restarted(tmp_path, database, postgresql, whole):
    run = tmp_path / "run"

    def restart():
        postgresql.stop()
        postgresql.start()

    with pytest.raises(RunError, match="goes on with --resume"):
        interrupted(run, 6, restart, storage=database)
    front = search(run, resume=True, storage=database, **OPTIONS).front
    assert (untimed(run), front) == whole


DRIVER = f"""
import sys
from pathlib import Path
from study_cases import search

if __name__ == "__main__":
    options = dict(kind="local", workers=2, storage=sys.argv[3], **{OPTIONS})
    tell = lambda progress: print(progress.finished, flush=True)
    search(Path(sys.argv[1]), job=sys.argv[2], progress=tell, **options)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(4))
def test_a_driver_that_is_killed_at_any_moment_goes_on(tmp_path, database, whole, moment):
    """With its folder, or every other time without it."""
    run, new = tmp_path / "run", tmp_path / "new"
    with start(tmp_path, DRIVER, run, "leisurely", database) as driver:
        until = random.Random(moment).randrange(1, 12)
        while int(driver.stdout.readline()) < until:
            pass
        time.sleep(random.Random(moment).uniform(0, 0.2))
        driver.send_signal(signal.SIGKILL)
        driver.communicate(timeout=LONGEST_S)
    if moment % 2:
        name = saved_study(run).study_name
        shutil.rmtree(run)
        restore_run(new, database, None, name)
        run = new
    front = search(run, resume=True, storage=database, **OPTIONS).front
    assert (untimed(run), front) == whole


@pytest.mark.slow
def test_a_second_driver_in_another_folder_is_refused_and_does_no_harm(tmp_path, database, whole):
    run, other = tmp_path / "run", tmp_path / "other"
    with start(tmp_path, DRIVER, run, "held_up", database) as driver:
        assert driver.stdout.readline()
        restore_run(other, database, None, saved_study(run).study_name)
        words = rf"found one on {socket.gethostname()} \(process {driver.pid}, started .* UTC\)"
        with pytest.raises(RunError, match=words):
            search(other, resume=True, storage=database, **OPTIONS)
        (run / "go").touch()
        driver.communicate(timeout=LONGEST_S)
        assert driver.returncode == 0
    assert (untimed(run), load_front(run).front) == whole


@pytest.mark.slow
def test_what_rests_is_trained_anew_where_its_checkpoint_is_gone(tmp_path, database, one_thread):
    (tmp_path / "tones").mkdir()
    tones = load_dataset(write_tones(tmp_path / "tones", rate_hz=16000, clip_s=0.5))
    search_tones(tmp_path / "whole", tones)
    expected, _ = results(tmp_path / "whole")
    run, new = tmp_path / "run", tmp_path / "new"

    def interrupt(progress):
        if progress.finished == 4 and progress.completed:  # all but one that goes on rest
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_tones(run, tones, storage=database, progress=interrupt)
    assert "stopped_early" in {trial.state for trial in trials_of(run)}
    name = saved_study(run).study_name
    shutil.rmtree(run)
    restore_run(new, database, None, name)
    search_tones(new, tones, storage=database, resume=True)
    assert results(new)[0] == expected


@pytest.mark.slow
def test_the_password_is_nowhere(tmp_path, database, postgresql, monkeypatch, run_command):
    """Given in the URL or apart from it: in no file, no output, nothing that the database has."""
    monkeypatch.delenv("PGPASSWORD")
    run = tmp_path / "run"
    search(run, job="faulty", kind="local", storage=database, password=PASSWORD, **OPTIONS)
    secrets = {PASSWORD, quote(PASSWORD, safe=""), repr(PASSWORD)[1:-1]}
    secrets |= {secret.encode("unicode_escape").decode() for secret in secrets}
    url = postgresql.url(name_of(database), password=True)
    argv = ("search", "--resume", "--trials", "1", "--out", run, "--storage", url)
    code, out, err = run_command(*argv)
    assert (code, err.count("error: ")) == (2, 1)
    name = saved_study(run).study_name
    new = ("search", "--resume", "--storage", url, "--study-name", name, "--out", tmp_path / "new")
    code, _, more = run_command(*new, "--trials", "1")
    assert code == 2
    assert (tmp_path / "new" / "study.toml").is_file()
    texts = [out, err, more]
    texts += [
        path.read_text(encoding="utf-8", errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file()
    ]
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    for (table,) in postgresql.run(name_of(database), tables):
        texts += [
            row[0] for row in postgresql.run(name_of(database), f"SELECT t::text FROM {table} t")
        ]
    assert any("a fault" in text or "expected a finite loss" in text for text in texts)
    assert not [text for text in texts for secret in secrets if secret in text]


@pytest.fixture
def told(run_command, tmp_path):
    """Run a new search, or one that is resumed, and return its one line of error."""

    def tell(*argv):
        given = () if "--resume" in argv else ("--space", "mbconv", "--budget", "32KB")
        code, out, err = run_command("search", *given, *argv, "--out", tmp_path / "run")
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert "sesam" not in err
        assert not (tmp_path / "run" / "study.toml").exists()
        return err

    return tell


def test_what_is_wrong_with_a_database_is_one_line(told, postgresql, database, monkeypatch):
    def closed_port():
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    url = f"postgresql://team:sesam@127.0.0.1:{closed_port()}/nas"
    assert "Connection refused - check host and port" in told("--storage", url)
    assert "expected postgresql://" in told("--storage", "mysql://team:sesam@127.0.0.1/nas")
    absent = postgresql.url("absent")
    assert 'database "absent" does not exist - make it (createdb' in told("--storage", absent)
    name, _, place = database.partition("?")
    words = told("--storage", f"{name.replace('team@', 'team:sesam@')}?{place}")
    assert "password authentication failed" in words
    assert "- give it in PGPASSWORD" in words
    monkeypatch.delenv("PGPASSWORD")
    assert "no password supplied - give it in PGPASSWORD" in told("--storage", database)


def test_a_study_that_is_not_there_is_one_line(told, database):
    resume = ("--resume", "--storage", database, "--study-name")
    assert "expected the study nothing-0123abcd, found none" in told(*resume, "nothing-0123abcd")
    assert "--study-name: expected --resume" in told("--storage", database, "--study-name", "x")
    assert "--study-name: expected its database" in told("--resume", "--study-name", "x")


def test_who_may_not_make_tables_is_told_so(told, postgresql, database):
    name = name_of(database)
    postgresql.run(name, f"CREATE ROLE guest_{name} LOGIN PASSWORD 'sesam'")
    postgresql.run(name, "REVOKE CREATE ON SCHEMA public FROM public")
    words = told("--storage", database.replace("team@", f"guest_{name}:sesam@"))
    assert "expected the right to make and write tables" in words
    assert "permission denied for schema public" in words


def test_a_password_in_pgpass_is_found(tmp_path, database, monkeypatch):
    path = tmp_path / "pgpass"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    path.write_text(f"*:*:*:team:{escaped}\n", encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", os.fspath(path))
    search(tmp_path / "run", storage=database, trials=1)
    assert len(trials_of(tmp_path / "run")) > 0
