"""Which clips train, validate and test.

Clips are split as --validation and --test say, else as the data say, else by folds, else 60/20/20
by recording. A recording lies in one split while every class can be in all of them that way; what
cannot be split by recordings is split by single clips, and that is said.
"""

import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nas_asc.datasets.columns import Entry
from nas_asc.datasets.grouping import fields_named, file_group
from nas_asc.errors import ConfigError, DatasetError, nearest, printable
from nas_asc.files import digest
from nas_asc.study import DataSource
from nas_asc.units import number_of

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}

_FOLDS, _DRAWS = 5, 100  # of recordings that several classes share
_DRAWN_CLIPS = 1_000_000  # of all draws; many clips are drawn less often
_SHOWN = 5

Notes = tuple[str, ...]


def split(
    entries: Sequence[Entry], root: Path = Path(), source: DataSource | None = None, seed: int = 0
) -> tuple[tuple[Entry, ...], Notes]:
    """Set the split of every entry; also return in words what decided it.

    Raises:
        ConfigError: --validation or --test name what there is not.
    """
    asked = _asked(entries, source) if source else {}
    if asked:
        return _split_as_asked(entries, asked, root, seed)
    given = {entry.split for entry in entries}
    if None not in given and given != {"train"}:
        return _complete(entries, root, seed, "splits: as the data say")
    folds = sorted({entry.fold for entry in entries if entry.fold is not None})
    if len(folds) >= 3 and all(entry.fold is not None for entry in entries):
        of_fold = fold_splits(folds)
        words = ", ".join(f"{split} {_span(of_fold, split)}" for split in SPLITS)
        done = tuple(replace(entry, split=of_fold[entry.fold or 0]) for entry in entries)
        return done, (f"splits by fold: {words}",)
    shared, how, notes = share_out(entries, SHARES, root, seed)
    if folds:
        without = sum(entry.fold is None for entry in entries)
        why = f"{number_of(without, 'clip')} without one" if without else "fewer than three"
        use = "--test fold:N" if len(folds) < 3 else "--validation fold:N and --test fold:N"
        notes += (f"folds of the data are not used ({why}), unless with {use}",)
    if len(given) > 1:
        without = sum(entry.split is None for entry in entries)
        notes += (
            f"splits that the data give are not used ({number_of(without, 'clip')} without one)",
        )
    return shared, (f"splits: 60/20/20 by recording group {how}", *notes)


