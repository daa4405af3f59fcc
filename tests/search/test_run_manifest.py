"""What is stored of a run when it begins, and whether a resumed one still is about the same."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from study_cases import DATASET, search, search_own_space, task, trials_of
from test_feasibility import TINY

from nas_asc.datasets import Clip
from nas_asc.errors import RunError
from nas_asc.search.storage.run_folder import check_manifest, open_store, read_trials, run_manifest
from nas_asc.search.storage.run_summary import load_front
from nas_asc.search.storage.sqlite_store import SqliteStore
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

VERSIONS = {"early_stopping": 1, "features": 1, "training": 1}
FACTS = {"data": {"clips": 4}, "classes": ["a", "b"], "seeds_over_budget": [{"model": "x"}]}


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """Four files with labels; nobody decodes them."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data"
    root.mkdir()
    clips = []
    for number, split in enumerate(("train", "train", "validation", "test")):
        path = root / f"{number}.wav"
        path.write_bytes(b"sound" + bytes([number]))
        clips.append(Clip(path, number % 2, split, str(number), None, None))
    return replace(DATASET, root=root, clips=tuple(clips))


@pytest.fixture
def check(tmp_path):
    """Begin a run or resume it, with a manifest; give what held when it began."""

    def check(manifest):
        with closing(open_store(tmp_path, load_space("mbconv"))) as store:
            return check_manifest(tmp_path, store, {**VERSIONS, **manifest}, "log_loss")

    return check


def content(dataset):
    return run_manifest(task(dataset), [], [])["content"]


def changed(dataset, number, **values):
    clips = list(dataset.clips)
    clips[number] = replace(clips[number], **values)
    return replace(dataset, clips=tuple(clips))


def test_the_same_recordings_have_the_same_content_wherever_they_lie(dataset, tmp_path):
    before = content(dataset)
    moved = dataset.root.rename(tmp_path / "elsewhere")
    clips = tuple(replace(clip, path=moved / clip.path.name) for clip in dataset.clips)
    assert content(replace(dataset, root=moved, clips=clips)) == before


def test_recordings_that_lie_otherwise_are_the_same(dataset, tmp_path):
    """But a run of before, which knew them by their names, is held to these."""
    found = run_manifest(task(dataset), [], [])
    new = tmp_path / "new"
    new.mkdir()
    clips = []
    for clip, name in zip(dataset.clips, "dcba", strict=True):
        clips.append(replace(clip, path=clip.path.rename(new / f"{name}.wav")))
    moved = run_manifest(task(replace(dataset, root=new, name="new", clips=tuple(clips))), [], [])
    assert moved["recordings"] == found["recordings"]
    assert moved["content"] != found["content"]


@pytest.mark.parametrize(
    "values",
    [
        {"label": 3},
        {"split": "test"},
        {"fold": 2},
        {"device": "b"},
        {"path": Path("3.wav")},
        {"path": Path("../outside.wav")},  # as of a table that names clips by their whole paths
    ],
)
def test_a_change_that_the_numbers_of_a_data_set_do_not_show_is_noticed(dataset, values):
    (dataset.root.parent / "outside.wav").write_bytes(b"sound")
    values = {key: dataset.root / v if key == "path" else v for key, v in values.items()}
    before, after = (
        run_manifest(task(each), [], []) for each in (dataset, changed(dataset, 1, **values))
    )
    assert before["content"] != after["content"]
    assert before["recordings"] != after["recordings"]


def test_two_clips_that_swap_their_sound_are_noticed(dataset):
    before = content(dataset)
    first, second = (dataset.clips[n].path for n in (0, 1))
    sounds = first.read_bytes(), second.read_bytes()
    second.write_bytes(sounds[0])
    first.write_bytes(sounds[1])
    assert content(dataset) != before


def test_a_run_goes_on_with_the_recordings_it_was_started_with(dataset, tmp_path):
    run, options = tmp_path / "run", {"trials": 2}
    search(run, dataset, **options)
    relabelled = changed(changed(dataset, 0, label=1), 1, label=0)
    more_classes = replace(dataset, classes=(*dataset.classes, "tunnel"))
    for other, words in ((relabelled, "labels or splits"), (more_classes, "classes 4 .* 5 now")):
        with pytest.raises(RunError, match=f"expected the recordings .*{words}.* begin anew"):
            search(run, other, resume=True, **options)
    search(run, dataset, resume=True, **options)


def test_what_an_older_run_did_not_store_is_taken_from_now_on(check, tmp_path):
    check(FACTS)
    newer = {**FACTS, "content": "0f", "seeds_over_budget": []}
    expected = {**VERSIONS, **FACTS, "content": "0f"}
    assert check(newer) == expected
    assert read_trials(tmp_path)[1] == expected
    with pytest.raises(RunError, match="expected the recordings"):
        check({**newer, "content": "1f"})


