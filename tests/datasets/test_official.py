"""Official data sets: recognised, counted, whole or not, and used as far as they are there."""

import json
import os
import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product

import pytest
from made_folders import notes_of, refusal, splits_of, write_classes, write_clip
from made_tau import (
    CLASSES,
    LIST,
    META,
    tau_rows,
    write_lists,
    write_noise,
    write_rows,
    write_tau,
)

from nas_asc.datasets import check, clip_table, cross_validation, load_dataset
from nas_asc.datasets.official import EDITIONS, SUBSETS
from nas_asc.datasets.splits import straddling
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

# What each made folder is, and how many of its clips train, test and are in neither list: ten
# scenes of one test place, three training places and one unused, each with all its devices.
KINDS = {
    "3class": ("tau2020_3class", 30, 10, 10),
    "mobile_v1": ("tau2020_mobile_v1", 91, 40, 70),
    "mobile_v2": ("tau2020_mobile_v2", 90, 40, 70),
    "2022": ("tau2022_mobile", 120, 60, 120),
}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A whole folder of each edition, that no test changes."""
    root = tmp_path_factory.mktemp("official")
    for kind in KINDS:
        write_tau(root / kind, kind)
    return root


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The sizes of the made folders in the place of those of the editions."""
    for edition, train, test, neither in KINDS.values():
        size = {"clips": train + test + neither, "train": train, "test": test}
        monkeypatch.setitem(EDITIONS, edition, replace(EDITIONS[edition], **size))


@pytest.fixture
def mobile(folders, tmp_path):
    """A copy of 2020 Mobile to be damaged."""
    return shutil.copytree(folders / "mobile_v2", tmp_path / "mobile")


def texts(findings, subject):
    return [finding.text for finding in findings if finding.subject == subject]


def lines(root, subject, **settings):
    return texts(check(DataSource.of(root, **settings)), subject)


def test_the_lists_of_the_editions_leave_out_what_the_organisers_leave_out(monkeypatch):
    """The counts of clips in neither list are published by themselves (facts of the baselines)."""
    monkeypatch.undo()
    left = {
        name: edition.clips - edition.train - edition.test
        for name, edition in EDITIONS.items()
        if edition.train
    }
    assert left == {
        "tau2020_3class": 1030,
        "tau2020_mobile_v1": 6105,
        "tau2020_mobile_v2": 6105,
        "tau2022_mobile": 61050,
    }
    assert SUBSETS[100] == EDITIONS["tau2022_mobile"].train


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_edition_is_recognised_and_counted(kind, folders):
    edition, train, test, neither = KINDS[kind]
    findings = check(folders / kind)
    assert texts(findings, "data set") == [EDITIONS[edition].name]
    assert texts(findings, "lists") == [f"{train} train, {test} test, {neither} in neither"]
    assert texts(findings, "whole") == [f"yes, all {train + test + neither} clips"]
    for subject in ("missing", "leak", "copy", "clip"):
        assert texts(findings, subject) == []
    assert not [finding for finding in findings if finding.level == "error"]
    counted = {f.subject: f.text for f in findings if f.level == "fact"}
    classes = set(CLASSES.values()) if kind == "3class" else set(CLASSES)
    assert {f"class {name}" for name in classes} <= counted.keys()
    assert {"city helsinki", "city lyon", "city milan", "device a"} <= counted.keys()
    # the first place, in Helsinki, tests; its next three places are in Lyon, Milan and Helsinki
    of_helsinki = [int(part.split()[0]) for part in counted["city helsinki"].split(", ")]
    per_place = train // 30
    assert of_helsinki[2] == test
    assert of_helsinki[0] + of_helsinki[1] == 10 * per_place
    if kind == "mobile_v2":
        assert counted["device s4"] == "0 train, 0 validation, 10 test (unseen in training)"


@pytest.mark.parametrize("kind", KINDS)
def test_validation_is_cut_from_the_training_part_by_place(kind, folders):
    _, train, test, _ = KINDS[kind]
    dataset = load_dataset(folders / kind)
    rows = tau_rows(kind)
    parts = splits_of(dataset, lambda clip: f"audio/{clip.path.name}")
    assert parts["test"] == set(rows.names("test"))
    assert parts["train"] | parts["validation"] == set(rows.names("train"))
    assert straddling(dataset.clips) == ()
    sizes = dataset.describe()["splits"]
    assert (sizes["train"] + sizes["validation"], sizes["test"]) == (train, test)
    assert sizes["validation"] > 0
    places = {clip.group for clip in dataset.clips}
    assert places == {
        row.split("\t")[2]
        for row in rows.meta
        if row.split("\t")[0] in set(rows.names("train") + rows.names("test"))
    }
    assert dataset.cities == tuple(sorted({place.partition("-")[0] for place in places}))


