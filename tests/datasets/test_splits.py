"""Splitting by recording group, on made-up lists of clips."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_asc.datasets.columns import Entry
from nas_asc.datasets.splits import SHARES, by_group, fold_splits, split, straddling

# For each class the number of clips of each of its recordings.
CLASSES = st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=20), min_size=2, max_size=5)


def entries_of(classes):
    return [
        Entry(Path(f"{label}/{group}/{clip}.wav"), f"class {label}", f"{label}-{group}")
        for label, sizes in enumerate(classes)
        for group, size in enumerate(sizes)
        for clip in range(size)
    ]


@settings(deadline=None)
@given(CLASSES, st.randoms(use_true_random=False))
def test_groups_stay_whole_and_every_class_is_everywhere(classes, rng):
    entries = entries_of(classes)
    done = by_group(entries, SHARES)
    assert straddling(done) == ()
    assert {(e.label, e.split) for e in done} == set(product({e.label for e in entries}, SHARES))
    mixed = list(entries)
    rng.shuffle(mixed)
    assert set(by_group(mixed, SHARES)) == set(done)


@settings(deadline=None)
@given(st.integers(5, 300))
def test_single_clips_are_shared_out_within_one_clip_of_their_shares(clips):
    done = by_group(entries_of([[1] * clips]), SHARES)
    counts = Counter(entry.split for entry in done)
    for name, share in SHARES.items():
        assert abs(counts[name] - share * clips) <= 1


def test_a_group_of_several_classes_stays_in_one_split():
    speakers = [
        Entry(Path(f"{word}/{speaker}.wav"), word, f"speaker {speaker}")
        for word, speaker in product(("no", "yes", "stop"), range(30))
    ]
    assert straddling(by_group(speakers, SHARES)) == ()


@pytest.mark.parametrize(
    ("folds", "expected"),
    [
        ((1, 2, 3, 4, 5), "train train train validation test"),
        ((1, 2, 3), "train validation test"),
        ((0, 1, 2, 3), "train train validation test"),
        (tuple(range(1, 11)), "train " * 6 + "validation validation test test"),
    ],
)
def test_the_last_folds_are_held_out(folds, expected):
    assert list(fold_splits(folds).values()) == expected.split()


def test_a_split_of_the_data_wins_over_folds():
    entries = [
        Entry(Path(f"{name}{fold}.wav"), "class", f"{name}{fold}", split=name, fold=fold)
        for name, fold in product(SHARES, range(1, 6))
    ]
    assert split(entries) == (tuple(entries), ("splits: as the data say",))


def test_validation_is_taken_from_train_where_the_data_have_none():
    entries = [
        Entry(Path(f"{name}{place}-{clip}.wav"), "class", f"{name}{place}", split=name)
        for name, place, clip in product(("train", "test"), range(10), range(3))
    ]
    done, _ = split(entries)
    assert Counter(entry.split for entry in done) == {"train": 24, "validation": 6, "test": 30}
    assert straddling(done) == ()


def kits(counts, classes=("kick", "ride", "snare")):
    """Return hits of drum kits; `counts` are those of each kit for each class."""
    return [
        Entry(Path(f"{kit}/{label}/{n}.wav"), label, f"kit {kit}")
        for kit, row in enumerate(counts)
        for label, count in zip(classes, row, strict=True)
        for n in range(count)
    ]


def test_recordings_across_classes_stay_whole_with_every_class_everywhere():
    entries = kits([(4, 4, 4), (6, 0, 3), (2, 5, 0), (0, 4, 5), (3, 3, 3), (5, 1, 1), (1, 6, 2)])
    done, notes = split(entries)
    assert straddling(done) == ()
    assert {(e.label, e.split) for e in done} == set(product(("kick", "ride", "snare"), SHARES))
    assert notes == ("splits: 60/20/20 by recording group across classes",)
    assert split(list(entries)) == (done, notes)
    drawn = {tuple(e.split for e in split(entries, seed=seed)[0]) for seed in range(8)}
    assert len(drawn) > 1


def test_a_class_of_few_recordings_is_split_by_single_clips_and_told():
    entries = kits([(4, 4, 0), (4, 4, 0), (4, 4, 4), (4, 4, 5), (4, 4, 0)])
    done, (_, note) = split(entries)
    assert {(e.label, e.split) for e in done} == set(product(("kick", "ride", "snare"), SHARES))
    assert note.startswith("1 class with fewer than 3 recordings (snare): 9 clips split one by one")
    others = [entry for entry in done if entry.label != "snare"]
    assert straddling(others) == ()


def test_a_rare_class_of_few_recordings_still_keeps_them_whole():
    entries = kits([(3, 3, 3)] * 3 + [(3, 0, 3)] * 6)
    done, notes = split(entries)
    assert straddling(done) == ()
    assert len(notes) == 1
    assert {(e.label, e.split) for e in done} == set(product(("kick", "ride", "snare"), SHARES))


def test_recordings_that_are_in_the_way_of_all_are_given_up():
    # Each class has three kits, and two classes share each pair: no kit can be spared.
    pairs = [(1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (0, 1, 1, 0), (0, 1, 0, 1), (0, 0, 1, 1)]
    entries = [
        Entry(Path(f"{kit}/{label}.wav"), f"class {label}", f"kit {kit}")
        for kit, row in enumerate(pairs)
        for label, there in enumerate(row)
        if there
    ]
    done, _ = split(entries)
    labels = {entry.label for entry in entries}
    assert {(e.label, e.split) for e in done} == set(product(labels, SHARES))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=3, max_size=8))
def test_no_grouping_blocks_a_split(counts):
    entries = kits(counts)
    clips = Counter(entry.label for entry in entries)
    done, _ = split(entries)
    found = {(entry.label, entry.split) for entry in done}
    for label, count in clips.items():
        assert len([split for split in SHARES if (label, split) in found]) == min(3, count)


def test_what_is_missing_is_taken_from_training():
    entries = [
        Entry(Path(f"{name}{n}.wav"), "class", f"{name}{n}", split=name)
        for name, n in product(("train", "validation"), range(10))
    ]
    done, (note,) = split(entries)
    assert Counter(e.split for e in done) == {"train": 8, "validation": 10, "test": 2}
    assert note.startswith("splits: as the data say; test is 20 % of train")
