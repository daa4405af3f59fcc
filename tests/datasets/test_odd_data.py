"""What people have that is not quite as a layout says: read, or refused with a way on."""

import json
from itertools import product

import pytest
from made_folders import notes_of, refusal, splits_of, write_classes, write_clip

from nas_asc.datasets import check, load_dataset
from nas_asc.datasets.folder import walk
from nas_asc.datasets.layouts import list_clips
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

LABELS = ("cat", "dog")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def write_rows(path, rows, header="file,label"):
    path.write_text("\n".join([header, *rows]))


@pytest.mark.parametrize("words", [("train", "val", "test"), ("train", "test")])
def test_splits_may_lie_below_the_classes(words, tmp_path):
    for label, word in product(LABELS, words):
        for n in range(5 if word == "train" else 2):
            write_clip(tmp_path / label / word / f"{n}.wav")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == LABELS
    assert {clip.path.parent.name for clip in dataset.clips if clip.split == "test"} == {"test"}
    assert sum(clip.split == "test" for clip in dataset.clips) == 4
    assert "label-level" not in notes_of(dataset)


@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize("order", ["fold/label", "label/fold"])
def test_numbered_folds_are_folds_above_and_below_the_classes(folds, order, tmp_path):
    for label, fold, n in product(LABELS, range(1, folds + 1), range(4)):
        where = order.replace("fold", f"fold{fold}").replace("label", label)
        write_clip(tmp_path / where / f"{n}.wav")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == LABELS
    assert {clip.fold for clip in dataset.clips} == set(range(1, folds + 1))
    if folds == 5:
        assert "splits by fold" in notes_of(dataset)
    else:
        assert (
            "folds of the data are not used (fewer than three), unless with --test fold:N"
            in notes_of(dataset)
        )
        asked = DataSource.of(tmp_path, test="fold:2")
        held = load_dataset(asked)
        assert {clip.fold for clip in held.clips if clip.split == "test"} == {2}


def test_flat_folds_are_no_classes(tmp_path):
    names = []
    for fold, label in product((1, 2, 3), LABELS):
        write_clip(tmp_path / f"fold{fold}" / f"{label}_{fold}.wav")
        names.append(f"{label}_{fold}.wav,{label},{fold}")
    assert "expected labels" in refusal(tmp_path)
    assert "--names '{label}_{" in refusal(tmp_path)
    write_rows(tmp_path / "meta.csv", names, "file,label,fold")
    assert "splits by fold: train 1, validation 2, test 3" in notes_of(load_dataset(tmp_path))


@pytest.mark.parametrize("form", ["/kaggle/input/{}/{}", "C:\\sounds\\{}\\{}"])
def test_whole_paths_of_another_machine_are_looked_up_here(form, tmp_path):
    """Files of the same name are told apart by their folder."""
    rows = []
    for label, n in product(LABELS, range(4)):
        write_clip(tmp_path / "audio" / label / f"{n}.wav")
        rows.append(f"{form.format(label, f'{n}.wav')},{label}")
    write_rows(tmp_path / "meta.csv", rows)
    for source in (
        DataSource.of(tmp_path),
        DataSource.of(tmp_path / "meta.csv", audio=str(tmp_path / "audio")),
    ):
        dataset = load_dataset(source)
        assert {(c.path.parent.name, dataset.classes[c.label]) for c in dataset.clips} == {
            ("cat", "cat"),
            ("dog", "dog"),
        }
    unused = load_dataset(DataSource.of(tmp_path, audio=str(tmp_path)))
    assert "--audio is not used" in notes_of(unused)


def test_a_file_that_is_gone_is_not_another_of_its_name(tmp_path):
    write_classes(tmp_path / "audio", LABELS)
    (tmp_path / "audio" / "cat" / "1.wav").unlink()
    rows = [f"{label}/{n}.wav,{label}" for label, n in product(LABELS, range(5))]
    write_rows(tmp_path / "meta.csv", rows)
    with pytest.raises(DatasetError, match=r"cat/1\.wav: expected a .* clip, found no such file"):
        load_dataset(tmp_path)
    assert len(load_dataset(DataSource.of(tmp_path, skip_bad=True)).clips) == 9


def test_a_file_that_is_gone_is_not_that_of_another_split(tmp_path):
    rows = []
    for split, label, n in product(("train", "test"), LABELS, range(4)):
        write_clip(tmp_path / split / label / f"{n}.wav")
        rows.append(f"{split}/{label}/{n}.wav,{label},{split}")
    (tmp_path / "train" / "dog" / "1.wav").unlink()
    (tmp_path / "test" / "cat" / "2.wav").rename(tmp_path / "test" / "cat2.wav")
    write_rows(tmp_path / "meta.csv", rows, "file,label,split")
    with pytest.raises(DatasetError, match=r"cat/2\.wav: .* no such file and 1 more like it"):
        load_dataset(tmp_path)