def test_the_city_is_that_of_the_table_and_else_that_of_the_name(folders, mobile):
    rows = tau_rows("mobile_v2")
    moved = [row.replace("\thelsinki-", "\toslo-") for row in rows.meta]
    write_rows(mobile / "meta.csv", META, moved)
    assert load_dataset(mobile).cities == ("lyon", "milan", "oslo")
    without = ["\t".join(row.split("\t")[n] for n in (0, 1, 3)) for row in rows.meta]
    write_rows(mobile / "meta.csv", "filename\tscene_label\tsource_label", without)
    dataset = load_dataset(mobile)
    assert dataset.cities == ("helsinki", "lyon", "milan")
    before = load_dataset(folders / "mobile_v2")
    assert [c.group for c in dataset.clips] == [c.group for c in before.clips]
    assert all(clip.city == clip.path.name.split("-")[1] for clip in dataset.clips)


def test_other_data_have_a_city_where_a_column_says_so(tmp_path):
    write_classes(tmp_path)
    assert {clip.city for clip in load_dataset(tmp_path).clips} == {None}
    rows = [f"{name}/{n}.wav,{name},oslo" for name in ("dog", "rain") for n in range(5)]
    write_rows(tmp_path / "meta.csv", "filename,label,city", rows)
    assert {clip.city for clip in load_dataset(tmp_path).clips} == {"oslo"}


def test_a_table_of_what_was_understood_keeps_the_city(folders, tmp_path):
    columns, rows = clip_table(DataSource.of(folders / "mobile_v2"))
    path = tmp_path / "meta.csv"
    write_rows(path, ",".join(columns), [",".join(row) for row in rows])
    assert load_dataset(path).clips == load_dataset(folders / "mobile_v2").clips


def test_carriage_returns_and_a_folder_around_change_nothing(folders, tmp_path):
    shutil.copytree(folders / "3class", tmp_path / "data" / "TAU")
    write_lists(tmp_path / "data" / "TAU", tau_rows("3class"), "\r\n")
    dataset, before = load_dataset(tmp_path / "data"), load_dataset(folders / "3class")
    assert [replace(c, path=c.path.name) for c in dataset.clips] == [
        replace(c, path=c.path.name) for c in before.clips
    ]
    assert lines(tmp_path / "data", "whole") == ["yes, all 50 clips"]


def test_what_is_missing_is_named_and_the_rest_is_used(mobile):
    rows = tau_rows("mobile_v2")
    gone = [rows.names(part)[-1] for part in ("train", "test", "neither")]
    for name in gone:
        (mobile / name).unlink()
    findings = check(mobile)
    assert sorted(texts(findings, "missing")) == sorted(f"{name}: no such file" for name in gone)
    (whole,) = texts(findings, "whole")
    assert whole.startswith("no, 197 of 200 clips (3 missing)")
    assert not [finding for finding in findings if finding.level == "error"]
    dataset = load_dataset(mobile)
    assert len(dataset.clips) == 130 - 2
    assert f"3 of 200 clips of meta.csv are not there (such as {min(gone)})" in notes_of(dataset)


def test_classes_whose_files_are_all_missing_are_left_out_and_named(mobile):
    for path in mobile.glob("audio/*-*.wav"):
        if path.name.startswith(("tram", "street")):
            path.unlink()
    dataset = load_dataset(mobile)
    assert len(dataset.classes) == 7
    left = "3 classes without a file left out: street_pedestrian, street_traffic, tram"
    assert left in notes_of(dataset)


def test_parts_are_counted_where_what_is_there_cannot_be_split(mobile):
    for path in mobile.glob("audio/*.wav"):
        if not path.name.startswith("airport"):
            path.unlink()
    findings = check(mobile)
    assert [finding.subject for finding in findings if finding.level == "error"] == ["splits"]
    assert texts(findings, "class airport") == ["9 train, 0 validation, 4 test"]
    assert texts(findings, "city helsinki") == ["3 train, 0 validation, 4 test"]
    assert texts(findings, "whole")[0].startswith("no, 20 of 200 clips (180 missing)")


