"""Every layout, its splits, and what is said about data that cannot be used."""

import os
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_folders import write_classes, write_clip

from nas_asc.datasets import check, load_dataset
from nas_asc.datasets.layouts import LAYOUTS
from nas_asc.datasets.splits import SPLITS, straddling
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def write_esc10(root, classes=("001 - Dog bark", "002 - Rain")):
    for (index, name), fold, take in product(enumerate(classes), range(1, 6), "AB"):
        write_clip(root / name / f"{fold}-{1000 * index + fold}-{take}.ogg")


def write_esc50(root, classes=("dog", "rain")):
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for (index, name), fold in product(enumerate(classes), range(1, 6)):
        source = 1000 * index + fold
        rows.append(f"{fold}-{source}-A-{index}.wav,{fold},{index},{name},True,{source},A")
        write_clip(root / "audio" / f"{fold}-{source}-A-{index}.wav")
    (root / "meta").mkdir()
    (root / "meta" / "esc50.csv").write_text("\n".join(rows))


def write_tau(root, scenes=("bus", "park"), places=10):
    meta, train, test = [], [], []
    for scene, place, device in product(scenes, range(places), ("a", "s4")):
        name = f"audio/{scene}-lyon-{place}-{place}00-{device}.wav"
        meta.append(f"{name}\t{scene}\tlyon-{scene}{place}\t{device}")
        if place < 2:
            test.append(f"{name}\t{scene}")
        elif device == "a":
            train.append(f"{name}\t{scene}")
        write_clip(root / name)
    (root / "evaluation_setup").mkdir()
    for name, header, rows in (
        ("meta.csv", "filename\tscene_label\tidentifier\tsource_label", meta),
        ("evaluation_setup/fold1_train.csv", "filename\tscene_label", train),
        ("evaluation_setup/fold1_evaluate.csv", "filename\tscene_label", test),
    ):
        (root / name).write_bytes("\r\n".join([header, *rows, ""]).encode())


def write_table(root):
    rows = ["\ufefffile;Class;Subset;device"]
    splits = enumerate(("train", "Train", "val", "test", "test"))
    for label, (number, split) in product(("dog", "rain"), splits):
        rows.append(f"{label}{number}.flac;{label};{split};phone")
        write_clip(root / f"{label}{number}.flac")
    (root / "clips.csv").write_bytes("\r\n".join(rows).encode())


def write_split_folders(root):
    for split, clips in (("train", 3), ("valid", 1), ("test", 2)):
        write_classes(root / split, clips=clips)