def test_a_file_may_lie_deeper_than_its_row_says(tmp_path):
    for label, n in product(LABELS, range(4)):
        write_clip(tmp_path / "wavs" / f"spk{n}" / f"{label}{n}.wav")
    rows = [f"wavs/{label}{n}.wav,{label}" for label, n in product(LABELS, range(4))]
    write_rows(tmp_path / "meta.csv", rows)
    assert len(load_dataset(tmp_path).clips) == 8


@pytest.mark.parametrize("converted", ["{}.m4a.wav", "{}.wav", "{}.flac"])
@pytest.mark.parametrize("given", ["folder", "table"])
def test_a_row_finds_what_its_file_was_converted_to(converted, given, tmp_path):
    rows = []
    for label, n in product(LABELS, range(4)):
        (tmp_path / f"{label}{n}.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
        write_clip(tmp_path / converted.format(f"{label}{n}"))
        rows.append(f"{label}{n}.m4a,{label}")
    write_rows(tmp_path / "meta.csv", rows)
    dataset = load_dataset(tmp_path if given == "folder" else tmp_path / "meta.csv")
    assert len(dataset.clips) == 8
    assert {clip.path.suffix for clip in dataset.clips} == {f".{converted.rpartition('.')[2]}"}


def test_a_table_that_names_files_by_their_stems_is_proposed(tmp_path):
    rows = []
    for label, n in product(LABELS, range(4)):
        write_clip(tmp_path / "Train" / f"{label[0]}{n}.wav")
        rows.append(f"{label[0]}{n},{label}")
    write_rows(tmp_path / "train.csv", rows, "ID,Kind")
    text = refusal(tmp_path)
    assert "try --columns 'file=id,label=kind'" in text
    assert "the table train.csv is not used (columns id, kind)" in text
    dataset = load_dataset(DataSource.of(tmp_path, columns="file=id,label=kind"))
    assert dataset.classes == LABELS


def test_names_are_proposed_where_a_table_has_no_labels(tmp_path):
    names = [f"{label}_{n}.wav" for label, n in product(LABELS, range(4))]
    for name in names:
        write_clip(tmp_path / name)
    write_rows(tmp_path / "durations.csv", [f"{n},0.25" for n in names], "filename,duration")
    assert "--names '{label}_{take}'" in refusal(tmp_path)


def test_a_few_long_recordings_can_be_cut(tmp_path):
    for label in LABELS:
        write_clip(tmp_path / label / "hour.wav", seconds=2)
    text = refusal(DataSource.of(tmp_path, window_s=0.5))
    assert "expected at least three recordings" in text
    assert "ffmpeg -i LONG.wav -f segment" in text
    assert "--min-clips" not in text


def test_one_file_with_another_name_is_its_own_recording(tmp_path):
    for label, speaker, n in product(LABELS, ("ann", "bob", "rex"), range(2)):
        write_clip(tmp_path / label / f"{speaker}_{n}.wav")
    write_clip(tmp_path / "dog" / "unnamed.wav")
    names = {"names": "{speaker}_{take}"}
    asked = load_dataset(DataSource.of(tmp_path, **names, test="speaker:rex"))
    assert sum(clip.split == "test" for clip in asked.clips) == 4
    grouped = load_dataset(DataSource.of(tmp_path, **names, group="name:speaker"))
    assert "grouped by speaker, as asked (1 clip without one, each its own)" in notes_of(grouped)
    assert "found group, speaker, take" in refusal(
        DataSource.of(tmp_path, **names, group="name:who")
    )


def write_labels(root, more, header="file,label"):
    for label, n in product(LABELS, range(4)):
        write_clip(root / f"{label}{n}.wav")
    rows = [f"{label}{n}.wav,{label}" for label, n in product(LABELS, range(4))]
    write_rows(root / "meta.csv", [*rows, *more], header)


def test_rows_that_say_the_same_are_one_clip(tmp_path):
    write_labels(tmp_path, ["dog1.wav,dog", "dog1.wav,dog", "cat2.wav,cat"])
    dataset = load_dataset(tmp_path)
    assert len(dataset.clips) == 8
    assert "3 rows that repeat another taken once" in notes_of(dataset)


def test_rows_that_contradict_each_other_are_refused_or_left_out(tmp_path):
    write_labels(tmp_path, ["dog1.wav,cat", "cat2.wav,dog", "cat3.wav,"])
    text = refusal(tmp_path)
    assert "line 12: expected a label, found an empty cell (cat3.wav)" in text
    assert "or leave such rows out with --skip-bad" in text
    dataset = load_dataset(DataSource.of(tmp_path, skip_bad=True))
    assert len(dataset.clips) == 6
    assert "1 row without a label left out" in notes_of(dataset)
    assert "2 rows that contradict each other left out" in notes_of(dataset)


def test_a_fold_is_contradicted_too(tmp_path):
    write_labels(tmp_path, [], "file,label")
    rows = [f"{label}{n}.wav,{label},{n}" for label, n in product(LABELS, range(4))]
    write_rows(tmp_path / "meta.csv", [*rows, "dog1.wav,dog,3"], "file,label,fold")
    assert "expected one fold for dog1.wav, found 3 and 1 (" in refusal(tmp_path)


def test_contradictions_are_counted(tmp_path):
    write_labels(tmp_path, ["dog1.wav,cat", "cat2.wav,dog"])
    text = refusal(tmp_path)
    assert "line 11: expected one label for cat2.wav, found dog and cat (" in text
    assert "line 4) - keep one of the two, or leave such rows out with --skip-bad (1 more" in text


def test_a_table_without_a_file_that_is_there_is_passed_over(tmp_path):
    write_labels(tmp_path, [])
    (tmp_path / "meta.csv").rename(tmp_path / "whole.csv")
    write_rows(tmp_path / "parts.csv", ["dog1.0.wav,dog", "cat1.0.wav,cat"], "file,label")
    dataset = load_dataset(tmp_path)
    assert len(dataset.clips) == 8
    assert "the table parts.csv is not used: no file that it names is there" in notes_of(dataset)


def test_a_table_that_is_given_finds_files_below_its_folder(tmp_path):
    write_labels(tmp_path / "en" / "clips", [])
    (tmp_path / "en" / "clips" / "meta.csv").rename(tmp_path / "en" / "dev.tsv")
    assert len(load_dataset(tmp_path / "en" / "dev.tsv").clips) == 8


def test_joined_labels_are_told_of(tmp_path):
    for n in range(4):
        write_clip(tmp_path / f"a{n}.wav")
        write_clip(tmp_path / f"b{n}.wav")
    rows = [
        f'{name}{n}.wav,"{label}"'
        for name, label in (("a", "Bark,Dog"), ("b", "Rain"))
        for n in range(4)
    ]
    write_rows(tmp_path / "meta.csv", rows, "fname,labels")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("Bark,Dog", "Rain")
    assert "labels such as 'Bark,Dog' are taken whole" in notes_of(dataset)


@pytest.mark.parametrize("name", ["nsynth-{}", "{}_set", "FSD.{}.audio"])
def test_folders_may_be_named_by_splits_and_more(name, tmp_path):
    for split, label, n in product(("train", "valid", "test"), LABELS, range(3)):
        write_clip(tmp_path / name.format(split) / label / f"{n}.wav")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == tuple(sorted(LABELS))
    assert dataset.describe()["splits"] == {"train": 6, "validation": 6, "test": 6}


def test_names_are_proposed_where_folders_of_splits_hold_no_classes(tmp_path):
    for split, label, n in product(("train", "valid", "test"), LABELS, range(3)):
        write_clip(tmp_path / f"nsynth-{split}" / "audio" / f"{label}_{n}.wav")
    text = refusal(tmp_path)
    assert "--names '{label}_{take}'" in text
    dataset = load_dataset(DataSource.of(tmp_path, names="{label}_{take}"))
    assert dataset.describe()["splits"] == {"train": 6, "validation": 6, "test": 6}


def test_rows_of_parts_of_recordings_are_told_from_contradictions(tmp_path):
    write_labels(tmp_path, [])
    rows = ["dog1.wav,dog,0.0", "dog1.wav,cat,0.5", "cat1.wav,cat,0.0"]
    write_rows(tmp_path / "meta.csv", rows, "file,label,onset")
    text = refusal(tmp_path)
    assert "line 3: expected one label for dog1.wav, found cat and dog (" in text
    assert "parts of recordings (column onset): cut each into a file first" in text


@pytest.mark.parametrize("cell", ["{}.0", "fold{}", "Fold_{}"])
def test_folds_may_be_written_in_several_ways(cell, tmp_path):
    rows = []
    for label, n in product(LABELS, range(1, 6)):
        write_clip(tmp_path / f"{label}{n}.wav")
        rows.append(f"{label}{n}.wav,{label},{cell.format(n)}")
    write_rows(tmp_path / "meta.csv", rows, "file,label,fold")
    dataset = load_dataset(tmp_path)
    assert splits_of(dataset, lambda clip: clip.path.stem[-1])["test"] == {"5"}


def test_words_that_are_no_splits_can_be_passed_over(tmp_path):
    words = ("curated", "noisy")
    rows = []
    for label, n in product(LABELS, range(4)):
        write_clip(tmp_path / f"{label}{n}.wav")
        rows.append(f"{label}{n}.wav,{label},{words[n % 2]}")
    write_rows(tmp_path / "meta.csv", rows, "file,label,subset")
    assert "or read none with --columns split=" in refusal(tmp_path)
    assert len(load_dataset(DataSource.of(tmp_path, columns="split=")).clips) == 8


def test_a_table_that_cannot_be_read_does_not_stop_class_folders(tmp_path):
    write_classes(tmp_path)
    (tmp_path / "notizen.csv").write_bytes("Größe;Ort\n1;Köln".encode("latin-1"))
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ("dog", "rain")
    assert "the table notizen.csv is not used" in notes_of(dataset)


def test_the_table_that_is_meant_stops_where_it_cannot_be_read(tmp_path):
    for part, label, n in product(("part1", "part2"), LABELS, range(3)):
        write_clip(tmp_path / part / f"{label}{n}.wav")
    (tmp_path / "meta.csv").write_bytes("file,label,Größe\n".encode("latin-1"))
    assert "meta.csv: expected UTF-8 text" in refusal(tmp_path)
    (tmp_path / "meta.csv").rename(tmp_path / "clips.csv")
    assert "clips.csv: expected UTF-8 text" in refusal(tmp_path)


def test_the_lists_of_speech_commands_may_lie_above_the_words(tmp_path):
    for word, speaker in product(("no", "yes"), ("0a", "1b", "2c", "3d")):
        write_clip(tmp_path / "audio" / word / f"{speaker}_nohash_0.wav")
    for name, speaker in (("validation", "0a"), ("testing", "1b")):
        lines = [f"{word}/{speaker}_nohash_0.wav\n" for word in ("no", "yes")]
        (tmp_path / f"{name}_list.txt").write_text("".join([*lines, f"up/{speaker}_x.wav\n"]))
    assert list_clips(walk(tmp_path), DataSource.of(tmp_path))[0] == "speech_commands"
    dataset = load_dataset(tmp_path)
    assert splits_of(dataset, lambda clip: clip.path.stem[:2])["test"] == {"1b"}
    assert "2 clips of validation_list.txt and testing_list.txt are not there" in notes_of(dataset)


def test_a_cell_may_hold_other_line_ends_of_unicode(tmp_path):
    remarks = ["a\u2028b", "c\x85d", "e\x0cf", "g"]
    rows = []
    for label, n in product(LABELS, range(4)):
        write_clip(tmp_path / f"{label}{n}.wav")
        rows.append(f"{label}{n}.wav,{label},{remarks[n]}")
    (tmp_path / "meta.csv").write_text("\r\n".join(["file,label,remark", *rows]), newline="")
    assert len(load_dataset(tmp_path).clips) == 8


def test_copies_are_told_and_stop_nothing(tmp_path):
    write_classes(tmp_path, clips=8)
    for name in ("a", "b"):
        content = (tmp_path / "dog" / "1.wav").read_bytes()
        (tmp_path / "dog" / f"{name}.wav").write_bytes(content)
    dataset = load_dataset(tmp_path)
    assert "the audio of 2 clips is that of others, of " in notes_of(dataset)
    findings = {finding.subject: finding.level for finding in check(tmp_path)}
    assert findings["copy"] == "note"
    assert "error" not in findings.values()


def test_what_an_error_proposes_is_taken_by_check(run_command, tmp_path):
    write_labels(tmp_path / "en" / "clips", [], "path,word")
    (tmp_path / "en" / "clips" / "meta.csv").rename(tmp_path / "en" / "dev.csv")
    _, out, _ = run_command("data", "check", tmp_path, "--json")
    proposed = json.loads(out)[0]["text"].partition("--data '")[2].partition("'")[0]
    assert proposed.endswith("dev.csv")
    code, out, _ = run_command("data", "check", tmp_path, "--data", proposed, "--json")
    assert code == 0
    assert any(f["text"] == "8" for f in json.loads(out) if f["subject"] == "clips")
    code, _, err = run_command("data", "check")
    assert (code, err.count("\n")) == (2, 1)
