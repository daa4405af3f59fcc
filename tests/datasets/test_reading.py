"""Folders, tables and names as people have them: what is understood, and what is said."""

import csv
import io
import os
import shutil
from collections import Counter
from itertools import product

import numpy as np
import pytest
import soundfile
from made_folders import DIGITS, notes_of, refusal, splits_of, write_classes, write_clip

from nas_asc.datasets import check, clip_table, load_dataset
from nas_asc.datasets.columns import meaning_of_splits
from nas_asc.datasets.folder import AUDIO_SUFFIXES
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(200)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train dev test", "train validation test"),
        ("Train Validation holdout", "train validation test"),
        ("development evaluation", "train test"),
        ("training val testing", "train validation test"),
        ("train eval test", "train validation test"),
        ("train dev eval", "train validation test"),
        ("train valid eval", "train validation test"),
    ],
)
def test_words_for_splits_mean_what_they_mean_beside_each_other(words, expected):
    assert list(meaning_of_splits(words.split()).values()) == expected.split()


@pytest.mark.parametrize("names", ["train dev test", "train validation holdout"])
def test_folders_of_splits_are_no_classes(names, tmp_path):
    for name in names.split():
        write_classes(tmp_path / name, clips=2)
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("dog", "rain")
    assert dataset.describe()["splits"] == {"train": 4, "validation": 4, "test": 4}


def test_flat_folders_of_splits_have_no_labels(tmp_path):
    for name, number in product(("train", "test"), range(6)):
        write_clip(tmp_path / name / f"{name}_{number}.wav", 0.05)
    assert "test, train are splits, and no classes" in refusal(tmp_path)


def test_labels_in_names_below_folders_of_splits(tmp_path):
    for name, label, number in product(("train", "val", "test"), ("dog", "rain"), range(2)):
        write_clip(tmp_path / name / f"{label}_{number}.wav", 0.05)
    text = refusal(tmp_path)
    assert "--names '{label}_{take}' (label would be dog, rain: 2 values" in text
    dataset = load_dataset(DataSource.of(tmp_path, names="{label}_{take}"))
    assert dataset.describe()["splits"] == {"train": 4, "validation": 4, "test": 4}


def test_folders_of_which_some_look_like_splits_are_asked_about(tmp_path):
    for name in ("train", "test", "extra"):
        write_classes(tmp_path / name, clips=4)
    text = refusal(tmp_path)
    assert "--label-level 1" in text
    assert f"--data '{tmp_path}/test' --data '{tmp_path}/train'" in text
    classes = load_dataset(DataSource.of(tmp_path, label_level=1)).classes
    assert classes == ("extra", "test", "train")
    dataset = load_dataset(DataSource.of(tmp_path / "test", tmp_path / "train"))
    assert splits_of(dataset, lambda clip: clip.path.parts[-3]) == {
        "train": {"train"}, "validation": {"train"}, "test": {"test"}
    }  # fmt: skip


def test_one_class_may_be_called_train(tmp_path):
    write_classes(tmp_path, ("bus", "car", "train"))
    assert load_dataset(tmp_path).classes == ("bus", "car", "train")


def test_a_class_that_a_split_lacks_is_named_and_can_be_left_out(tmp_path):
    for name in ("train", "val", "test"):
        write_classes(tmp_path / name, ("cat", "dog"), clips=2)
    write_classes(tmp_path / "train", ("rain",))
    text = refusal(tmp_path)
    assert "class 'rain' in every split, found 5 clips and none for validation and test" in text
    assert "--min-clips 1" in text
    dataset = load_dataset(DataSource.of(tmp_path, min_clips=1))
    assert dataset.classes == ("cat", "dog")
    assert "left out: rain" in notes_of(dataset)


