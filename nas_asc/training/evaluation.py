"""A saved model judged in full: by class, device and city, with intervals, and what it confuses.

Conventions: as of `results.Part`, which defines each figure. Where clips are windows, all are
figures of files, whose probabilities are the means of those of their windows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas_asc.datasets import Clip, Dataset
from nas_asc.errors import ConfigError, printable
from nas_asc.results import (
    CALIBRATION_BINS,
    FEWEST_GROUPS,
    RESAMPLES,
    Evaluation,
    Interval,
    Part,
)
from nas_asc.training.judging import (
    check_unseen,
    indices_of,
    own_data,
    predict_clips,
)
from nas_asc.training.metrics import (
    Labels,
    Probabilities,
    Score,
    clip_losses,
    file_means,
    score,
)

_PERCENTILES = 2.5, 97.5
_DRAWN = 4_000_000  # groups at a time, so that many of them need no more memory


@dataclass(frozen=True)
class Predictions:
    """What a model gives for clips, and what is known of them.

    Attributes:
        model, data, split: as of `Evaluation`.
        probabilities: (clip, class), the classes in the order of `classes`.
        labels: the true class of each clip, (clip,).
        groups: the recording of each clip.
        files: the name of each clip, relative to the folder of all, with forward slashes.
        devices, cities: of each clip, None where not known; empty where of no clip.
        training_devices: those of the clips that the model was trained on; None where not known.
        windows: figures of the windows that files are cut into.
        notes: what is to be known of figures of these clips.
    """

    classes: tuple[str, ...]
    probabilities: Probabilities
    labels: Labels
    groups: Sequence[str]
    files: Sequence[str] = ()
    devices: Sequence[str | None] = ()
    cities: Sequence[str | None] = ()
    training_devices: frozenset[str | None] | None = None
    windows: Score | None = None
    notes: tuple[str, ...] = ()
    model: str = ""
    data: str = ""
    split: str = "test"


def predict_split(
    folder: str | Path, dataset: Dataset, split: str = "test", device: str = "cpu"
) -> Predictions:
    """Compute what a saved model, `RUN/models/TRIAL`, gives for the clips of a split, or for "all".

    The data may be those of the run, split as it did, or others of the same classes. Computed on
    the `device`, "cpu" or "cuda".

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: the data set has other classes, clips that are read otherwise, none in the
            split, or some there that the model was trained or chosen by.
        TrainingError: there is no such device.
    """
    chosen, own = indices_of(dataset, split), own_data(folder, dataset)
    if not chosen:
        found = sorted({clip.split or "no split" for clip in dataset.files})
        raise ConfigError(
            f"{printable(dataset.root)}: expected clips of the {split} split, found "
            f"{len(dataset.files)} in {' and '.join(found)} - judge every clip with --split all, "
            "or name splits in folders or a table"
        )
    check_unseen(folder, dataset, split, own)
    probabilities = predict_clips(folder, dataset, chosen, device)
    clips, windows = [dataset.clips[i] for i in chosen], None
    if dataset.windowed:
        windows = score(probabilities, np.array([clip.label for clip in clips]))
        numbers = dataset.file_numbers
        probabilities, first = file_means(probabilities, [numbers[i] for i in chosen])
        clips = [clips[i] for i in first]
    trained = [clip for clip in (own or dataset).clips if clip.split == "train"]
    return Predictions(
        classes=dataset.classes,
        probabilities=probabilities,
        labels=np.array([clip.label for clip in clips]),
        groups=[clip.group for clip in clips],
        files=[printable(clip.path.relative_to(dataset.root).as_posix()) for clip in clips],
        devices=[clip.device for clip in clips],
        cities=[clip.city for clip in clips],
        training_devices=frozenset(clip.device for clip in trained) if trained else None,
        windows=windows,
        notes=tuple(_notes(split, own, clips, dataset.classes)),
        model=printable(folder),
        data=dataset.name,
        split=split,
    )


def _notes(
    split: str, own: Dataset | None, clips: Sequence[Clip], classes: Sequence[str]
) -> Iterator[str]:
    if split == "validation":
        yield "the search chose by validation clips: on them it looks better than it is"
    if own is None:
        yield (
            "the recordings that the model was trained on are not at hand: whether it has seen "
            "these clips is not known"
        )
    if absent := [name for c, name in enumerate(classes) if all(clip.label != c for clip in clips)]:
        yield f"no clip is of {', '.join(absent)}: the means over classes leave them out"


def evaluate_in_full(
    folder: str | Path, dataset: Dataset, split: str = "test", device: str = "cpu"
) -> Evaluation:
    """Judge a saved model on the clips of a split, or on "all", part by part.

    Arguments and errors are those of `predict_split`.
    """
    return evaluate_predictions(predict_split(folder, dataset, split, device))


def evaluate_predictions(given: Predictions, seed: int = 0) -> Evaluation:
    """Compute the figures of all clips, and of each class, device, group of devices and city.

    `seed` is of the resamples that intervals come from.

    Raises:
        ValueError: there is no clip.
    """
    labels, seen = given.labels, given.training_devices
    every = np.ones(len(labels), bool)
    parts = [_part(given, "all", "", every, seed)]
    for c, name in enumerate(given.classes):
        if (labels == c).any():
            parts.append(_part(given, "class", name, labels == c, seed))
    devices = np.array([device or "" for device in given.devices])
    for name in _names(given.devices):
        is_seen = None if seen is None else name in seen
        parts.append(_part(given, "device", name, devices == name, seed, is_seen))
    new = [name for name in _names(given.devices) if seen is not None and name not in seen]
    if new:
        unseen = np.isin(devices, new)
        of_group = {"seen": ~unseen & (devices != ""), "unseen": unseen}
        for name, chosen in of_group.items():
            if chosen.any():
                parts.append(_part(given, "devices", name, chosen, seed, name == "seen"))
    cities = np.array([city or "" for city in given.cities])
    parts += [_part(given, "city", name, cities == name, seed) for name in _names(given.cities)]
    windows = given.windows
    return Evaluation(
        given.model,
        given.data,
        given.split,
        given.classes,
        tuple(parts),
        confusion_matrix(given.probabilities, labels),
        given.notes,
        windows.clips if windows else None,
        windows.accuracy if windows else None,
        windows.log_loss if windows else None,
    )


def _names(each: Sequence[str | None]) -> list[str]:
    return sorted({name for name in each if name})


def _part(
    given: Predictions,
    kind: str,
    name: str,
    chosen: NDArray[np.bool_],
    seed: int,
    seen: bool | None = None,
) -> Part:
    probabilities, labels = given.probabilities[chosen], given.labels[chosen]
    groups = np.asarray(given.groups)[chosen]
    total, losses = score(probabilities, labels), clip_losses(probabilities, labels)
    right = probabilities.argmax(axis=1) == labels
    found = bootstrap_intervals(right, losses, labels, groups, seed)
    return Part(
        kind,
        name,
        total.clips,
        len(np.unique(groups)),
        total.accuracy,
        total.log_loss,
        float(np.mean([losses[labels == c].mean() for c in np.unique(labels)])),
        None if kind == "class" else calibration_error(probabilities, labels),
        found[0] if found else None,
        found[1] if found else None,
        seen,
    )


def confusion_matrix(probabilities: Probabilities, labels: Labels) -> tuple[tuple[int, ...], ...]:
    """Count clips by true class, then by predicted class, of probabilities, (clip, class)."""
    n_classes = probabilities.shape[1]
    cells = labels * n_classes + probabilities.argmax(axis=1)
    counts = np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
    return tuple(tuple(row) for row in counts.tolist())


def calibration_error(
    probabilities: Probabilities, labels: Labels, bins: int = CALIBRATION_BINS
) -> float:
    """Compute the expected calibration error of class probabilities, (clip, class).

    As Guo et al. 2017 (arXiv 1706.04599): the confidence of a clip is its largest probability; bin
    m of M holds confidences in ((m - 1) / M, m / M]; of each bin |share of right clips - mean
    confidence|, weighted by its share of the clips.
    """
    confidences = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.digitize(confidences, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = np.bincount(bin_of, weights=right - confidences)
    return float(np.abs(gaps).sum() / len(labels))


def bootstrap_intervals(
    right: NDArray[np.bool_],
    losses: NDArray[np.float64],
    labels: Labels,
    groups: Sequence[str] | NDArray[np.str_],
    seed: int = 0,
) -> tuple[Interval, Interval] | None:
    """Compute 95 % intervals of macro accuracy and mean loss by resampling groups of clips.

    Clips of one recording place are alike, so it is groups that are drawn with replacement, as many
    as there are (the cluster bootstrap of Davison and Hinkley 1997, 3.8), 1000 times; the ends are
    percentiles. A class that a resample has no clip of is left out of its mean. Arguments are of
    each clip, (clip,).

    Returns:
        The intervals, or None with fewer than five groups, which say too little of others.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < FEWEST_GROUPS:
        return None
    _, class_of = np.unique(labels, return_inverse=True)

    def sums(values: NDArray[np.generic] | float) -> NDArray[np.float64]:
        by_class = np.zeros((len(names), class_of.max() + 1))
        np.add.at(by_class, (group_of, class_of), values)
        return by_class

    clips, hits, lost = sums(1.0), sums(right.astype(float)), sums(losses).sum(axis=1)
    generator = np.random.default_rng(seed)
    accuracies, means = [], []
    at_a_time = max(1, _DRAWN // len(names))
    for start in range(0, RESAMPLES, at_a_time):
        number = min(at_a_time, RESAMPLES - start)
        drawn = generator.integers(len(names), size=(number, len(names)))
        places = drawn + len(names) * np.arange(number)[:, None]
        times = np.bincount(places.ravel(), minlength=number * len(names)).reshape(number, -1)
        of_class = times @ clips
        shares = np.divide(
            times @ hits, of_class, np.full_like(of_class, np.nan), where=of_class > 0
        )
        accuracies.append(np.nanmean(shares, axis=1))
        means.append(times @ lost / of_class.sum(axis=1))
    return _interval(np.concatenate(accuracies)), _interval(np.concatenate(means))


def _interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, _PERCENTILES)
    return Interval(float(low), float(high))