@pytest.mark.parametrize("part", ["train", "neither"])
def test_a_truncated_clip_is_damaged_and_an_error_only_where_it_is_used(mobile, part):
    clip = mobile / tau_rows("mobile_v2").names(part)[0]
    os.truncate(clip, 400)
    findings = check(mobile)
    (damaged,) = [f for f in findings if f.subject == "clip"]
    assert damaged.text.startswith(f"{clip}: cannot be read, found one that breaks off")
    assert damaged.level == ("error" if part == "train" else "note")
    assert texts(findings, "whole")[0].startswith("no, 199 of 200 clips (1 cannot be read)")
    if part == "train":
        with pytest.raises(DatasetError, match="--skip-bad"):
            load_dataset(mobile)
    assert len(load_dataset(DataSource.of(mobile, skip_bad=True)).clips) == 130 - (part == "train")


def test_a_doubled_clip_is_named(mobile):
    rows = tau_rows("mobile_v2")
    first, unused = mobile / rows.names("train")[0], mobile / rows.names("neither")[-1]
    shutil.copy(first, unused)
    pair = sorted([str(first), str(unused)])
    (text,) = lines(mobile, "copy")
    assert sorted(text.split(": the same audio as ")) == pair


def test_a_place_in_both_lists_is_named_and_a_clip_in_both_tests(mobile):
    rows = tau_rows("mobile_v2")
    both = rows.parts["test"][0]
    write_rows(mobile / "evaluation_setup" / "fold1_train.csv", LIST, [*rows.parts["train"], both])
    assert lines(mobile, "leak") == ["helsinki-0: in more than one part"]
    (counts, expected) = lines(mobile, "lists")
    assert counts.startswith("91 train, 40 test")
    assert expected == "expected 90 train, 40 test"
    name = both.partition("\t")[0]
    (clip,) = [c for c in load_dataset(mobile).clips if c.path == mobile / name]
    assert clip.split == "test"


def test_clips_that_only_a_list_names_are_not_used(mobile):
    """As those of version 1 where the table is that of version 2."""
    rows = tau_rows("mobile_v1")
    write_rows(mobile / "evaluation_setup" / "fold1_train.csv", LIST, rows.parts["train"])
    write_noise(mobile / "audio" / "airport-barcelona-1-87-c.wav")
    assert lines(mobile, "missing") == [
        "airport-barcelona-1-87-c.wav: in fold1_train.csv, not in meta.csv"
    ]
    assert len(load_dataset(mobile).clips) == 130


def test_the_real_size_of_an_edition_by_its_lists_alone(tmp_path, monkeypatch):
    """14,400 rows, 9,185 of them for training and 4,185 for testing, and one file."""
    monkeypatch.undo()
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    rows = tau_rows("3class", places=0)
    for part, count in (("train", 9185), ("test", 4185), ("neither", 1030)):
        for number in range(count):
            name = f"audio/park-lyon-{len(rows.meta)}-{number}-a.wav"
            rows.add(part, name, "outdoor", f"lyon-{len(rows.meta)}", "a")
    write_lists(tmp_path / "data", rows)
    (tmp_path / "data" / "audio").mkdir()
    write_noise(tmp_path / "data" / rows.names("train")[0])
    findings = check(tmp_path / "data")
    assert texts(findings, "lists") == ["9,185 train, 4,185 test, 1,030 in neither"]
    assert texts(findings, "whole")[0].startswith("no, 1 of 14,400 clips (14,399 missing)")
    assert texts(findings, "missing")[-1] == "and 14379 more like it"


@pytest.fixture
def scenes(folders, tmp_path):
    """A copy of 2022 Mobile, and the rows of its subsets by percent.

    That of 50 has two of the three training places of each scene, that of 25 their device a alone.
    """
    root = shutil.copytree(folders / "2022", tmp_path / "mobile")
    train = tau_rows("2022").parts["train"]
    place = defaultdict(set)
    for row in train:
        scene, city, location = row.split("/")[1].split("-")[:3]
        place[scene].add((int(location), f"{scene}-{city}-{location}-"))
    few = {name for each in place.values() for _, name in sorted(each)[:2]}
    kept = [row for row in train if any(name in row for name in few)]
    return root, {50: kept, 25: [row for row in kept if "-a.wav" in row], 100: train}


@pytest.mark.parametrize(
    ("percent", "place"), [(25, "evaluation_setup"), (50, "split_setup"), (100, ".")]
)
def test_of_a_subset_only_its_clips_train_and_validate(scenes, place, percent):
    root, subsets = scenes
    for each, rows in subsets.items():
        write_rows(root / place / f"split{each}.csv", LIST, rows, "\r\n")
    test = tau_rows("2022").parts["test"]
    write_rows(root / place / "test.csv", LIST, test[1:])
    dataset = load_dataset(DataSource.of(root, subset=percent))
    parts = splits_of(dataset, lambda clip: f"audio/{clip.path.name}")
    wanted = {row.partition("\t")[0] for row in subsets[percent]}
    assert parts["train"] | parts["validation"] == wanted
    assert parts["test"] == {row.partition("\t")[0] for row in test[1:]}
    assert min(map(len, parts.values())) > 0
    assert straddling(dataset.clips) == ()
    assert f"subset: {percent} %, {len(wanted)} clips of split{percent}.csv" in notes_of(dataset)
    # without the option all train, and the lists of before say which clips test
    assert len(load_dataset(root).indices("test")) == 60


