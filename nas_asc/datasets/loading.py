"""From a folder to a data set: layout, splits, what the files hold, clip length."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from nas_asc.datasets.dataset import SPLITS, Clip, Dataset, split, straddling
from nas_asc.datasets.decoding import AudioFile, check_file, unreadable
from nas_asc.datasets.fingerprints import check_files
from nas_asc.datasets.folder import Folder, walk
from nas_asc.datasets.layouts import LAYOUTS, Entry, Listing
from nas_asc.errors import DatasetError

SYNTHETIC_MARK = "synthetic.json"
_SHORTEST_S = 0.05  # about one spectrum
_HEADERS = 10  # that are read to see about how long clips are


def load_dataset(
    root: Path,
    clip_s: float | None = None,
    skip_bad: bool = False,
    *,
    decode: bool = True,
    cache: Path | None = None,
) -> Dataset:
    """Read a data set folder, whichever of the known layouts it has.

    Every clip is decoded once, to see that it can be; what was found is remembered in the cache.

    Args:
        root: the folder.
        clip_s: the length to pad or cut every clip to, in seconds; None takes the data's median.
        skip_bad: leave out clips that cannot be decoded, instead of refusing the data set.
        decode: whether to decode the clips; else their headers alone are judged.
        cache: the cache folder; None takes $NAS_ASC_CACHE or the user's.

    Raises:
        DatasetError: no data set of at least two classes with clips in every split, or a clip that
            cannot be decoded; names the file.
    """
    if clip_s is not None and not _SHORTEST_S <= clip_s < float("inf"):
        raise DatasetError(
            f"clip length: expected {_SHORTEST_S:g} seconds or more, found {clip_s:g} - change it"
        )
    folder = walk(root.absolute())
    name, listing = list_clips(folder)
    entries, splitting = split(listing.entries)
    paths = [entry.path for entry in entries]
    pairs = list(zip(entries, check_files(folder.root, paths, cache, decode), strict=True))
    kept, skipped = drop_undecodable(pairs, skip_bad)
    classes = check_classes(folder.root, [entry for entry, _ in kept], skipped)
    label_of = {label: index for index, label in enumerate(classes)}
    lengths = [file.duration_s for _, file in kept]
    length = clip_s or max(0.1, round(statistics.median(lengths), 1))
    rates = Counter(file.sample_rate_hz for _, file in kept)
    channels = Counter(file.channels for _, file in kept)
    synthetic = _synthetic_name(folder.root)
    return Dataset(
        name=synthetic or folder.root.resolve().name,
        root=folder.root,
        classes=classes,
        clips=tuple(
            Clip(
                path=entry.path,
                label=label_of[entry.label],
                split=entry.split or "",
                group=entry.group,
                device=entry.device,
                fold=entry.fold,
            )
            for entry, _ in kept
        ),
        clip_s=length,
        synthetic=synthetic is not None,
        sample_rate_hz=rates.most_common(1)[0][0],
        channels=channels.most_common(1)[0][0],
        notes=(
            f"layout: {name} ({LAYOUTS[name].pattern})",
            splitting,
            f"recordings are grouped by {listing.grouping}",
            *_leaks(entries),
            _length_note(length, lengths, "as asked" if clip_s else "the median of the clips"),
            *listing.notes,
            *folder.notes,
            *_mixed("sample rates", "Hz", rates),
            *_mixed("channel counts", "channels", channels),
        ),
        skipped=tuple(entry.path for entry in skipped),
    )


def outline(root: Path, clip_s: float | None = None) -> tuple[int, float]:
    """Return the number of classes of a folder and its clip length, from a few headers alone.

    Args:
        root: the folder.
        clip_s: the length that clips are brought to; None takes the median of a few.

    Raises:
        DatasetError: no layout matches, or the one that does contradicts itself.
    """
    folder = walk(root.absolute())
    entries = list_clips(folder)[1].entries
    classes = len({entry.label for entry in entries})
    if clip_s is not None:
        return classes, clip_s
    some = entries[:: max(1, len(entries) // _HEADERS)]
    files = [check_file(entry.path, decode=False) for entry in some]
    lengths = [file.duration_s for file in files if file.decodable]
    return classes, max(0.1, round(statistics.median(lengths or [1.0]), 1))


def list_clips(folder: Folder) -> tuple[str, Listing]:
    """Find the layout of a folder, and read it.

    Returns:
        The name of the layout and what it lists.

    Raises:
        DatasetError: no layout matches, or the one that does contradicts itself.
    """
    for name, layout in LAYOUTS.items():
        if layout.matches(folder):
            return name, layout.read(folder)
    raise DatasetError(
        f"{folder.root}: expected labels, found {len(folder.audio)} audio files without any - "
        "put one folder of clips per class into it, or a meta.csv with filename and label"
    )


def drop_undecodable(
    pairs: Sequence[tuple[Entry, AudioFile]], skip_bad: bool
) -> tuple[list[tuple[Entry, AudioFile]], list[Entry]]:
    """Part the clips that can be decoded from those that cannot.

    Raises:
        DatasetError: some cannot, and none is to be skipped.
    """
    bad = [(entry, file) for entry, file in pairs if not file.decodable]
    if bad and not skip_bad:
        raise DatasetError(unreadable(bad[0][0].path, bad[0][1].fault, len(bad) - 1))
    return [pair for pair in pairs if pair[1].decodable], [entry for entry, _ in bad]


def check_classes(
    root: Path, entries: Sequence[Entry], skipped: Sequence[Entry] = ()
) -> tuple[str, ...]:
    """Give the classes, sorted, once there are two of them with clips in every split.

    Raises:
        DatasetError: too few classes, a class with one recording, or one absent from a split.
    """
    counts: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for entry in entries:
        counts[entry.label][entry.split] += 1
    for entry in skipped:
        counts[entry.label][entry.split] += 0
    if len(counts) < 2:
        found = f"{len(counts)} ({', '.join(counts)})" if counts else "none"
        raise DatasetError(
            f"{root}: expected at least two classes, found {found} - "
            "give the folder that holds the class folders or the table"
        )
    for label, in_split in sorted(counts.items()):
        if all(in_split[name] for name in SPLITS):
            continue
        clips = in_split.total()
        groups = len({entry.group for entry in entries if entry.label == label})
        absent = " and ".join(name for name in SPLITS if not in_split[name])
        if groups < len(SPLITS):
            few = f"{_plural(clips, 'clip')} of {_plural(groups, 'recording')}"
            found = few if groups != clips else _plural(clips, "clip")
            raise DatasetError(
                f"{root}: expected at least three recordings of class {label!r} "
                f"(train, validation, test), found {found} - add clips or remove the class"
            )
        raise DatasetError(
            f"{root}: expected clips of class {label!r} in every split, "
            f"found {_plural(clips, 'clip')} and none for {absent} - add some or change the split"
        )
    return tuple(sorted(counts))


def _synthetic_name(root: Path) -> str | None:
    """Give the name that the writer of synthetic scenes left in a folder, or None."""
    mark = root / SYNTHETIC_MARK
    if not mark.is_file():
        return None
    try:
        seed = int(json.loads(mark.read_text(encoding="utf-8"))["seed"])
    except (ValueError, KeyError, TypeError):
        return "synthetic"
    return f"synthetic-scenes-{seed}" if seed else "synthetic-scenes"


def _leaks(entries: Sequence[Entry]) -> tuple[str, ...]:
    groups = straddling(entries)
    if not groups:
        return ()
    return (f"{len(groups)} recording groups lie in more than one split (such as {groups[0]})",)


def _length_note(clip_s: float, lengths: Sequence[float], reason: str) -> str:
    slack_s = 0.05
    padded = sum(length < clip_s - slack_s for length in lengths)
    cut = sum(length > clip_s + slack_s for length in lengths)
    return f"clip length: {clip_s:g} s, {reason}; {padded} shorter are padded, {cut} longer are cut"


def _mixed(what: str, unit: str, counts: Counter[int]) -> tuple[str, ...]:
    if len(counts) < 2:
        return ()
    found = ", ".join(f"{count} x {value} {unit}" for value, count in counts.most_common(4))
    return (f"mixed {what}: {found}",)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
