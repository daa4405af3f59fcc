"""What a resumed run takes over from its earlier sessions, and what it refuses."""

from contextlib import closing
from dataclasses import replace

import pytest
from study_cases import search, trials_of
from test_feasibility import TINY

from nas_asc.errors import RunError
from nas_asc.search.search import load_front
from nas_asc.search.storage.run_folder import open_store
from nas_asc.search.storage.sqlite_store import SqliteStore
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space


@pytest.fixture
def asc(tmp_path):
    """Make an own copy of the space of all families, with a run in it that was just started."""
    path = tmp_path / "all.toml"
    path.write_text(shipped("search_spaces")["asc"].read_text(encoding="utf-8"), encoding="utf-8")
    run = tmp_path / "run"
    options = {"job": "small_space", "space": str(path), "budget": "2MB", "trials": 2}
    search(run, **options)
    return path, run, options


def test_an_ensemble_that_was_changed_is_refused_when_a_run_is_resumed(asc):
    path, run, options = asc
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("number = 5", "number = 4"), encoding="utf-8")
    with pytest.raises(RunError, match=r"expected the search space .* ntu-ensemble"):
        search(run, resume=True, **options)
    path.write_text(text, encoding="utf-8")
    assert search(run, resume=True, **options).trials["completed"] == 2


def test_what_a_run_said_of_its_report_models_holds_and_is_said_again(asc, caplog, monkeypatch):
    _, run, options = asc
    before = load_front(run)
    began = [record.getMessage() for record in caplog.get_records("setup")]
    said = [line for line in began if "adapted to" in line or "is skipped" in line]
    monkeypatch.setattr("nas_asc.search.storage.run_manifest.skipped_ensembles", lambda *_: [])
    resumed = search(run, resume=True, **options)
    assert [entry["ensemble"] for entry in before.ensembles_skipped] == ["srpol-1"]
    assert resumed.ensembles_skipped == before.ensembles_skipped
    assert any("ensemble srpol-1 is skipped" in line for line in said)
    assert [line for line in caplog.messages if line in said] == said


def test_report_models_that_were_left_out_are_said_again_when_a_run_is_resumed(asc, caplog):
    path, run, options = asc
    with closing(open_store(run, load_space(str(path)))) as store:
        first, second, *_ = [trial for trial in store.load() if trial.state == "waiting"]
        for trial in (first, second):
            store.finish(replace(trial, state="skipped", reason="no time"), None)
    resumed = search(run, resume=True, **options)
    assert f"report models not trained: {first.model}, {second.model}: no time" in caplog.messages
    assert [entry["model"] for entry in resumed.seeds_skipped] == [first.model, second.model]


def test_a_run_cut_off_while_its_report_models_were_stored_has_them_all(asc, monkeypatch):
    _, run, options = asc
    models = [trial.model for trial in trials_of(run)]
    started = []

    def add(store, trial):
        if len(started) == 5:
            raise KeyboardInterrupt
        started.append(trial)
        keep(store, trial)

    keep = SqliteStore.add
    other = run.with_name("other")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "add", add)
        with pytest.raises(KeyboardInterrupt):
            search(other, **options)
    assert len(trials_of(other)) == 5
    search(other, resume=True, **options)
    assert [trial.model for trial in trials_of(other)] == models


def test_a_run_whose_space_has_other_report_models_by_now_goes_on_with_its_own(tmp_path):
    path = tmp_path / "mine.toml"
    text = shipped("search_spaces")["mbconv"].read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    options = {"job": "small_space", "space": str(path), "budget": "2MB", "trials": 2}
    search(tmp_path / "run", **options)
    models = [trial.model for trial in trials_of(tmp_path / "run")]
    path.write_text(text.replace("[models.deepsound-32", "[models.mine"), encoding="utf-8")
    search(tmp_path / "run", resume=True, **{**options, "trials": 5})
    resumed = [trial.model for trial in trials_of(tmp_path / "run")]
    assert resumed[: len(models)] == models
    assert "mine" not in resumed


@pytest.mark.parametrize(
    ("before", "after"),
    [("hop = 256", "hop = 128"), ("width = 4\n", "width = 6\n"), ("[16, 32]", "[16, 24]")],
)
def test_a_space_that_was_changed_is_refused_when_a_run_is_resumed(tmp_path, before, after):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    options = {"job": "small_space", "space": str(path), "budget": "1MB", "trials": 2}
    search(tmp_path / "run", **options)
    assert before in TINY
    path.write_text(TINY.replace(before, after), encoding="utf-8")
    with pytest.raises(RunError, match=r"expected the search space .* now - begin anew"):
        search(tmp_path / "run", resume=True, **{**options, "trials": 4})