def test_the_lists_of_the_subsets_suffice(scenes):
    root, subsets = scenes
    shutil.rmtree(root / "evaluation_setup")
    write_rows(root / "split25.csv", LIST, subsets[25])
    write_rows(root / "test.csv", LIST, tau_rows("2022").parts["test"])
    assert "found split25.csv - put it there, or pass --subset 25" in refusal(root)
    sizes = load_dataset(DataSource.of(root, subset=25)).describe()["splits"]
    assert sizes["train"] + sizes["validation"] == len(subsets[25])
    write_rows(root / "split100.csv", LIST, subsets[100])
    sizes = load_dataset(root).describe()["splits"]
    assert sizes["train"] + sizes["validation"] == 120


def test_a_subset_that_the_data_do_not_have_is_refused(folders, scenes, tmp_path):
    root, _ = scenes
    text = refusal(DataSource.of(root, subset=25))
    assert text.startswith("--subset: expected split25.csv in ")
    assert text.endswith("found none - put it there, or leave out --subset")
    write_classes(tmp_path / "classes")
    write_rows(tmp_path / "a.csv", "file,label", ["classes/dog/0.wav,dog"])
    for path in (tmp_path / "classes", tmp_path / "a.csv"):
        text = refusal(DataSource.of(path, subset=25))
        assert "--subset: expected a folder of layout tau" in text
    assert "of layout esc50" in refusal(DataSource.of(folders / "2022", subset="esc10"))


def test_the_command_takes_a_subset_and_its_json_says_the_same(scenes, run_command, monkeypatch):
    root, subsets = scenes
    count = len(subsets[25])
    write_rows(root / "split25.csv", LIST, subsets[25])
    monkeypatch.setitem(SUBSETS, 25, count)
    code, out, _ = run_command("data", "check", str(root), "--subset", "25", "--json")
    findings = json.loads(out)
    assert code == 0
    assert findings == [f.to_dict() for f in check(DataSource.of(root, subset=25))]
    said = [f["text"] for f in findings if f["subject"] in ("lists", "whole")]
    assert said == [f"{count} train, 60 test, {240 - count} in neither", "yes, all 300 clips"]


def write_esc50(root):
    """Write two clips of three classes of ESC-50 in each of five folds; ESC-10 has two."""
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for (target, name), fold, n in product(enumerate(("dog", "rain", "wind")), range(1, 6), "AB"):
        source = 1000 * target + 10 * fold + ord(n)
        file = f"{fold}-{source}-{n}-{target}.wav"
        rows.append(f"{file},{fold},{target},{name},{name != 'wind'},{source},{n}")
        write_clip(root / "audio" / file, 0.05)
    (root / "meta").mkdir()
    (root / "meta" / "esc50.csv").write_text("\r\n".join(rows))
    return rows


def test_esc50_is_whole_or_not_and_holds_esc10(tmp_path, monkeypatch):
    monkeypatch.setitem(EDITIONS, "esc50", replace(EDITIONS["esc50"], clips=30))
    rows = write_esc50(tmp_path)
    assert lines(tmp_path, "data set") == ["ESC-50"]
    assert lines(tmp_path, "whole") == ["yes, all 30 clips"]
    subset = load_dataset(DataSource.of(tmp_path, subset="esc10"))
    assert subset.classes == ("dog", "rain")
    assert Counter(clip.fold for clip in subset.clips) == dict.fromkeys(range(1, 6), 4)
    gone = rows[1].partition(",")[0]
    (tmp_path / "audio" / gone).unlink()
    assert lines(tmp_path, "missing") == [f"{gone}: no such file"]
    assert lines(tmp_path, "whole")[0].startswith("no, 29 of 30 clips (1 missing)")
    assert len(load_dataset(tmp_path).clips) == 29
    leak = rows[2].split(",")[5]  # a recording of the first fold also in the second
    (tmp_path / "meta" / "esc50.csv").write_text(
        "\n".join([*rows[:3], rows[3].replace(rows[3].split(",")[5], leak), *rows[4:]])
    )
    assert lines(tmp_path, "leak") == [f"{leak}: in more than one part"]