def test_classes_with_few_clips_are_left_out_if_asked(tmp_path):
    write_classes(tmp_path, ("cat", "dog"))
    write_classes(tmp_path, ("rain",), clips=2)
    assert "class 'rain'" in refusal(tmp_path)
    assert "--min-clips 3" in refusal(tmp_path)
    dataset = load_dataset(DataSource.of(tmp_path, min_clips=3))
    assert dataset.classes == ("cat", "dog")
    assert "rain (2)" in notes_of(dataset)


def test_class_folders_may_lie_deeper(tmp_path):
    write_classes(tmp_path / "archive" / "audio")
    assert load_dataset(tmp_path).classes == ("dog", "rain")
    for room in "abc":
        write_classes(tmp_path / "rooms" / room, clips=2)
    by_room = load_dataset(tmp_path / "rooms")
    assert by_room.classes == ("a", "b", "c")
    assert "--label-level 2" in notes_of(by_room)
    dataset = load_dataset(DataSource.of(tmp_path / "rooms", label_level=2))
    assert dataset.classes == ("dog", "rain")
    assert {clip.group for clip in dataset.clips} == {"a", "b", "c"}
    assert "at level 4" in refusal(DataSource.of(tmp_path / "rooms", label_level=4))


@pytest.mark.parametrize("names", ["kit", "take"])
def test_sub_folders_of_one_name_are_one_recording_unless_they_are_counted(names, tmp_path):
    for label, number in product(("kick", "ride"), range(6)):
        write_clip(tmp_path / label / f"{names}{number}" / "0.wav", 0.05)
    dataset = load_dataset(tmp_path)
    assert len({clip.group for clip in dataset.clips}) == (6 if names == "kit" else 12)
    together = load_dataset(DataSource.of(tmp_path, group="folder"))
    assert len({clip.group for clip in together.clips}) == 6
    apart = load_dataset(DataSource.of(tmp_path, group="none"))
    assert len({clip.group for clip in apart.clips}) == 12


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("wav_path,genre", None),
        ("filename,labels,note", None),
        ("fname,species", None),
        ("clip;kind;x", "file=clip,label=kind"),
    ],
)
def test_columns_have_usual_names_or_are_told(header, columns, tmp_path):
    separator = ";" if ";" in header else ","
    rows = [header]
    for label, number in product(("dog", "rain"), range(6)):
        path = f"batch{number % 3}/{label}{number}.wav"
        write_clip(tmp_path / path, 0.05)
        rows.append(separator.join((path, label, "x")[: len(header.split(separator))]))
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    if columns:
        before = load_dataset(tmp_path)
        assert before.classes == ("batch0", "batch1", "batch2")
        named = f"the table labels.csv is not used (columns clip, kind, x); --columns '{columns}'"
        assert named in notes_of(before)
    dataset = load_dataset(DataSource.of(tmp_path, columns=columns))
    assert dataset.classes == ("dog", "rain")
    assert dataset.describe()["splits"] == {"train": 8, "validation": 2, "test": 2}


@pytest.mark.parametrize("place", ["audio", "data/wav", "", "absolute"])
def test_the_folder_of_a_class_is_no_recording(place, tmp_path):
    top = tmp_path / ("" if place == "absolute" else place)
    write_classes(top, clips=5)
    paths = sorted(top.glob("*/*.wav"))
    names = paths if place == "absolute" else [path.relative_to(tmp_path) for path in paths]
    rows = [f"{name},{path.parent.name}" for name, path in zip(names, paths, strict=True)]
    (tmp_path / "meta.csv").write_text("\n".join(["filename,label", *rows]))
    dataset = load_dataset(tmp_path)
    assert dataset.describe()["splits"] == {"train": 6, "validation": 2, "test": 2}
    assert load_dataset(tmp_path / "meta.csv").clips == dataset.clips


