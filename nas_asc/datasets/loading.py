"""From a folder to a data set (layout, splits, what the files hold), and what is wrong with it."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TypeVar

from nas_asc.datasets.bandwidth import Band, mixed_bands, unreached_rates
from nas_asc.datasets.columns import ROLES, Entry
from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.decoding import AudioFile, check_file, check_files, unreadable
from nas_asc.datasets.grouping import group_clips
from nas_asc.datasets.lengths import clip_length_s, fitting_length_s, length_note, windows_of
from nas_asc.datasets.reading import Reading, read_source
from nas_asc.datasets.splits import SPLITS, check_classes, lacking, split, straddling
from nas_asc.errors import DatasetError, NasAscError, printable, utf8_path
from nas_asc.study import DataSource
from nas_asc.units import number_of

T = TypeVar("T")

SYNTHETIC_MARK = "synthetic.json"
_HEADERS = 10  # that are read to see about how long clips are
_SHOWN = 20  # of faults of one kind


@dataclass(frozen=True)
class Finding:
    """One line about a data set; `level` is "fact", "note" (what will be done) or "error"."""

    level: str
    subject: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return the finding as plain values for JSON."""
        return asdict(self)


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
    source = _source(source)
    reading = read_source(source)
    return _split_clips(source, reading, _checked(reading, cache), split_seed)[0]


def load_as_split(source: DataSource, *, cache: Path | None = None) -> Dataset:
    """Read a data set to be judged as a whole or by splits that it has: none is drawn.

    Clips that the data put into no split are in "". Otherwise as `load_dataset`; classes need not
    be in every split.

    Raises:
        DatasetError: a clip cannot be decoded, or there is none.
        ConfigError: an option of the source is not valid.
    """
    reading = read_source(source)
    return _split_clips(source, reading, _checked(reading, cache), None)[0]


def _checked(reading: Reading, cache: Path | None = None) -> dict[Path, AudioFile]:
    """Check the files of clips; what is found, by path."""
    paths = [entry.path for entry in reading.entries]
    return dict(zip(paths, check_files(reading.root, paths, cache), strict=True))


