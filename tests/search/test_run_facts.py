"""What is stored of a run when it begins, and whether a resumed one still is about the same."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from study_cases import DATASET, study, task

from nas_asc.datasets import Clip, check_files, fingerprints
from nas_asc.errors import RunError
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import run_search
from nas_asc.search.storage.run_folder import open_store, read_trials
from nas_asc.search.storage.run_manifest import check_manifest, run_manifest
from nas_asc.spaces.space_file import load_space

VERSIONS = {"early_stopping": 1, "features": 1}
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


@pytest.fixture
def stored(tmp_path):
    """Read what is stored of the run."""
    return lambda: read_trials(tmp_path)[1]


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
        pool = RUNNERS["inline"](1, "fake_job:run_job")
        return run_search(study(trials=2), dataset, run=tmp_path / "run", workers=pool, **options)

    search(dataset)
    with pytest.raises(RunError, match="labels or splits have changed - begin anew with") as caught:
        search(changed(changed(dataset, 0, label=1), 1, label=0), resume=True)
    assert "\n" not in str(caught.value)
    search(dataset, resume=True)


def test_what_an_older_run_did_not_store_is_taken_from_now_on(check, stored, tmp_path):
    check(FACTS)
    newer = {**FACTS, "content": "0f", "seeds_over_budget": []}
    expected = {**VERSIONS, **FACTS, "content": "0f"}
    assert check(newer) == expected
    assert stored() == expected
    with pytest.raises(RunError, match="expected the recordings"):
        check({**newer, "content": "1f"})


@pytest.mark.parametrize("versions", [VERSIONS, {}], ids=["now", "before versions were stored"])
def test_what_was_computed_otherwise_is_told_or_refused(check, forget, caplog, versions):
    check(FACTS)
    if not versions:
        forget(VERSIONS)
    check({"features": 1, **FACTS})
    assert not caplog.messages
    for _ in range(2):  # whenever it is resumed
        caplog.clear()
        check({"features": 2, **FACTS})
        (line,) = caplog.messages
        assert line.startswith("features now differ by rounding")
    with pytest.raises(RunError, match=r"early stopping .* 1 before, 2 now .* --out NEW"):
        check({"early_stopping": 2, **FACTS})


@pytest.fixture
def forget(tmp_path):
    """Make a run one of before some facts were stored."""

    def forget(names):
        with closing(sqlite3.connect(tmp_path / "study.db")) as database, database:
            for name in names:
                database.execute("DELETE FROM study_user_attributes WHERE key = ?", (name,))

    return forget


def test_a_kill_between_two_facts_leaves_none(check, stored, tmp_path):
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
    assert stored() == {}
