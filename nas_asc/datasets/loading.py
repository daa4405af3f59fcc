"""From a folder to a data set: layout, splits, what the files hold."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TypeVar

from nas_asc.datasets.columns import ROLES, Entry
from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.decoding import AudioFile, check_file, check_files, unreadable
from nas_asc.datasets.grouping import group_clips
from nas_asc.datasets.lengths import clip_length_s, fitting_length_s, length_note, windows_of
from nas_asc.datasets.official import edition_of
from nas_asc.datasets.reading import Reading, read_source
from nas_asc.datasets.splits import check_classes, lacking, split, straddling
from nas_asc.errors import DatasetError, printable, utf8_path
from nas_asc.study import DataSource
from nas_asc.units import number_of

T = TypeVar("T")

SYNTHETIC_MARK = "synthetic.json"
_HEADERS = 10  # that are read to see about how long clips are


def load_dataset(
    source: DataSource | Path | str, split_seed: int = 0, *, cache: Path | None = None
) -> Dataset:
    """Read a data set, whichever of the known layouts it has; a path is that of its one folder.

    Every clip is decoded once, to see that it can be; what was found is remembered in the cache
    folder (None: $NAS_ASC_CACHE or the user's). Clips that are left out are so before the others
    are split. `split_seed` is of splits that have to be drawn.

    Raises:
        DatasetError: a clip cannot be decoded, whose file is named, or there are no two classes
            with clips in every split.
        ConfigError: an option of the source is not valid.
    """
    source = source_of(source)
    reading = read_source(source)
    return split_clips(source, reading, _checked(reading, cache), split_seed)[0]


def load_as_split(source: DataSource, *, cache: Path | None = None) -> Dataset:
    """Read a data set to be judged as a whole or by splits that it has: none is drawn.

    Clips that the data put into no split are in "". Otherwise as `load_dataset`; classes need not
    be in every split.

    Raises:
        DatasetError: a clip cannot be decoded, or there is none.
        ConfigError: an option of the source is not valid.
    """
    reading = read_source(source)
    return split_clips(source, reading, _checked(reading, cache), None)[0]


def _checked(reading: Reading, cache: Path | None = None) -> dict[Path, AudioFile]:
    """Check the files of clips; what is found, by path."""
    paths = [entry.path for entry in reading.entries]
    return dict(zip(paths, check_files(reading.root, paths, cache), strict=True))


def split_clips(
    source: DataSource,
    reading: Reading,
    of_path: Mapping[Path, AudioFile],
    split_seed: int | None = 0,
) -> tuple[Dataset, tuple[Entry, ...]]:
    """Group and split the clips that a source names; also return what is known of each.

    `of_path` is what the files hold. Without a seed clips stay in the splits that the data say.

    Raises:
        DatasetError: as of `load_dataset`.
        ConfigError: likewise.
    """
    root, entries, notes = reading.root, reading.entries, list(reading.notes)
    bad = [entry for entry in entries if of_path[entry.path].fault]
    if bad and not source.skip_bad:
        first = bad[0].path
        raise DatasetError(unreadable(first, of_path[first].fault, len(bad) - 1))
    kept = [entry for entry in entries if not of_path[entry.path].fault]
    kept, labels, few = _without_small(kept, reading.labels, source.min_clips)
    grouped, grouping = _grouped(kept, root, source)
    splitting: tuple[str, ...] = ("splits: as the data say",)
    if split_seed is None:
        done = grouped
        classes = tuple(sorted(labels))
        if not done:
            raise DatasetError(f"{root}: expected clips that can be read, found none - add some")
    else:
        done, splitting = split(grouped, root, source, split_seed)
        if source.min_clips is not None and (absent := set(lacking(done, labels))):
            names = ", ".join(sorted(absent))
            few.append(f"classes that are not in every split are left out: {names}")
            done = tuple(entry for entry in done if entry.label not in absent)
            labels = labels - absent
        classes = check_classes(root, done, labels)
    number_of_class = {name: number for number, name in enumerate(classes)}
    class_map = _class_map(root, done)
    number_of_fine = {name: number for number, (name, _) in enumerate(class_map)}
    kept_files = [of_path[entry.path] for entry in done]
    lengths = [file.duration_s for file in kept_files]
    length = clip_length_s(source, lengths)
    rates = Counter(file.sample_rate_hz for file in kept_files)
    channels = Counter(file.channels for file in kept_files)
    synthetic = _synthetic_name(root)
    # What was split by single clips is told by itself.
    leaking = straddling(done)
    leaks = f"{len(leaking)} recording groups lie in more than one split"
    silent = [entry.path for entry in done if of_path[entry.path].peak == 0]
    dataset = Dataset(
        name=synthetic or _name(source),
        root=root,
        classes=classes,
        clips=tuple(
            window
            for e in done
            for window in windows_of(
                Clip(
                    *(e.path, number_of_class[e.label], e.split or "", e.group, e.device, e.fold),
                    city=e.city,
                    fine=number_of_fine.get(e.fine),
                ),
                of_path[e.path].duration_s,
                source,
            )
        ),
        clip_s=length,
        synthetic=synthetic is not None,
        sample_rate_hz=rates.most_common(1)[0][0],
        channels=channels.most_common(1)[0][0],
        notes=(
            *notes[:1],
            *splitting,
            f"recordings are grouped by {grouping}",
            *(f"{leaks} (such as {group})" for group in leaking[:1]),
            *few,
            *_fine_note(class_map),
            length_note(source, length, lengths),
            *notes[1:],
            *_repeated(done, of_path),
            *(f"{len(silent)} clips are silent (such as {printable(p)})" for p in silent[:1]),
            *_mixed("sample rates", "Hz", rates),
            *_mixed("channel counts", "channels", channels),
        ),
        skipped=tuple(entry.path for entry in bad),
        highest_hz=statistics.median_low([f.highest_hz for f in kept_files if f.peak] or [inf]),
        align=source.align,
        source=source,
        split_seed=split_seed or 0,
        edition=edition_of(reading.inventories) if len(reading.layouts) == 1 else None,
        class_map=class_map,
    )
    return dataset, done


def outline(source: DataSource) -> tuple[int, float, int | None]:
    """Return the number of classes of a data set, and clip length and lowest rate of a few clips.

    A few headers are read; where none can be, there is no rate.

    Raises:
        DatasetError: a path has no known layout.
        ConfigError: an option of the source is not valid.
    """
    reading = read_source(source)
    entries, labels, _ = _without_small(list(reading.entries), reading.labels, source.min_clips)
    some = entries[:: max(1, len(entries) // _HEADERS)]
    files = [check_file(entry.path, decode=False) for entry in some]
    good = [file for file in files if not file.fault]
    if source.clip_s or source.window_s:
        length_s = clip_length_s(source, [])
    else:
        length_s = fitting_length_s([file.duration_s for file in good] or [1.0])
    return len(labels), length_s, min((file.sample_rate_hz for file in good), default=None)


def clip_table(source: DataSource, split_seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Return what was understood of every clip as a table that is read back to the same data set.

    Returns the names of the columns, and a row for each clip.

    Raises:
        DatasetError: as of `load_dataset`, or a name of a file is not UTF-8.
        ConfigError: as of `load_dataset`.
    """
    reading = read_source(source)
    entries = split_clips(source, reading, _checked(reading), split_seed)[1]
    fields = {name: None for entry in entries for name, _ in entry.fields}
    # A column of files by another name would be read before ours.
    taken = {*ROLES, *ROLES["file"]}
    more = [name for name in fields if name.lower() not in taken]
    rows = []
    for entry in entries:
        if printable(entry.path) != str(entry.path):
            raise DatasetError(
                f"{printable(entry.path)}: expected a name in UTF-8, which a table can hold, found "
                "other bytes - rename the file or its folder"
            )
        fold = "" if entry.fold is None else str(entry.fold)
        held = dict(entry.fields)
        facts = [str(entry.path), entry.label, entry.split or "", entry.group, entry.device or ""]
        facts += [fold, entry.city or "", entry.fine]
        rows.append([*facts, *(held.get(name, "") for name in more)])
    columns = ["file", "label", "split", "group", "device", "fold", "city", "fine"]
    kept = [n for n in range(len(columns)) if n < 4 or any(row[n] for row in rows)]
    kept += range(len(columns), len(columns) + len(more))
    return [[*columns, *more][n] for n in kept], [[row[n] for n in kept] for row in rows]


def source_of(source: DataSource | Path | str) -> DataSource:
    """Return a source as it is, or that of a path."""
    return source if isinstance(source, DataSource) else DataSource.of(utf8_path(source))


def _name(source: DataSource) -> str:
    """Return the name of a data set: those of its folders, and of what its tables lie in."""
    paths = [Path(path).resolve() for path in source.paths]
    names = [path.name if path.is_dir() else path.stem for path in paths]
    return printable(" + ".join(dict.fromkeys(names)))


def _without_small(
    entries: list[Entry], labels: frozenset[str], min_clips: int | None
) -> tuple[list[Entry], frozenset[str], list[str]]:
    """Leave out the classes with fewer clips than asked; also return what is said of them."""
    counts = Counter(entry.label for entry in entries)
    few = {label for label in labels if counts[label] < (min_clips or 0)}
    if not few:
        return entries, labels, []
    named = ", ".join(f"{label} ({counts[label]})" for label in sorted(few))
    left = [entry for entry in entries if entry.label not in few]
    return left, labels - few, [f"classes of fewer than {min_clips} clips are left out: {named}"]


def _class_map(root: Path, entries: Sequence[Entry]) -> tuple[tuple[str, str], ...]:
    """Return the finer classes, sorted, each with the class that it lies in; none without such.

    Raises:
        DatasetError: a clip has none where others have one, or one of them lies in two classes.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        first = found.setdefault(entry.fine, entry)
        if entry.fine and entry.label != first.label:
            raise DatasetError(
                f"{printable(root)}: expected every finer class in one class, found {entry.fine} "
                f"in {first.label} ({printable(first.path.name)}) and {entry.label} "
                f"({printable(entry.path.name)}) - correct one, or read none with --columns fine="
            )
    if "" in found and len(found) > 1:
        raise DatasetError(
            f"{printable(found[''].path)}: expected a finer class, as other clips have, found none "
            "- fill it in, or read none with --columns fine="
        )
    return tuple((name, found[name].label) for name in sorted(found) if name)


def _fine_note(class_map: Sequence[tuple[str, str]]) -> list[str]:
    """Say which finer classes lie in which class, if there are such."""
    inside: defaultdict[str, list[str]] = defaultdict(list)
    for name, label in class_map:
        inside[label].append(name)
    told = (f"{label} is {', '.join(names)}" for label, names in sorted(inside.items()))
    what = number_of(len(class_map), "finer class")
    return [f"labels of two kinds, {what}: {'; '.join(told)}"] if class_map else []


def _grouped(
    entries: Sequence[Entry], root: Path, source: DataSource
) -> tuple[tuple[Entry, ...], str]:
    """Set the recordings of all clips, source by source, in the order of the clips."""
    found: dict[Path, Entry] = {}
    words = []
    for number in range(len(source.paths)):
        part = [entry for entry in entries if entry.source == number]
        if part:
            grouped, how = group_clips(part, root, source.group)
            found.update((entry.path, entry) for entry in grouped)
            words.append(how)
    return tuple(found[entry.path] for entry in entries), "; ".join(dict.fromkeys(words))


def _synthetic_name(root: Path) -> str | None:
    """Return the name that the writer of synthetic scenes left in a folder, or None."""
    mark = root / SYNTHETIC_MARK
    if not mark.is_file():
        return None
    try:
        seed = int(json.loads(mark.read_text(encoding="utf-8"))["seed"])
    except (ValueError, KeyError, TypeError):
        return "synthetic"
    return f"synthetic-scenes-{seed}" if seed else "synthetic-scenes"


def _mixed(what: str, unit: str, counts: Counter[int]) -> list[str]:
    return [f"mixed {what}: {counts_text(counts, unit, 4)}"] if len(counts) > 1 else []


def counts_text(counts: Counter[int], unit: str, most: int | None = None) -> str:
    """Write how many there are of each value: "10 x 8000 Hz, 2 x 16000 Hz"."""
    return ", ".join(f"{count} x {value} {unit}" for value, count in counts.most_common(most))


def _repeated(entries: Sequence[Entry], of_path: Mapping[Path, AudioFile]) -> list[str]:
    """Say so where clips hold the same audio, which tells nothing new, or too much in a test."""
    alike = same_audio((entry, of_path[entry.path]) for entry in entries)
    repeated = [(entry, original) for original, *others in alike for entry in others]
    if not repeated:
        return []
    across = sum(entry.split != original.split for entry, original in repeated)
    return [
        f"the audio of {number_of(len(repeated), 'clip')} is that of others, of {across} in "
        f"another split (such as {printable(min(e.path for e, _ in repeated))}): better remove them"
    ]


def same_audio(pairs: Iterable[tuple[T, AudioFile]]) -> Collection[list[T]]:
    """Return what has the same audio together; silences, which are alike, are left out."""
    alike: defaultdict[str, list[T]] = defaultdict(list)
    for each, file in pairs:
        if file.peak > 0:
            alike[file.digest].append(each)
    return alike.values()