def _split_clips(
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
                Clip(e.path, number_of_class[e.label], e.split or "", e.group, e.device, e.fold),
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


def check(source: DataSource | Path | str) -> list[Finding]:
    """Check every clip of a data set; never raises for what is wrong with the data.

    A data set can be used as it is when no finding is an error.
    """
    try:
        source = _source(source)
        reading = read_source(source)
    except NasAscError as error:
        return [Finding("error", "folder", str(error))]
    files = _checked(reading)
    good = [(path, file) for path, file in files.items() if not file.fault]
    bad = [(path, file.fault) for path, file in files.items() if file.fault]
    level = "note" if source.skip_bad else "error"
    unread = [f"{printable(path)}: cannot be read, found {fault}" for path, fault in bad]
    silent = [f"{printable(p)}: silent throughout" for p, file in good if file.peak == 0]
    findings = [
        _fact("layout", reading.layout),
        _fact("clips", str(len(files))),
        *_audio([file for _, file in good]),
        *_first("clip", unread, level),
        *_first("clip", silent, "note"),
        *_first("copy", _copies(good), "note"),
    ]
    bands = {path: (file.sample_rate_hz, file.highest_hz) for path, file in good}
    findings += [Finding("note", "bandwidth", line) for line in unreached_rates([*bands.values()])]
    try:
        skipping = source.model_copy(update={"skip_bad": True})
        dataset = _split_clips(skipping, reading, files)[0]
        return findings + _splits(dataset) + _bandwidths(dataset, bands)
    except NasAscError as error:
        notes = [Finding("note", "data", note) for note in reading.notes]
        return [*findings, *notes, Finding("error", "splits", str(error))]


def clip_table(source: DataSource, split_seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Return what was understood of every clip as a table that is read back to the same data set.

    Returns the names of the columns, and a row for each clip.

    Raises:
        DatasetError: as of `load_dataset`, or a name of a file is not UTF-8.
        ConfigError: as of `load_dataset`.
    """
    reading = read_source(source)
    entries = _split_clips(source, reading, _checked(reading), split_seed)[1]
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
        rows.append([*facts, fold, *(held.get(name, "") for name in more)])
    columns = ["file", "label", "split", "group", "device", "fold"]
    kept = [n for n in range(len(columns)) if n < 4 or any(row[n] for row in rows)]
    kept += range(len(columns), len(columns) + len(more))
    return [[*columns, *more][n] for n in kept], [[row[n] for n in kept] for row in rows]


def _source(source: DataSource | Path | str) -> DataSource:
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
    return [f"mixed {what}: {_counts(counts, unit, 4)}"] if len(counts) > 1 else []


def _counts(counts: Counter[int], unit: str, most: int | None = None) -> str:
    return ", ".join(f"{count} x {value} {unit}" for value, count in counts.most_common(most))


def _fact(subject: str, text: str) -> Finding:
    return Finding("fact", subject, text)


def _first(subject: str, texts: list[str], level: str = "error") -> list[Finding]:
    """Keep the first findings of a kind, and count the others."""
    more = len(texts) - _SHOWN
    findings = [Finding(level, subject, text) for text in texts[:_SHOWN]]
    return findings + ([Finding(level, subject, f"and {more} more like it")] if more > 0 else [])


def _audio(good: Sequence[AudioFile]) -> list[Finding]:
    """List which rates, channel counts and lengths there are."""
    if not good:
        return []
    lengths = [file.duration_s for file in good]
    return [
        _fact("sample rates", _counts(Counter(file.sample_rate_hz for file in good), "Hz")),
        _fact("channels", _counts(Counter(file.channels for file in good), "channels")),
        _fact(
            "durations",
            f"{min(lengths):.2f} to {max(lengths):.2f} s, "
            f"median {statistics.median(lengths):.2f} s, {sum(lengths) / 60:.1f} min in all",
        ),
    ]


def _splits(dataset: Dataset) -> list[Finding]:
    """List how the clips of every class and device are split, and what was decided."""
    files, unseen_devices = dataset.files, dataset.unseen_devices
    of_class: defaultdict[int, Counter[str]] = defaultdict(Counter)
    of_device: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for clip in files:
        of_class[clip.label][clip.split] += 1
        of_device[clip.device][clip.split] += 1

    def per_split(subject: str, counts: Counter[str], remark: str = "") -> Finding:
        return _fact(subject, ", ".join(f"{counts[name]} {name}" for name in SPLITS) + remark)

    findings = [
        per_split(f"class {name}", of_class[label]) for label, name in enumerate(dataset.classes)
    ]
    for device in dataset.devices:
        unseen = " (unseen in training)" if device in unseen_devices else ""
        findings.append(per_split(f"device {device}", of_device[device], unseen))
    findings.append(per_split("splits", Counter(clip.split for clip in files)))
    counts = Counter(clip.label for clip in files)
    (most, largest), (least, smallest) = counts.most_common(1)[0], counts.most_common()[-1]
    findings.append(
        _fact(
            "spread",
            f"{largest} clips of {dataset.classes[most]}, {smallest} of {dataset.classes[least]}: "
            f"{largest / smallest:.1f} to 1, {dataset.imbalance:.1f} to 1 in training",
        )
    )
    return findings + [Finding("note", "data", note) for note in dataset.notes]


def _bandwidths(dataset: Dataset, bands: Mapping[Path, Band]) -> list[Finding]:
    """Name the splits and devices whose clips reach further, or less far, than training's."""
    parts: defaultdict[str, list[Band]] = defaultdict(list)
    for clip in sorted(dataset.files, key=lambda clip: SPLITS.index(clip.split)):
        parts[clip.split].append(bands[clip.path])
        if clip.device is not None:
            parts[f"device {clip.device}"].append(bands[clip.path])
    return [Finding("note", "bandwidth", line) for line in mixed_bands(parts)]


def _repeated(entries: Sequence[Entry], of_path: Mapping[Path, AudioFile]) -> list[str]:
    """Say so where clips hold the same audio, which tells nothing new, or too much in a test."""
    alike = _of_same_audio((entry, of_path[entry.path]) for entry in entries)
    repeated = [(entry, original) for original, *others in alike for entry in others]
    if not repeated:
        return []
    across = sum(entry.split != original.split for entry, original in repeated)
    return [
        f"the audio of {number_of(len(repeated), 'clip')} is that of others, of {across} in "
        f"another split (such as {printable(min(e.path for e, _ in repeated))}): better remove them"
    ]


def _copies(good: Sequence[tuple[Path, AudioFile]]) -> list[str]:
    """Find files of the same content, which may put one recording into two splits."""
    return [
        f"{printable(paths[0])}: the same audio as {', '.join(map(printable, paths[1:]))}"
        for paths in _of_same_audio(good)
        if len(paths) > 1
    ]


def _of_same_audio(pairs: Iterable[tuple[T, AudioFile]]) -> Collection[list[T]]:
    """Return what has the same audio together; silences, which are alike, are left out."""
    alike: defaultdict[str, list[T]] = defaultdict(list)
    for each, file in pairs:
        if file.peak > 0:
            alike[file.digest].append(each)
    return alike.values()
