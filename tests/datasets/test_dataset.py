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