def test_a_table_may_lie_anywhere_and_leave_out_suffixes_and_folders(tmp_path):
    write_classes(tmp_path / "sounds", clips=3)
    for path in sorted((tmp_path / "sounds").glob("*/*.wav")):
        path.rename(path.with_stem(f"{path.parent.name}{path.stem}"))
    rows = [f"{label}{n}\t{label}" for label, n in product(("dog", "rain"), range(3))]
    table = tmp_path / "tables" / "mine.tsv"
    table.parent.mkdir()
    table.write_text("\n".join(["fname\tlabel", *rows]))
    assert "--audio DIR" in refusal(table)
    dataset = load_dataset(DataSource.of(table, audio=str(tmp_path / "sounds")))
    assert (len(dataset.clips), dataset.classes) == (6, ("dog", "rain"))


def test_tables_named_after_splits_are_taken_together(tmp_path):
    for split, label, n in product(("train", "val", "test"), ("dog", "rain"), range(2)):
        name = f"{split}{label}{n}.wav"
        write_clip(tmp_path / "audio" / name, 0.05)
        table = tmp_path / f"{split}.csv"
        before = table.read_text() if table.is_file() else "file,label\n"
        table.write_text(f"{before}{name},{label}\n")
    dataset = load_dataset(tmp_path)
    assert dataset.describe()["splits"] == {"train": 4, "validation": 4, "test": 4}
    given = DataSource.of(*(tmp_path / f"{split}.csv" for split in ("train", "val", "test")))
    assert load_dataset(given).clips == dataset.clips


def test_a_table_in_a_folder_of_its_own_is_found(tmp_path):
    for split in ("dev", "eval"):
        rows = ["fname,labels,mids"]
        for label, n in product(("Bark", "Rain"), range(5)):
            write_clip(tmp_path / f"{split}_audio" / f"{split}{label}{n}.wav", 0.05)
            rows.append(f"{split}{label}{n},{label},x")
        (tmp_path / "ground_truth").mkdir(exist_ok=True)
        (tmp_path / "ground_truth" / f"{split}.csv").write_text("\n".join(rows))
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("Bark", "Rain")
    assert dataset.describe()["splits"] == {"train": 8, "validation": 2, "test": 10}