def write_speech_commands(root):
    for word, speaker in product(("no", "yes"), ("0a", "1b", "2c", "3d")):
        write_clip(root / word / f"{speaker}_nohash_0.wav")
    write_clip(root / "_background_noise_" / "tap.wav")
    (root / "validation_list.txt").write_text("no/0a_nohash_0.wav\nyes/0a_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("no/1b_nohash_0.wav\nyes/1b_nohash_0.wav\n")


def write_fold_folders(root):
    for fold in range(1, 6):
        write_classes(root / f"fold{fold}", clips=1)


def write_names(root):
    for label, speaker in product(("dog", "rain"), ("ann", "bob", "cy", "di", "eva")):
        write_clip(root / f"{label}_{speaker}.wav")


def write_kits(root):
    for kit in range(5):
        write_classes(root / f"kit{kit}", clips=1)


ASKED = {"names": {"names": "{label}_{speaker}"}, "label_level": {"label_level": 2}}

# How each layout is written, and its classes and clips for training, validation and test.
EXAMPLES = {
    "names": (write_names, ("dog", "rain"), (6, 2, 2)),
    "label_level": (write_kits, ("dog", "rain"), (6, 2, 2)),
    "tau": (write_tau, ("bus", "park"), (12, 4, 8)),
    "esc50": (write_esc50, ("dog", "rain"), (6, 2, 2)),
    "speech_commands": (write_speech_commands, ("no", "yes"), (4, 2, 2)),
    "table": (write_table, ("dog", "rain"), (4, 2, 4)),
    "split_folders": (write_split_folders, ("dog", "rain"), (6, 2, 4)),
    "fold_folders": (write_fold_folders, ("dog", "rain"), (6, 2, 2)),
    "esc10": (write_esc10, ("Dog bark", "Rain"), (12, 4, 4)),
    "class_folders": (write_classes, ("dog", "rain"), (6, 2, 2)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found_and_split(layout, tmp_path):
    write, classes, splits = EXAMPLES[layout]
    write(tmp_path)
    source = DataSource.of(tmp_path, **ASKED.get(layout, {}))
    dataset = load_dataset(source)
    assert dataset.notes[0].startswith(f"layout: {layout} ")
    assert dataset.classes == classes
    assert tuple(dataset.describe()["splits"].values()) == splits
    assert all(clip.path.is_file() for clip in dataset.clips)
    assert dataset == load_dataset(source)
    assert straddling(dataset.clips) == ()


@pytest.mark.parametrize("write", [write_esc10, write_esc50])
def test_folds_decide_the_split(tmp_path, write):
    write(tmp_path)
    splits = {clip.fold: clip.split for clip in load_dataset(tmp_path).clips}
    assert splits == {1: "train", 2: "train", 3: "train", 4: "validation", 5: "test"}


def test_tau_keeps_the_official_test_and_its_devices(tmp_path):
    write_tau(tmp_path)
    dataset = load_dataset(tmp_path)
    assert (dataset.devices, dataset.unseen_devices) == (("a", "s4"), ("s4",))
    assert {c.group for c in dataset.clips if c.split == "test"} == {
        f"lyon-{scene}{place}" for scene in ("bus", "park") for place in range(2)
    }
    assert any(note.startswith("16 clips of meta.csv") for note in dataset.notes)


def test_groups_of_unequal_size_stay_whole_and_near_their_shares(tmp_path):
    sizes = {"dog": (7, 5, 4, 3, 1), "rain": (6, 6, 4, 2, 2)}
    for label, clips in sizes.items():
        for recording, count in enumerate(clips):
            write_classes(tmp_path / label, [f"recording{recording}"], count)
    dataset = load_dataset(tmp_path)
    assert straddling(dataset.clips) == ()
    shares = Counter(clip.split for clip in dataset.clips)
    assert 0.4 <= shares["train"] / 40 <= 0.75
    assert any(note.startswith("recordings are grouped by sub-folder") for note in dataset.notes)


@pytest.mark.parametrize("split", SPLITS)
def test_a_bad_clip_that_is_skipped_is_as_if_it_had_not_been_there(split, tmp_path):
    write_classes(tmp_path, clips=6)
    bad = next(clip.path for clip in load_dataset(tmp_path).clips if clip.split == split)
    bad.write_bytes(b"")
    with pytest.raises(DatasetError, match=f"{bad}: expected .*--skip-bad"):
        load_dataset(tmp_path)
    skipping = load_dataset(DataSource.of(tmp_path, skip_bad=True))
    assert skipping.skipped == (bad,)
    bad.unlink()
    assert skipping.clips == load_dataset(tmp_path).clips


def test_numbers_are_taken_off_only_when_all_folders_have_one(tmp_path):
    write_classes(tmp_path, ("1 - dog", "2_rain", "03.wind"))
    assert load_dataset(tmp_path).classes == ("dog", "rain", "wind")
    write_classes(tmp_path, ("saw",))
    assert load_dataset(tmp_path).classes == ("03.wind", "1 - dog", "2_rain", "saw")


def test_clip_length_is_that_of_most_clips_and_says_what_is_padded_and_cut(tmp_path):
    write_classes(tmp_path, clips=5)
    write_clip(tmp_path / "dog" / "short.wav", seconds=0.1)
    write_clip(tmp_path / "dog" / "long.wav", seconds=1.0)
    write_clip(tmp_path / "dog" / "longer.wav", seconds=2.0)
    dataset = load_dataset(DataSource.of(tmp_path, clip_s=0.5))
    assert dataset.clip_s == 0.5
    said = "clip length: 0.5 s, as asked; 11 shorter are padded, 2 longer are cut"
    assert any(note.startswith(said) and "--window" in note for note in dataset.notes)
    assert load_dataset(tmp_path).clip_s == 1.0


def test_mixed_formats_rates_and_channels_are_accepted_and_noted(tmp_path):
    write_classes(tmp_path)
    write_clip(tmp_path / "dog" / "a.wav", rate=16000, channels=2, subtype="PCM_24")
    write_clip(tmp_path / "dog" / "b.flac", rate=16000)
    write_clip(tmp_path / "rain" / "c.ogg", rate=44100)
    dataset = load_dataset(tmp_path)
    assert (dataset.sample_rate_hz, dataset.channels) == (8000, 1)
    assert "mixed sample rates: 10 x 8000 Hz, 2 x 16000 Hz, 1 x 44100 Hz" in dataset.notes
    assert "mixed channel counts: 12 x 1 channels, 1 x 2 channels" in dataset.notes


def test_ten_folds_are_shared_out_six_two_two(tmp_path):
    rows = ["slice_file_name,fsID,start,fold,classID,class"]
    for label, fold in product(("dog", "rain"), range(1, 11)):
        rows.append(f"{label}{fold}.wav,{label}{fold},0.0,{fold},3,{label}")
        write_clip(tmp_path / "audio" / f"fold{fold}" / f"{label}{fold}.wav")
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text("\n".join(rows))
    dataset = load_dataset(tmp_path)
    assert dataset.describe()["splits"] == {"train": 12, "validation": 4, "test": 4}
    assert "splits by fold: train 1-6, validation 7-8, test 9-10" in dataset.notes


def write_one(root):
    write_clip(root / "a.wav")


def write_link(root):
    write_table(root)
    (root / "copy.flac").symlink_to("dog0.flac")


def nothing(root):
    pass


CLIP, TABLE, ESC50 = "dog/2.wav", "meta.csv", "meta/esc50.csv"
TESTING = "testing_list.txt"
ROW_TWICE, ROW_BY_LINK = b"\ndog0.flac;rain;test;phone", b"\ncopy.flac;dog;test;phone"
WAV = object()
# How a folder is written, a file in it and what it then holds (None: it is gone, bytes: added), and
# what is said.
FAULTS = [
    (nothing, ".", None, "found nothing of that name - check the path"),
    (nothing, ".", "", "found an empty folder - put one folder of clips per class into it"),
    (nothing, "notes.txt", "hello", "found 1 other files (.txt) - give WAV, FLAC or OGG clips"),
    (nothing, "dog/1.wav", WAV, "expected at least two classes, found 1 (dog)"),
    (write_classes, "wind/1.wav", WAV, "of class 'wind' (train, validation, test), found 1 clip"),
    (write_classes, CLIP, 2044, "2.wav: expected a WAV, FLAC or OGG clip, found one that breaks"),
    (write_table, "dog2.flac", None, "dog2.flac: expected a WAV, FLAC or OGG clip, found no such"),
    (write_one, ".", "", "expected labels, found 1 audio files without any"),
    (write_table, "clips.csv", ROW_TWICE, "line 12: expected one label for dog0.flac, found"),
    (write_link, "clips.csv", ROW_BY_LINK, "expected one split for dog0.flac, found test and "),
    (
        write_one,
        TABLE,
        "filename,split\na.wav,train",
        "meta.csv is not used (columns filename, split)",
    ),
    (write_esc50, ESC50, "clip,category\na,dog", "expected a column of filenames (filename, "),
    (write_one, TABLE, "filename,label\na.wav,", "line 2: expected a label, found an empty cell"),
    (write_one, TABLE, "filename,label,split\na.wav,dog,trian", "split, did you mean 'train'?"),
    (
        write_table,
        "b.csv",
        "filename,label\ndog1.flac,b",
        "one table of clips, found 2 (b.csv, clips.csv)",
    ),
    (write_speech_commands, TESTING, "yes/1b_nohash_0.wav", "'no' in every split, found 4 clips"),
]


@pytest.mark.parametrize(("write", "name", "content", "message"), FAULTS)
def test_bad_data_is_refused_in_one_line(write, name, content, message, tmp_path):
    root, path = tmp_path / "data", tmp_path / "data" / name
    root.mkdir()
    write(root)
    if content is WAV:
        write_clip(path)
    elif content is None:
        path.rmdir() if path == root else path.unlink()
    elif isinstance(content, int):
        os.truncate(path, content)
    elif isinstance(content, bytes):
        path.write_bytes(path.read_bytes() + content)
    elif path != root:
        path.write_text(content)
    with pytest.raises(DatasetError) as caught:
        load_dataset(root)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert any(finding.level == "error" for finding in check(root))


@pytest.mark.parametrize("announced", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_clip_that_was_written_into_a_pipe_is_whole(tmp_path, announced):
    write_classes(tmp_path)
    clip = tmp_path / "dog" / "2.wav"
    content = clip.read_bytes()
    size_at = content.index(b"data") + 4
    clip.write_bytes(content[:size_at] + announced.to_bytes(4, "little") + content[size_at + 4 :])
    assert len(load_dataset(tmp_path).clips) == 10


def test_a_folder_that_cannot_be_listed_is_named_with_the_way_out(tmp_path, monkeypatch):
    """The refusal is the system's, which lets root list everything."""
    write_classes(tmp_path)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("rain"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        DatasetError, match=r"rain: .* listed, .*permission denied - .*chmod -R u\+rX"
    ):
        load_dataset(tmp_path)
    assert [finding.level for finding in check(tmp_path)] == ["error"]


def test_check_finds_nothing_wrong_with_good_data(tmp_path):
    write_classes(tmp_path)
    findings = check(tmp_path)
    assert [finding for finding in findings if finding.level == "error"] == []
    facts = {finding.subject: finding.text for finding in findings}
    assert facts["clips"] == "10"
    assert facts["sample rates"] == "10 x 8000 Hz"
    assert facts["class dog"] == "3 train, 1 validation, 1 test"


def test_check_names_copies_silence_and_bad_clips(tmp_path):
    write_classes(tmp_path, clips=8)
    (tmp_path / "rain" / "copy.wav").write_bytes((tmp_path / "dog" / "1.wav").read_bytes())
    soundfile.write(tmp_path / "dog" / "silent.wav", np.zeros(2000), 8000)
    (tmp_path / "dog" / "broken.wav").write_text("no audio")
    findings = {finding.text: finding.level for finding in check(tmp_path)}
    assert findings[f"{tmp_path}/dog/1.wav: the same audio as {tmp_path}/rain/copy.wav"] == "note"
    assert [text for text, level in findings.items() if level == "error"] == [
        f"{tmp_path}/dog/broken.wav: cannot be read, found something else (format not recognised)"
    ]


def notes_of_links(notes):
    return [note for note in notes if "link" in note]


@pytest.mark.parametrize("target", [".", "../data", "dog"])
def test_a_link_to_what_is_there_repeats_no_clip(tmp_path, target):
    root = tmp_path / "data"
    write_classes(root)
    before = load_dataset(root)
    (root / "latest").symlink_to(target)
    dataset = load_dataset(root)
    assert (dataset.clips, dataset.classes) == (before.clips, ("dog", "rain"))
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
    (note,) = notes_of_links(dataset.notes)
    assert note.startswith(f"2 links (such as test/dog/{name}) are left out: what they lead to is")


def test_links_to_other_places_are_followed_once(tmp_path):
    write_classes(tmp_path / "store" / "sounds", ("wind", "saw"))
    write_classes(tmp_path / "data", ("dog",))
    root = tmp_path / "data"
    for name in ("saw", "wind", "wind again"):
        (root / name).symlink_to(tmp_path / "store" / "sounds" / name.split()[0])
    (root / "dog" / "far.wav").symlink_to(tmp_path / "store" / "sounds" / "saw" / "4.wav")
    (root / "itself.wav").symlink_to("itself.wav")
    (root / ".noise").symlink_to(tmp_path / "store")
    dataset = load_dataset(root)
    counts = Counter(clip.path.parent.name for clip in dataset.clips)
    assert counts == {"dog": 5, "saw": 5, "wind": 5}
    assert notes_of_links(dataset.notes)[0].startswith("2 links (such as dog/far.wav) are left out")


@pytest.mark.parametrize("layout", ["esc50", "tau", "table"])
def test_a_table_may_name_its_clips_by_a_link(tmp_path, layout):
    EXAMPLES[layout][0](tmp_path)
    splits = load_dataset(tmp_path).describe()["splits"]
    (tmp_path / "store").mkdir()
    for path in [*tmp_path.rglob("*.wav"), *tmp_path.rglob("*.flac")]:
        path.rename(tmp_path / "store" / path.name)
        path.symlink_to(tmp_path / "store" / path.name)
    assert load_dataset(tmp_path).describe()["splits"] == splits


@pytest.mark.data
def test_real_esc10_has_the_published_folds():
    dataset = load_dataset(Path(os.environ["NAS_ASC_DATA"]))
    assert dataset.describe()["splits"] == {"train": 240, "validation": 80, "test": 80}
    assert (dataset.clip_s, dataset.skipped) == (5.0, ())
    assert straddling(dataset.clips) == ()
    counts = Counter((clip.label, clip.split) for clip in dataset.clips)
    assert set(counts.values()) == {24, 8}
