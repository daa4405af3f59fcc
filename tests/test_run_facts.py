"""What is stored of a run when it begins, and whether a resumed one still is about the same."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from study_cases import DATASET, study

from nas_asc.datasets import Clip, check_files, fingerprints
from nas_asc.errors import RunError
from nas_asc.library import load_space
from nas_asc.run_facts import facts_of_run, what_must_stay
from nas_asc.study import run_search
from nas_asc.trials import TrialStore
from nas_asc.workers import KINDS

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
def open_store(tmp_path):
    """Open the trials of a run, as often as a test likes."""

    def opened():
        return closing(TrialStore(tmp_path / "study.db"))

    return opened


def content(dataset):
    return what_must_stay(load_space("mbconv"), dataset, [])["content"]


def changed(dataset, number, **values):
    clips = list(dataset.clips)
    clips[number] = replace(clips[number], **values)
    return replace(dataset, clips=tuple(clips))


def test_the_same_recordings_have_the_same_content_wherever_they_lie(dataset, tmp_path):
    before = content(dataset)
    moved = dataset.root.rename(tmp_path / "elsewhere")
    clips = tuple(replace(clip, path=moved / clip.path.name) for clip in dataset.clips)
    assert content(replace(dataset, root=moved, clips=clips)) == before


@pytest.mark.parametrize(
    "values",
    [{"label": 3}, {"split": "test"}, {"fold": 2}, {"device": "b"}, {"path": Path("3.wav")}],
)
def test_a_change_that_the_numbers_of_a_data_set_do_not_show_is_noticed(dataset, values):
    if "path" in values:
        values = {"path": dataset.root / values["path"]}
    assert content(changed(dataset, 1, **values)) != content(dataset)


def test_a_clip_may_lie_outside_the_folder(dataset, tmp_path):
    """As in a table that names its clips by their whole paths."""
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"sound")
    assert content(changed(dataset, 1, path=outside)) != content(dataset)


def test_two_clips_that_swap_labels_or_sound_are_noticed(dataset):
    before = content(dataset)
    swapped = changed(changed(dataset, 0, label=1), 1, label=0)
    assert swapped.describe() == dataset.describe()
    assert content(swapped) != before
    first, second = (dataset.clips[n].path for n in (0, 1))
    sounds = first.read_bytes(), second.read_bytes()
    second.write_bytes(sounds[0])
    first.write_bytes(sounds[1])
    assert content(dataset) != before


def test_the_content_of_known_files_is_not_read_again(dataset, monkeypatch):
    monkeypatch.setattr(fingerprints, "_YOUNG_NS", 0)
    check_files(dataset.root, [clip.path for clip in dataset.clips])
    before = content(dataset)
    monkeypatch.setattr(fingerprints, "hash_file", None)
    assert content(dataset) == before


def test_a_run_is_not_resumed_with_relabelled_recordings(dataset, tmp_path):
    def search(dataset, **options):
        pool = KINDS["inline"](1, "fake_job:run_job")
        return run_search(study(trials=2), dataset, run=tmp_path / "run", workers=pool, **options)

    search(dataset)
    with pytest.raises(RunError, match="labels or splits have changed - choose another") as caught:
        search(changed(changed(dataset, 0, label=1), 1, label=0), resume=True)
    assert "\n" not in str(caught.value)
    search(dataset, resume=True)


def test_what_an_older_run_did_not_store_is_taken_from_now_on(open_store, tmp_path):
    with open_store() as store:
        facts_of_run(tmp_path, store, FACTS, "log_loss")
    newer = {**FACTS, "content": "0f", "seeds_over_budget": []}
    with open_store() as store:
        assert facts_of_run(tmp_path, store, newer, "log_loss") == {**FACTS, "content": "0f"}
        assert store.facts() == {**FACTS, "content": "0f"}
    with open_store() as store, pytest.raises(RunError, match="expected the recordings"):
        facts_of_run(tmp_path, store, {**newer, "content": "1f"}, "log_loss")


def test_a_kill_between_two_facts_leaves_none(open_store, tmp_path):
    """A database that breaks at the last fact stands for a process that is killed there."""
    with open_store() as store:
        trigger = (
            "CREATE TRIGGER killed BEFORE INSERT ON study_user_attributes "
            "WHEN NEW.key = 'seeds_over_budget' BEGIN SELECT RAISE(ABORT, 'killed'); END"
        )
        with closing(sqlite3.connect(tmp_path / "study.db")) as database:
            database.execute(trigger)
        with pytest.raises(Exception, match="killed"):
            facts_of_run(tmp_path, store, FACTS, "log_loss")
        assert store.facts() == {}
