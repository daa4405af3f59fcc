"""Links in a data set folder: followed, but no clip is taken twice."""

from collections import Counter

import pytest
from test_datasets import EXAMPLES, write_classes, write_split_folders, write_table

from nas_asc.datasets import Dataset, check, load_dataset
from nas_asc.errors import DatasetError


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def paths_of(dataset: Dataset) -> list[str]:
    return [clip.path.relative_to(dataset.root).as_posix() for clip in dataset.clips]


def notes_of_links(notes):
    return [note for note in notes if "link" in note]


@pytest.mark.parametrize("target", [".", "../data", "dog"])
def test_a_link_to_what_is_there_repeats_no_clip(tmp_path, target):
    root = tmp_path / "data"
    write_classes(root)
    expected = paths_of(load_dataset(root))
    (root / "latest").symlink_to(target)
    dataset = load_dataset(root)
    assert (paths_of(dataset), dataset.classes) == (expected, ("dog", "rain"))
    note = "1 link (latest) is left out: what it leads to is in the folder already"
    assert notes_of_links(dataset.notes) == [note]
    assert [f.text for f in check(root) if f.level == "note" and "link" in f.text] == [note]


@pytest.mark.parametrize("name", ["rain", "a subset"])
def test_a_link_in_test_to_training_clips_leaks_none(tmp_path, name):
    write_split_folders(tmp_path)
    before = load_dataset(tmp_path)
    (tmp_path / "test" / "dog" / name).symlink_to("../../train")  # `test` comes before `train`
    (tmp_path / "test" / "rain" / "9.wav").symlink_to("../../train/rain/0.wav")
    dataset = load_dataset(tmp_path)
    assert dataset.clips == before.clips
    assert notes_of_links(dataset.notes) == [
        f"2 links (such as test/dog/{name}) are left out: "
        "what they lead to is in the folder already"
    ]


def test_links_to_other_places_are_followed_once(tmp_path):
    write_classes(tmp_path / "store" / "sounds", ("wind", "saw"))
    write_classes(tmp_path / "data", ("dog",))
    root = tmp_path / "data"
    for name in ("saw", "wind", "wind again"):
        (root / name).symlink_to(tmp_path / "store" / "sounds" / name.split()[0])
    (root / "dog" / "far.wav").symlink_to(tmp_path / "store" / "sounds" / "saw" / "4.wav")
    (root / "itself.wav").symlink_to("itself.wav")
    (root / "_noise").symlink_to(tmp_path / "store")
    dataset = load_dataset(root)
    counts = Counter(clip.path.parent.name for clip in dataset.clips)
    assert counts == {"dog": 5, "saw": 5, "wind": 5}
    assert notes_of_links(dataset.notes)[0].startswith("2 links (such as dog/far.wav) are left out")


@pytest.mark.parametrize("layout", ["esc50", "tau", "table"])
def test_a_table_may_name_its_clips_by_a_link(tmp_path, layout):
    EXAMPLES[layout][0](tmp_path)
    splits = load_dataset(tmp_path).describe()["splits"]
    (tmp_path / "store").mkdir()
    for path in [path for path in tmp_path.rglob("*") if path.suffix in (".wav", ".flac")]:
        path.rename(tmp_path / "store" / path.name)
        path.symlink_to(tmp_path / "store" / path.name)
    assert load_dataset(tmp_path).describe()["splits"] == splits


def test_a_table_that_names_a_clip_by_a_link_too_is_refused(tmp_path):
    write_table(tmp_path)
    (tmp_path / "copy.flac").symlink_to("dog0.flac")
    with (tmp_path / "clips.csv").open("a") as table:
        table.write("\ncopy.flac;dog;test;phone")
    with pytest.raises(DatasetError, match=r"every file once, found copy.flac again \(line 2\)"):
        load_dataset(tmp_path)