@pytest.mark.parametrize("versions", [VERSIONS, {}], ids=["now", "before versions were stored"])
def test_what_was_computed_otherwise_is_told(check, caplog, tmp_path, versions):
    check(FACTS)
    with closing(sqlite3.connect(tmp_path / "study.db")) as database, database:
        for name in VERSIONS.keys() - versions.keys():
            database.execute("DELETE FROM study_user_attributes WHERE key = ?", (name,))
    check({"features": 1, **FACTS})
    assert not caplog.messages
    for _ in range(2):  # whenever it is resumed
        caplog.clear()
        check({"features": 2, **FACTS})
        (line,) = caplog.messages
        assert line.startswith("features now differ a little")
    caplog.clear()
    check({"early_stopping": 2, "training": 2, **FACTS})
    assert sum("stopped by another rule" in line for line in caplog.messages) == 1
    assert sum("stored otherwise" in line for line in caplog.messages) == 1


def test_a_kill_between_two_facts_leaves_none(check, tmp_path):
    """A database that breaks at the last fact stands for a process that is killed there."""
    open_store(tmp_path, load_space("mbconv")).close()
    trigger = (
        "CREATE TRIGGER killed BEFORE INSERT ON study_user_attributes "
        "WHEN NEW.key = 'seeds_over_budget' BEGIN SELECT RAISE(ABORT, 'killed'); END"
    )
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute(trigger)
    with pytest.raises(Exception, match="killed"):
        check(FACTS)
    assert read_trials(tmp_path)[1] == {}


ASC, MBCONV = (
    shipped("search_spaces")[name].read_text(encoding="utf-8") for name in ("asc", "mbconv")
)


AT_ONCE = {"trials": 2, "time_s": 0.1, "job": "waiting", "kind": "local"}


@pytest.fixture
def asc(tmp_path):
    """A run in an own copy of the space of all families, whose time was up at once."""
    search_own_space(tmp_path, ASC, **AT_ONCE)
    return tmp_path / "run"


def test_what_a_run_said_of_its_report_models_holds_and_is_said_again(
    asc, tmp_path, caplog, monkeypatch
):
    fewer = ASC.replace("number = 5", "number = 4")
    with pytest.raises(RunError, match=r"expected the search space .* ntu-ensemble"):
        search_own_space(tmp_path, fewer, **AT_ONCE, resume=True)

    before = load_front(asc)
    began = [record.getMessage() for record in caplog.get_records("setup")]
    said = [line for line in began if "adapted to" in line or "is skipped" in line]
    monkeypatch.setattr("nas_asc.search.storage.run_folder.skipped_ensembles", lambda *_: [])
    resumed = search_own_space(tmp_path, ASC, **AT_ONCE, resume=True)
    assert [entry["ensemble"] for entry in before.ensembles_skipped] == ["srpol-1"]
    assert resumed.ensembles_skipped == before.ensembles_skipped
    assert any("ensemble srpol-1 is skipped" in line for line in said)
    assert [line for line in caplog.messages if line in said] == said

    names = [model for model in models_of(asc) if model]
    assert f"report models left until the search has ended: {', '.join(names)}" in caplog.messages
    assert [entry["model"] for entry in resumed.seeds_skipped] == names
    later = search_own_space(tmp_path, ASC, trials=2, time_s=1000.0, resume=True)
    assert later.seeds_skipped == ()
    assert {point.model: point.after_end for point in later.reference} == dict.fromkeys(names, True)


def test_a_run_cut_off_while_its_report_models_were_stored_has_them_all(asc, tmp_path, monkeypatch):
    started = []

    def add(store, trial):
        if len(started) == 5:
            raise KeyboardInterrupt
        started.append(trial)
        keep(store, trial)

    keep = SqliteStore.add
    other = tmp_path / "other"
    other.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "add", add)
        with pytest.raises(KeyboardInterrupt):
            search_own_space(other, ASC, **AT_ONCE)
    assert len(trials_of(other / "run")) == 5
    search_own_space(other, ASC, **AT_ONCE, resume=True)
    models = [model for model in models_of(asc) if model]
    assert [model for model in models_of(other / "run") if model] == models


def models_of(run):
    return [trial.model for trial in trials_of(run)]


def test_a_run_whose_space_has_other_report_models_by_now_goes_on_with_its_own(tmp_path):
    search_own_space(tmp_path, MBCONV, trials=2)
    models = models_of(tmp_path / "run")
    renamed = MBCONV.replace("[models.deepsound-32", "[models.mine")
    search_own_space(tmp_path, renamed, trials=5, resume=True)
    resumed = models_of(tmp_path / "run")
    assert resumed[: len(models)] == models
    assert "mine" not in resumed


@pytest.mark.parametrize(("before", "after"), [("hop = 256", "hop = 128"), ("16, 32", "16, 24")])
def test_a_space_that_was_changed_is_refused_when_a_run_is_resumed(tmp_path, before, after):
    search_own_space(tmp_path, TINY, trials=2)
    assert before in TINY
    with pytest.raises(RunError, match="expected the search space"):
        search_own_space(tmp_path, TINY.replace(before, after), trials=4, resume=True)