def test_one_folder_of_clips_is_no_class_where_a_table_may_label_them(tmp_path):
    rows = ["item;kind"]
    for label, n in product(("Bark", "Rain"), range(5)):
        write_clip(tmp_path / "audio" / f"{label}{n}.wav", 0.05)
        rows.append(f"{label}{n}.wav;{label}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    text = refusal(tmp_path)
    assert "--columns 'file=item,label=kind'" in text
    columns = "file=item,label=kind"
    assert load_dataset(DataSource.of(tmp_path, columns=columns)).classes == ("Bark", "Rain")


@pytest.mark.parametrize("quote", ['a1.wav,"dog', '"a1.wav"x,dog'])
def test_a_stray_quote_is_told_with_its_line(quote, tmp_path):
    write_clip(tmp_path / "a1.wav")
    rows = ["filename,label", *["a0.wav,dog"] * 4, quote, *["a2.wav,dog"] * 9000]
    (tmp_path / "meta.csv").write_text("\n".join(rows))
    assert refusal(tmp_path).startswith(f"{tmp_path}/meta.csv line 6: expected quotes in pairs")


def test_several_sources_are_one_data_set(tmp_path):
    write_classes(tmp_path / "a", ("dog", "rain"))
    write_classes(tmp_path / "b", ("rain", "wind"))
    dataset = load_dataset(DataSource.of(tmp_path / "a", tmp_path / "b"))
    assert (dataset.root, dataset.classes) == (tmp_path, ("dog", "rain", "wind"))
    assert Counter(clip.label for clip in dataset.clips) == {0: 5, 1: 10, 2: 5}
    assert dataset.name == "a + b"
    text = refusal(DataSource.of(tmp_path / "a", tmp_path / "a"))
    assert "expected every file once" in text


def test_underscores_begin_classes_but_background_noise_is_none(tmp_path):
    write_classes(tmp_path, ("yes", "_silence_", "_unknown_", "_background_noise_", ".old"))
    write_clip(tmp_path / "yes" / "._0.wav")
    write_clip(tmp_path / "__MACOSX" / "yes" / "1.wav")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("_silence_", "_unknown_", "yes")
    assert len(dataset.clips) == 15
    assert "recordings in .old, _background_noise_ are passed over" in notes_of(dataset)
    assert "MACOSX" not in notes_of(dataset)


@pytest.mark.parametrize("layout", ["folders", "table", "names"])
def test_a_class_that_cannot_be_read_at_all_is_named_with_the_command(layout, tmp_path):
    names = [f"{label}_{n}" for label, n in product(("bird", "cat", "dog"), range(4))]
    rows, names_pattern = ["file,label"], None
    for name in names:
        label = name.partition("_")[0]
        path = tmp_path / (f"{label}/{name}" if layout == "folders" else name)
        path.parent.mkdir(exist_ok=True)
        if label == "bird":
            path.with_suffix(".m4a").write_bytes(M4A)
        else:
            write_clip(path.with_suffix(".wav"), 0.05)
        rows.append(f"{path.name}.{'m4a' if label == 'bird' else 'wav'},{label}")
    if layout == "table":
        (tmp_path / "meta.csv").write_text("\n".join(rows))
    if layout == "names":
        names_pattern = "{label}_{take}"
    source = DataSource.of(tmp_path, names=names_pattern)
    text = refusal(source)
    assert "found 4 files of class 'bird'" in text
    assert f"find {tmp_path} -iname '*.m4a' -exec ffmpeg -i {{}} {{}}.wav ';'" in text
    assert "--min-clips 1" in text
    left = load_dataset(source.model_copy(update={"min_clips": 1}))
    assert left.classes == ("cat", "dog")
    for path in tmp_path.rglob("*.m4a"):  # what the command makes
        write_clip(path.with_name(f"{path.name}.wav"), 0.05)
    dataset = load_dataset(source)
    assert dataset.classes == ("bird", "cat", "dog")
    assert "cannot be read" not in notes_of(dataset)


def test_kinds_that_cannot_be_read_are_counted(tmp_path):
    write_classes(tmp_path)
    for n, suffix in enumerate((".m4a", ".m4a", ".WMA")):
        (tmp_path / "dog" / f"x{n}{suffix}").write_bytes(M4A)
    dataset = load_dataset(tmp_path)
    assert len(dataset.clips) == 10
    note = "3 files of kinds that cannot be read are left out: 2 x .m4a, 1 x .wma"
    assert note in notes_of(dataset)
    assert any(note in finding.text for finding in check(tmp_path))


@pytest.mark.parametrize(
    ("suffix", "form", "subtype"),
    [
        ("WAV", "WAV", "FLOAT"), ("wav", "WAV", "ULAW"), ("wav", "WAVEX", "PCM_32"),
        ("flac", "FLAC", None), ("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS"),
        ("mp3", "MP3", None), ("aiff", "AIFF", None), ("Aif", "AIFF", "FLOAT"),
        ("caf", "CAF", "PCM_16"), ("w64", "W64", None), ("au", "AU", None),
        ("rf64", "RF64", None), ("voc", "VOC", None),
    ],
)  # fmt: skip
def test_every_kind_that_libsndfile_reads_is_taken(suffix, form, subtype, tmp_path):
    write_classes(tmp_path, clips=3)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "dog" / f"x.{suffix}", noise, 8000, subtype, format=form)
    assert f".{suffix.lower()}" in AUDIO_SUFFIXES
    assert len(load_dataset(tmp_path).clips) == 7


