"""Cross-validation: which clips train, validate and test in each of its splits."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.folds import cross_validation
from nas_asc.datasets.splits import fold_splits


def dataset_of(clips):
    labels = tuple(f"class {n}" for n in range(1 + max(clip.label for clip in clips)))
    return Dataset("made", Path("/made"), labels, tuple(clips), 1.0, False, 16000, 1, (), ())


def clips_of(classes, folds=(None,), group_of=lambda label, n: f"{label}-{n}"):
    """Clips of classes of so many each, dealt out to the folds, one recording each."""
    return [
        Clip(Path(f"/made/{label}/{n}.wav"), label, "train", group_of(label, n), None, fold)
        for label, count in enumerate(classes)
        for n in range(count)
        for fold in (folds[n % len(folds)],)
    ]


def paths(dataset, split):
    return {dataset.clips[i].path for i in dataset.indices(split)}


def test_the_folds_of_the_data_test_in_turn_and_the_one_before_validates():
    made = dataset_of(clips_of((10, 10), folds=(1, 2, 3, 4, 5)))
    datasets, words = cross_validation(made)
    assert words == "the 5 folds of the data"
    for tested, dataset in enumerate(datasets, start=1):
        assert {clip.fold for clip in dataset.clips if clip.split == "test"} == {tested}
        before = {clip.fold for clip in dataset.clips if clip.split == "validation"}
        assert before == {5 if tested == 1 else tested - 1}
        assert len(dataset.indices("train")) == 12
    of_fold = fold_splits((1, 2, 3, 4, 5))  # as a search splits them
    assert [clip.split for clip in datasets[-1].clips] == [of_fold[c.fold] for c in made.clips]


@pytest.mark.parametrize(
    "folds",
    [(None,), (1, 2), (1, None, 2, 3)],
    ids=["none", "too few", "not every clip has one"],
)
def test_without_folds_five_are_drawn_that_split_no_recording(folds):
    def group_of(label, n):
        return f"{label}-{n // 2}"

    made = dataset_of(clips_of((20, 24, 12), folds, group_of))
    datasets, words = cross_validation(made)
    assert words == "5 folds drawn by recording group within each class"
    tested = Counter(path for dataset in datasets for path in paths(dataset, "test"))
    assert tested == {clip.path: 1 for clip in made.clips}
    for before, dataset in pairwise((datasets[-1], *datasets)):
        assert paths(dataset, "validation") == paths(before, "test")
        held = [{c.group for c in dataset.clips if c.split == s} for s in ("train", "test")]
        assert not held[0] & held[1]
        assert all({clip.label for clip in part} == {0, 1, 2} for part in parts(dataset))


def parts(dataset):
    return [[clip for clip in dataset.clips if clip.split == s] for s in ("train", "test")]


def test_folds_that_leave_a_class_without_training_are_drawn_anew():
    """Class 1 is in two folds alone, of which at one time one tests and one validates."""
    made = [
        replace(clip, fold=1 + clip.fold % 2) if clip.label == 1 else clip
        for clip in clips_of((20, 20), folds=(1, 2, 3, 4))
    ]
    datasets, words = cross_validation(dataset_of(made))
    assert words.startswith("5 folds drawn")
    assert all({clip.label for clip in parts(dataset)[0]} == {0, 1} for dataset in datasets)


def test_a_class_of_three_clips_trains_in_every_fold():
    datasets, _ = cross_validation(dataset_of(clips_of((3, 40))))
    assert len(datasets) == 5
    assert all(parts(dataset)[1] for dataset in datasets)
    assert all({clip.label for clip in parts(dataset)[0]} == {0, 1} for dataset in datasets)


def test_the_windows_of_a_file_stay_together_and_in_their_order():
    files = clips_of((10, 10), folds=(1, 2, 3))
    made = dataset_of([replace(clip, start_s=s) for clip in files for s in (0.0, 1.0)])
    for dataset in cross_validation(made)[0]:
        assert [(c.path, c.start_s) for c in dataset.clips] == [
            (c.path, c.start_s) for c in made.clips
        ]
        assert not paths(dataset, "train") & (paths(dataset, "test") | paths(dataset, "validation"))