def fold_splits(folds: Sequence[int]) -> dict[int, str]:
    """Return the split of each fold: of n, sorted, n // 5 validate and the last n // 5 test."""
    held = max(1, len(folds) // 5)
    names = ["train"] * (len(folds) - 2 * held) + ["validation"] * held + ["test"] * held
    return dict(zip(folds, names, strict=True))


def share_out(
    entries: Sequence[Entry], shares: Mapping[str, float], root: Path, seed: int
) -> tuple[tuple[Entry, ...], str, Notes]:
    """Share out recordings, with every class in every split where that can be.

    Classes are the finer ones where each of them has as many recordings as there are splits. Those
    with fewer, and those that no draw brings everywhere, are shared out by single clips. Also
    returns what the recordings lie in, and notes on such classes.
    """
    recordings: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        recordings[entry.finest].add(entry.group)
    if min(map(len, recordings.values())) < len(shares) and any(entry.fine for entry in entries):
        coarse = share_out([replace(entry, fine="") for entry in entries], shares, root, seed)
        pairs = zip(coarse[0], entries, strict=True)
        return tuple(replace(done, fine=entry.fine) for done, entry in pairs), *coarse[1:]
    few = {label for label, groups in recordings.items() if len(groups) < len(shares)}
    left = [entry for entry in entries if entry.finest not in few]
    shared = Counter(group for label in recordings.keys() - few for group in recordings[label])
    across = bool(shared) and max(shared.values()) > 1
    draws = min(_DRAWS, max(10, _DRAWN_CLIPS // max(1, len(left))))
    drawn, absent = _draw(left, shares, seed, draws) if across else ({}, set())
    single = few | absent
    pieces = [
        replace(entry, group=file_group(entry, root)) if entry.finest in single else entry
        for entry in entries
    ]
    by_clip = [entry for entry in pieces if entry.finest in single] if across else pieces
    done = {entry.path: entry.split for entry in by_group(by_clip, shares)}
    result = tuple(
        replace(entry, split=done.get(entry.path) or drawn[entry.group]) for entry in pieces
    )
    notes = []
    for labels, why in (
        (few, f"fewer than {len(shares)} recordings"),
        (absent, f"recordings that no draw of {draws} brings into every split"),
    ):
        # Where there are as many recordings as clips, nothing was given up.
        before = [e for e in entries if e.finest in labels and e.group != file_group(e, root)]
        if before:
            names = sorted({entry.finest for entry in before})
            clips = f"{number_of(len(before), 'clip')}"
            notes.append(
                f"{number_of(len(names), 'class')} with {why} ({_some(names)}): {clips} split one "
                "by one, so that some recordings lie in several splits"
            )
    return result, "across classes" if across else "within each class", tuple(notes)


def by_group(entries: Sequence[Entry], shares: Mapping[str, float]) -> tuple[Entry, ...]:
    """Share out the recording groups of every class, the rarest class first.

    Each group, in the order of a hash of its name, goes to the split that lacks most of its share
    of the class; the last groups go to the splits that are still empty.
    """
    clips: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        clips[entry.finest][entry.group] += 1
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


def check_classes(root: Path, entries: Sequence[Entry], labels: Iterable[str]) -> tuple[str, ...]:
    """Return the classes, sorted; `labels` are all that the data have, also of unusable clips.

    Raises:
        DatasetError: there are no two classes, each with clips in every split.
    """
    where = printable(root)
    counts: dict[str, Counter[str | None]] = {label: Counter() for label in sorted(labels)}
    for entry in entries:
        counts[entry.label][entry.split] += 1
    if len(counts) < 2:
        found = f"{len(counts)} ({', '.join(counts)})" if counts else "none"
        raise DatasetError(
            f"{where}: expected at least two classes, found {found} - "
            "give the folder that holds the class folders or the table"
        )
    poor = lacking(entries, counts)
    if not poor:
        return tuple(counts)
    label, in_split = poor[0], counts[poor[0]]
    absent = " and ".join(name for name in SPLITS if not in_split[name])
    more = f" (also {_some(poor[1:])})" if len(poor) > 1 else ""
    clips = number_of(in_split.total(), "clip")
    if in_split.total() < len(SPLITS):
        do = "leave out classes of fewer than 3 with --min-clips 3"
        if sum(found.total() >= len(SPLITS) for found in counts.values()) < 2:
            do = (
                "cut long recordings: ffmpeg -i LONG.wav -f segment -segment_time 60 -c copy "
                "PART%03d.wav"
            )
        raise DatasetError(
            f"{where}: expected at least three recordings of class {label!r} (train, "
            f"validation, test), found {clips}{more} - add clips, or {do}"
        )
    if len(counts) - len(poor) < 2:
        do = "name the clips for it with --validation and --test, or change the split of the data"
    else:
        do = "add some, or leave out classes that are not in every split with --min-clips 1"
    raise DatasetError(
        f"{where}: expected clips of class {label!r} in every split, "
        f"found {clips} and none for {absent}{more} - {do}"
    )


def lacking(entries: Sequence[Entry], labels: Iterable[str]) -> list[str]:
    """Return the classes that are not in every split, sorted."""
    return sorted(_absent(labels, SPLITS, {(entry.label, entry.split) for entry in entries}))


def _absent(
    labels: Iterable[str], splits: Iterable[str], found: Collection[tuple[str, str | None]]
) -> set[str]:
    """Return the classes that are not in every split, by the pairs that were found."""
    wanted = tuple(splits)
    return {label for label in labels if any((label, split) not in found for split in wanted)}


def straddling(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the recording groups that lie in more than one split, sorted."""
    splits: defaultdict[str, set[str | None]] = defaultdict(set)
    for entry in entries:
        splits[entry.group].add(entry.split)
    return tuple(sorted(group for group, found in splits.items() if len(found) > 1))


def _draw(
    entries: Sequence[Entry], shares: Mapping[str, float], seed: int, draws: int
) -> tuple[dict[str, str], set[str]]:
    """Draw the splits of recordings that several classes share.

    Returns the split of each recording, and the classes that are not in every split; the draw with
    fewest of those is taken, the first without any at once.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array([entry.finest for entry in entries])
    groups = np.array([entry.group for entry in entries])
    most = max(Counter(labels.tolist()).values())
    folds = max(len(shares), min(_FOLDS, len(set(groups.tolist())), most))
    splits = [*shares, *["train"] * (folds - len(shares))]
    best: tuple[dict[str, str], set[str]] = {}, set(labels.tolist())
    for number in range(draws):
        random_state = int(digest(f"{seed} {number}", 8), 16)
        # The splitter puts the recordings of rare classes into its first folds.
        named = random.Random(random_state).sample(splits, folds)
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=random_state)
        split_of: dict[str, str] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes with fewer clips than folds
            for name, (_, inside) in zip(
                named, splitter.split(labels, labels, groups), strict=True
            ):
                split_of.update(dict.fromkeys(groups[inside].tolist(), name))
        found = {(entry.finest, split_of[entry.group]) for entry in entries}
        absent = _absent({entry.finest for entry in entries}, shares, found)
        if not absent:
            return split_of, absent
        if len(absent) < len(best[1]) or not best[0]:
            best = split_of, absent
    return best


def _complete(
    entries: Sequence[Entry], root: Path, seed: int, words: str
) -> tuple[tuple[Entry, ...], Notes]:
    """Take what the data lack of validation and test from the clips for training."""
    given = {entry.split for entry in entries}
    absent = [split for split in ("validation", "test") if split not in given]
    if not absent or "train" not in given:
        return tuple(entries), (words,)
    train = [entry for entry in entries if entry.split == "train"]
    shares = {"train": 1 - 0.2 * len(absent), **dict.fromkeys(absent, 0.2)}
    shared, how, notes = share_out(train, shares, root, seed)
    held = {entry.path: entry for entry in shared}
    done = tuple(held.get(entry.path, entry) for entry in entries)
    what = " and ".join(absent)
    return done, (f"{words}; {what} is 20 % of train by group {how}", *notes)


def _asked(entries: Sequence[Entry], source: DataSource) -> dict[str, tuple[str, set[Path]]]:
    """Return the clips that --validation and --test name, with the options' words."""
    asked: dict[str, tuple[str, set[Path]]] = {}
    for option, text in (("validation", source.validation), ("test", source.test)):
        if text is None:
            continue
        name, colon, listed = text.partition(":")
        values = [value.strip() for value in listed.split(",")]
        if not (name and colon and all(values)):
            raise ConfigError(f"--{option}: expected FIELD:VALUE[,VALUE], got {text!r}")
        held = fields_named(entries, name, option)
        known = sorted({*held} - {""})
        for value in values:
            if value not in known:
                raise ConfigError(
                    f"--{option}: expected a {name} of the data, got {value!r}; found "
                    f"{_some(known, 20)}{nearest(value, known)}"
                )
        paths = {e.path for e, value in zip(entries, held, strict=True) if value in values}
        asked[option] = text, paths
    if len(asked) == 2 and (both := asked["validation"][1] & asked["test"][1]):
        raise ConfigError(
            "--validation, --test: expected different clips, got "
            f"{number_of(len(both), 'clip')} in both ({asked['validation'][0]}, "
            f"{asked['test'][0]}) - change one"
        )
    return asked


def _split_as_asked(
    entries: Sequence[Entry], asked: Mapping[str, tuple[str, set[Path]]], root: Path, seed: int
) -> tuple[tuple[Entry, ...], Notes]:
    """Put the clips that are asked for into their split, and the others where they belong."""
    split_of = {path: name for name, (_, paths) in asked.items() for path in paths}
    words = ", ".join(
        f"{name} is {text} ({number_of(len(paths), 'clip')})"
        for name, (text, paths) in asked.items()
    )
    overruled = any(entry.split or entry.fold is not None for entry in entries)
    if len(asked) == 2:
        done = tuple(replace(e, split=split_of.get(e.path, "train")) for e in entries)
        say = "; the splits or folds of the data are not used" if overruled else ""
        return done, (f"splits: {words}; every other clip trains{say}",)
    ((name, _),) = asked.items()
    other = "test" if name == "validation" else "validation"
    rest = [
        replace(e, split=None if e.split == name else e.split)
        for e in entries
        if e.path not in split_of
    ]
    folds = sorted({entry.fold for entry in rest if entry.fold is not None})
    notes: Notes = ()
    if any(entry.split == other for entry in rest):
        shared = tuple(replace(entry, split=entry.split or "train") for entry in rest)
        how = f"{other} as the data say, every other clip trains"
    elif len(folds) >= 2 and all(entry.fold is not None for entry in rest):
        held = set(folds[-max(1, len(folds) // 5) :])
        shared = tuple(replace(e, split=other if e.fold in held else "train") for e in rest)
        how = f"{other} is fold {', '.join(map(str, sorted(held)))} of the others"
    else:
        shared, across, notes = share_out(rest, {"train": 0.8, other: 0.2}, root, seed)
        how = f"{other} is 20 % of the others by group {across}"
    done_rest = {entry.path: entry for entry in shared}
    done = tuple(
        done_rest[e.path] if e.path in done_rest else replace(e, split=name) for e in entries
    )
    say = f" (before what the data say of {name})" if overruled else ""
    return done, (f"splits: {words}{say}; {how}", *notes)


def _span(of_fold: Mapping[int, str], split: str) -> str:
    folds = [fold for fold, name in of_fold.items() if name == split]
    return str(folds[0]) if len(folds) == 1 else f"{folds[0]}-{folds[-1]}"


def _some(names: Sequence[str], most: int = _SHOWN) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