def test_short_and_silent_clips_are_taken_and_named(tmp_path):
    write_classes(tmp_path)
    write_clip(tmp_path / "dog" / "short.wav", 0.01)
    for n in range(2):
        soundfile.write(tmp_path / "rain" / f"silent{n}.wav", np.zeros(2000), 8000)
    assert len(load_dataset(tmp_path).clips) == 13
    findings = check(tmp_path)
    assert [finding for finding in findings if finding.level == "error"] == []
    silent = {f.text.partition(":")[0] for f in findings if f.text.endswith("silent throughout")}
    assert silent == {str(tmp_path / "rain" / f"silent{n}.wav") for n in range(2)}


@pytest.mark.parametrize("what", ["file", "class"])
def test_names_that_are_not_utf8_are_used(what, tmp_path):
    write_classes(tmp_path)
    old, new = ("dog/0.wav", b"dog/caf\xe9.wav") if what == "file" else ("dog", b"b\xe9b\xe9")
    (tmp_path / old).rename(os.fsdecode(os.fsencode(tmp_path) + b"/" + new))
    dataset = load_dataset(tmp_path)
    assert len(dataset.clips) == 10
    assert dataset.classes == (("dog", "rain") if what == "file" else (r"b\xe9b\xe9", "rain"))
    texts = [*dataset.notes, *dataset.classes, *(clip.group for clip in dataset.clips)]
    texts += [finding.text for finding in check(tmp_path)]
    assert all(text.isprintable() and text.encode() for text in texts)
    with pytest.raises(DatasetError, match=r"\\xe9.*expected a name in UTF-8"):
        clip_table(DataSource.of(tmp_path))


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    write_classes(tmp_path)
    (tmp_path / "wind").mkdir()
    scandir = os.scandir

    def refuse(path):  # what the system does for whoever is not root
        if str(path).endswith("wind"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    text = refusal(tmp_path)
    assert f"{tmp_path}/wind: expected a folder that can be listed, found permission" in text
    assert "chmod" in text


def write_kits(root):
    for kit, label, n in product(range(6), ("kick", "ride"), range(2)):
        write_clip(root / f"kit{kit}" / label / f"{n}.wav", 0.05)
    return DataSource.of(root, label_level=2)


def write_folds(root):
    rows = ["path,category,fold,mic"]
    for label, fold in product(("dog", "rain"), range(1, 6)):
        rows.append(f"{label}{fold}.wav,{label},{fold},phone")
        write_clip(root / f"{label}{fold}.wav", 0.05)
    (root / "meta.csv").write_text("\n".join(rows))
    return DataSource.of(root, columns="device=mic")


def write_speakers(root):
    for name in DIGITS:
        write_clip(root / name, 0.05)
    return DataSource.of(root, names="{label}_{speaker}_{take}", test="speaker:bob")


@pytest.mark.parametrize("write", [write_kits, write_folds, write_speakers, write_classes])
def test_a_table_of_what_was_understood_reads_back_the_same(write, tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    source = write(root) or DataSource.of(root)
    columns, rows = clip_table(source, 3)
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    (tmp_path / "meta.csv").write_text(text.getvalue())
    before, after = load_dataset(source, 3), load_dataset(tmp_path / "meta.csv")
    assert after.clips == before.clips
    assert (after.classes, after.root) == (before.classes, before.root)


def test_a_copy_elsewhere_has_the_same_splits(tmp_path):
    write_kits(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there" / "below")
    both = [
        load_dataset(DataSource.of(tmp_path / place, label_level=2))
        for place in ("here", "there/below")
    ]
    here, there = ([(c.split, c.group, c.label) for c in each.clips] for each in both)
    assert here == there


def test_imbalance_is_that_of_the_training_clips(tmp_path):
    for split, dogs, rains in (("train", 6, 2), ("val", 1, 1), ("test", 1, 5)):
        write_classes(tmp_path / split, ("dog",), dogs)
        write_classes(tmp_path / split, ("rain",), rains)
    assert load_dataset(tmp_path).imbalance == 3.0
    spread = next(f.text for f in check(tmp_path) if f.subject == "spread")
    assert spread == "8 clips of dog, 8 of rain: 1.0 to 1, 3.0 to 1 in training"
