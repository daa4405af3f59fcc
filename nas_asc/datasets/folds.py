"""Cross-validation: a data set split again and again, so that every clip tests once.

Conventions: folds are numbered from 0 in the order of the data's own numbers. Fold k tests, the one
before it (of the first, the last) validates and the others train; so the last of five gives the
split of the search.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nas_asc.datasets.columns import Entry
from nas_asc.datasets.dataset import Dataset
from nas_asc.datasets.splits import share_out

_DRAWN, _FEWEST = 5, 3  # folds


def cross_validation(dataset: Dataset) -> tuple[tuple[Dataset, ...], str]:
    """Return a data set once for each fold, split by it, and what its folds are, in words.

    Folds are the data's own where they have three, every clip is in one, and every class has clips
    to train on whichever fold tests; else five are drawn by recording, as splits are.
    """
    fold_of = {clip.path: clip.fold for clip in dataset.files if clip.fold is not None}
    words = f"the {len(set(fold_of.values()))} folds of the data"
    if len(fold_of) < len(dataset.files) or not _can_train(dataset, fold_of):
        fold_of, words = _drawn(dataset)
    return tuple(_split(dataset, fold_of, held) for held in _held(fold_of)), words


def _held(fold_of: Mapping[Path, int]) -> list[dict[int, str]]:
    """Return the splits of the folds that do not train, for each fold that tests."""
    folds = sorted(set(fold_of.values()))
    return [
        {fold: "test", folds[number - 1]: "validation"}  # the last validates for the first
        for number, fold in enumerate(folds)
    ]


def _split(dataset: Dataset, fold_of: Mapping[Path, int], held: Mapping[int, str]) -> Dataset:
    clips = (replace(c, split=held.get(fold_of[c.path], "train")) for c in dataset.clips)
    return replace(dataset, clips=tuple(clips))


def _can_train(dataset: Dataset, fold_of: Mapping[Path, int]) -> bool:
    """Return whether every class is in a fold that trains, whichever fold tests."""
    folds_of: defaultdict[int, set[int]] = defaultdict(set)
    for clip in dataset.files:
        folds_of[clip.label].add(fold_of[clip.path])
    enough = len(set(fold_of.values())) >= _FEWEST
    return enough and all(
        folds - held.keys() for folds in folds_of.values() for held in _held(fold_of)
    )


def _drawn(dataset: Dataset) -> tuple[dict[Path, int], str]:
    """Draw folds; classes with fewer recordings than folds are not in all of them."""
    entries = [
        Entry(
            clip.path,
            dataset.classes[clip.label],
            clip.group,
            device=clip.device,
            fine="" if clip.fine is None else dataset.fine_classes[clip.fine],
        )
        for clip in dataset.files
    ]
    shares = {str(fold): 1 / _DRAWN for fold in range(_DRAWN)}
    shared, how, notes = share_out(entries, shares, dataset.root, dataset.split_seed)
    fold_of = {entry.path: int(entry.split or 0) for entry in shared}
    words = f"{len(set(fold_of.values()))} folds drawn by recording group {how}"
    return fold_of, "; ".join((words, *notes))