def test_old_esc10_is_recognised_by_its_classes(tmp_path):
    for (index, name), fold in product(enumerate(("Dog bark", "Rain")), range(1, 6)):
        write_clip(tmp_path / f"00{index + 1} - {name}" / f"{fold}-{1000 * index + fold}-A.ogg")
    assert lines(tmp_path, "data set") == ["ESC-10"]
    assert lines(tmp_path, "whole")[0].startswith("no, 10 of 400 clips (390 not in the table)")


def test_three_classes_have_the_ten_scenes_of_the_names_in_them(folders, tmp_path):
    dataset = load_dataset(folders / "3class")
    assert dataset.classes == ("indoor", "outdoor", "transportation")
    assert dict(dataset.class_map) == CLASSES
    scenes = dataset.with_fine_labels
    assert scenes.classes == dataset.fine_classes == tuple(sorted(CLASSES))
    assert [scenes.classes[clip.label] for clip in scenes.clips] == [
        clip.path.name.split("-")[0] for clip in dataset.clips
    ]
    # each of the ten has one of its three places for training in the validation part
    validating = Counter(scenes.clips[i].label for i in scenes.indices("validation"))
    assert validating == dict.fromkeys(range(10), 1)
    assert "labels of two kinds, 10 finer classes: indoor is airport, metro_sta" in notes_of(
        dataset
    )
    assert lines(folders / "3class", "finer class park") == ["2 train, 1 validation, 1 test"]
    columns, rows = clip_table(DataSource.of(folders / "3class"))
    path = tmp_path / "meta.csv"
    write_rows(path, ",".join(columns), [",".join(row) for row in rows])
    assert load_dataset(path).clips == dataset.clips
    one = load_dataset(DataSource.of(folders / "3class", columns="fine="))
    assert one.class_map == load_dataset(folders / "mobile_v2").class_map == ()
    with pytest.raises(ValueError, match="two kinds"):
        _ = one.with_fine_labels


def write_groups(root, wrong=""):
    """Write a table of five kinds of sound in two groups; `wrong` is its last row."""
    groups = {"dog": "alive", "cow": "alive", "hen": "alive", "rain": "not", "wind": "not"}
    rows = [f"{name}{n}.wav,{groups[name]},{name}" for name, n in product(groups, range(5))]
    if wrong:
        rows[-1] = wrong
    for row in rows:
        write_clip(root / row.partition(",")[0], 0.05)
    write_rows(root / "meta.csv", "filename,group3,category", rows)
    return DataSource.of(root, columns="label=group3,fine=category")


def test_a_table_can_have_labels_of_two_kinds(tmp_path):
    dataset = load_dataset(write_groups(tmp_path))
    assert dataset.classes == ("alive", "not")
    assert dataset.fine_classes == ("cow", "dog", "hen", "rain", "wind")
    counts = Counter((clip.fine, clip.split) for clip in dataset.clips)
    assert counts == {
        (fine, split): count
        for fine, (split, count) in product(
            range(5), {"train": 3, "validation": 1, "test": 1}.items()
        )
    }
    for folds in cross_validation(dataset)[0]:
        assert folds.class_map == dataset.class_map
        assert all(clip.fine is not None for clip in folds.clips)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("wind4.wav,alive,wind", "found wind in not (wind0.wav) and alive (wind4.wav) - correct"),
        ("wind4.wav,not,", "wind4.wav: expected a finer class, as other clips have, found none"),
    ],
)
def test_a_finer_class_that_is_in_two_classes_or_missing_is_refused(row, words, tmp_path):
    source = write_groups(tmp_path, row)
    assert words in refusal(source)
    assert refusal(source).endswith("read none with --columns fine=")
    assert load_dataset(DataSource.of(tmp_path, columns="label=group3,fine=")).class_map == ()


def test_a_finer_class_of_few_recordings_does_not_tear_recordings_apart(tmp_path):
    """The hens are of two recordings, too few for three splits."""
    source = write_groups(tmp_path)
    rows = (tmp_path / "meta.csv").read_text().splitlines()
    names = [row.partition(".")[0] for row in rows[1:]]
    groups = [f"hen{int(n[-1]) % 2}" if n.startswith("hen") else n for n in names]
    rows = [rows[0] + ",recording", *(f"{r},{g}" for r, g in zip(rows[1:], groups, strict=True))]
    (tmp_path / "meta.csv").write_text("\n".join(rows))
    dataset = load_dataset(source)
    assert straddling(dataset.clips) == ()
    assert len(dataset.fine_classes) == 5
