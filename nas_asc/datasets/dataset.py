"""The clips of a data set, their classes and their splits, as values.

Conventions: a split is "train", "validation" or "test"; a group names a recording (or its place),
and no group is meant to lie in two splits; clips are in the order of their paths, and every array
made from a data set keeps that order.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from nas_asc.datasets.folder import Entry
from nas_asc.errors import DatasetError
from nas_asc.files import digest
from nas_asc.study import DataSource

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@dataclass(frozen=True)
class Clip:
    """One labelled recording, or a window of one.

    Attributes:
        label: index into the classes of its data set.
        start_s: where in the file the clip begins.
    """

    path: Path
    label: int
    split: str
    group: str
    device: str | None
    fold: int | None
    start_s: float = 0.0


@dataclass(frozen=True)
class Dataset:
    """Labelled clips, ready to use.

    Attributes:
        root: the folder that holds all files.
        highest_hz: what at least half of the clips hold energy up to; infinity where not known.
        align: where a clip shorter than `clip_s` lies in it, at the "start" or in the "center".
        source: what the data set was read from, and how; `split_seed` is that of drawn splits.
    """

    name: str
    root: Path
    classes: tuple[str, ...]  # sorted
    clips: tuple[Clip, ...]
    clip_s: float  # every clip is padded or cut to that
    synthetic: bool  # made by this program; the name then begins "synthetic"
    sample_rate_hz: int  # of most clips
    channels: int  # of most clips
    notes: tuple[str, ...]  # what was decided on the way, one sentence each
    skipped: tuple[Path, ...]  # left out because they cannot be decoded
    highest_hz: float = inf
    align: str = "start"
    source: DataSource = field(default_factory=DataSource)
    split_seed: int = 0

    def indices(self, split: str) -> tuple[int, ...]:
        """Return the positions in `clips` of one split."""
        if split not in SPLITS:
            raise ValueError(f"expected one of {', '.join(SPLITS)}, got {split!r}")
        return tuple(index for index, clip in enumerate(self.clips) if clip.split == split)

    def with_validation(self, most: int | None) -> "Dataset":
        """Return the data set with the validation clips of at most so many files, spread evenly."""
        validation = [self.clips[index] for index in self.indices("validation")]
        files = list(dict.fromkeys(clip.path for clip in validation))
        if most is None or len(files) <= most:
            return self
        kept = {files[number * len(files) // most] for number in range(most)}
        clips = tuple(c for c in self.clips if c.split != "validation" or c.path in kept)
        return replace(self, clips=clips)

    @property
    def imbalance(self) -> float:
        """The training clips of the largest class by those of the smallest."""
        counts = Counter(clip.label for clip in self.clips if clip.split == "train").values()
        return max(counts) / min(counts)

    @property
    def hop_s(self) -> float | None:
        """From the start of one window of a file to that of the next; None without windows."""
        return None if self.source.window_s is None else self.source.hop_s or self.source.window_s

    @property
    def windowed(self) -> bool:
        """Whether `clips` are the windows of files."""
        return self.hop_s is not None

    @property
    def file_numbers(self) -> tuple[int, ...]:
        """The number of the file of each clip, from 0, in the order of `files`."""
        numbers = {clip.path: number for number, clip in enumerate(self.files)}
        return tuple(numbers[clip.path] for clip in self.clips)

    @property
    def files(self) -> tuple[Clip, ...]:
        """The clips, of windows only the first of each file."""
        return tuple({clip.path: clip for clip in reversed(self.clips)}.values())[::-1]

    @property
    def devices(self) -> tuple[str, ...]:
        """The recording devices, sorted; empty where the data do not name them."""
        return tuple(sorted({clip.device for clip in self.clips if clip.device is not None}))

    @property
    def unseen_devices(self) -> tuple[str, ...]:
        """The devices that no training clip comes from, sorted."""
        seen = {clip.device for clip in self.clips if clip.split == "train"}
        return tuple(device for device in self.devices if device not in seen)

    def describe(self) -> dict[str, object]:
        """Return the data set in numbers, ready for JSON; `clips` and `classes` are counts.

        Where clips are cut into windows, clips and splits count files, and `windows` their windows.
        """
        splits = Counter(clip.split for clip in self.files)
        return {
            "name": self.name,
            "clips": len(self.files),
            **({"windows": len(self.clips)} if self.windowed else {}),
            "classes": len(self.classes),
            "splits": {split: splits[split] for split in SPLITS},
            "clip_s": self.clip_s,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "synthetic": self.synthetic,
            "devices": list(self.devices),
            "unseen_devices": list(self.unseen_devices),
            "skipped": len(self.skipped),
        }


def split(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], str]:
    """Set the split of every entry; also return in words what decided it."""
    given = {entry.split for entry in entries}
    if None not in given:
        if "validation" in given:
            return tuple(entries), "splits: as the data say"
        train = [entry for entry in entries if entry.split == "train"]
        shared = by_group(train, {"train": 0.8, "validation": 0.2})
        held = {entry.path: entry for entry in shared}
        words = "splits: as the data say; validation is 20 % of train by group"
        return tuple(held.get(entry.path, entry) for entry in entries), words
    folds = sorted({entry.fold for entry in entries if entry.fold is not None})
    if len(folds) >= 3 and all(entry.fold is not None for entry in entries):
        of_fold = fold_splits(folds)
        words = ", ".join(f"{split} {_span(of_fold, split)}" for split in SPLITS)
        done = tuple(replace(entry, split=of_fold[entry.fold or 0]) for entry in entries)
        return done, f"splits by fold: {words}"
    return by_group(entries, SHARES), "splits: 60/20/20 by recording group within each class"


def fold_splits(folds: Sequence[int]) -> dict[int, str]:
    """Return the split of each fold: of n, sorted, n // 5 validate and the last n // 5 test."""
    held = max(1, len(folds) // 5)
    names = ["train"] * (len(folds) - 2 * held) + ["validation"] * held + ["test"] * held
    return dict(zip(folds, names, strict=True))


def by_group(entries: Sequence[Entry], shares: Mapping[str, float]) -> tuple[Entry, ...]:
    """Share out the recording groups of every class, the rarest class first.

    Each group, in the order of a hash of its name, goes to the split that lacks most of its share
    of the class; the last groups go to the splits that are still empty.
    """
    clips: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        clips[entry.label][entry.group] += 1
    split_of: dict[str, str] = {}
    for label in sorted(clips, key=lambda label: (len(clips[label]), label)):
        groups = clips[label]
        lacking = {split: share * groups.total() for split, share in shares.items()}
        empty = dict.fromkeys(shares)
        waiting = []
        for group in sorted(groups, key=digest):
            if group in split_of:
                lacking[split_of[group]] -= groups[group]
                empty.pop(split_of[group], None)
            else:
                waiting.append(group)
        for position, group in enumerate(waiting):
            pressed = len(waiting) - position <= len(empty)
            chosen = max(empty if pressed else lacking, key=lacking.__getitem__)
            split_of[group] = chosen
            lacking[chosen] -= groups[group]
            empty.pop(chosen, None)
    return tuple(replace(entry, split=split_of[entry.group]) for entry in entries)


def straddling(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the recording groups that lie in more than one split, sorted."""
    splits: defaultdict[str, set[str | None]] = defaultdict(set)
    for entry in entries:
        splits[entry.group].add(entry.split)
    return tuple(sorted(group for group, found in splits.items() if len(found) > 1))


def check_classes(
    root: Path, entries: Sequence[Entry], skipped: Sequence[Entry]
) -> tuple[str, ...]:
    """Return the classes, sorted; DatasetError if not two, each with clips in every split."""
    labels = sorted({entry.label for entry in (*entries, *skipped)})
    counts: dict[str, Counter[str | None]] = {label: Counter() for label in labels}
    for entry in entries:
        counts[entry.label][entry.split] += 1
    if len(counts) < 2:
        found = f"{len(counts)} ({', '.join(counts)})" if counts else "none"
        raise DatasetError(
            f"{root}: expected at least two classes, found {found} - "
            "give the folder that holds the class folders or the table"
        )
    for label, in_split in counts.items():
        absent = " and ".join(name for name in SPLITS if not in_split[name])
        if not absent:
            continue
        groups = len({entry.group for entry in entries if entry.label == label})
        clips = _plural(in_split.total(), "clip")
        if groups < len(SPLITS):
            recordings = f" of {_plural(groups, 'recording')}" if groups != in_split.total() else ""
            raise DatasetError(
                f"{root}: expected at least three recordings of class {label!r} (train, "
                f"validation, test), found {clips}{recordings} - add clips or remove the class"
            )
        raise DatasetError(
            f"{root}: expected clips of class {label!r} in every split, "
            f"found {clips} and none for {absent} - add some or change the split"
        )
    return tuple(labels)


def _span(of_fold: Mapping[int, str], split: str) -> str:
    folds = [fold for fold, name in of_fold.items() if name == split]
    return str(folds[0]) if len(folds) == 1 else f"{folds[0]}-{folds[-1]}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
