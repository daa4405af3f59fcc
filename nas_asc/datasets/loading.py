"""From a folder to a data set (layout, splits, what the files hold), and what is wrong with it."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nas_asc.datasets.bandwidth import Band, mixed_bands, unreached_rates
from nas_asc.datasets.dataset import SPLITS, Clip, Dataset, check_classes, split, straddling
from nas_asc.datasets.decoding import AudioFile, check_file, check_files, unreadable
from nas_asc.datasets.folder import walk
from nas_asc.datasets.layouts import LAYOUTS, list_clips
from nas_asc.datasets.lengths import clip_length_s, fitting_length_s, length_note, windows_of
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

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
    folder (None: $NAS_ASC_CACHE or the user's). `split_seed` is of splits that have to be drawn.

    DatasetError where a clip cannot be decoded, whose file is named, or there are no two classes
    with clips in every split.
    """
    source = _source(source)
    skip_bad = source.skip_bad
    folder = walk(Path(source.paths[0]).absolute())
    name, listing = list_clips(folder)
    entries, splitting = split(listing.entries)
    files = check_files(folder.root, [entry.path for entry in entries], cache)
    kept = [(entry, file) for entry, file in zip(entries, files, strict=True) if not file.fault]
    bad = [(entry, file) for entry, file in zip(entries, files, strict=True) if file.fault]
    if bad and not skip_bad:
        raise DatasetError(unreadable(bad[0][0].path, bad[0][1].fault, len(bad) - 1))
    skipped = [entry for entry, _ in bad]
    classes = check_classes(folder.root, [entry for entry, _ in kept], skipped)
    lengths = [file.duration_s for _, file in kept]
    length = clip_length_s(source, lengths)
    rates = Counter(file.sample_rate_hz for _, file in kept)
    channels = Counter(file.channels for _, file in kept)
    synthetic = _synthetic_name(folder.root)
    leaking = straddling(entries)
    leaks = f"{len(leaking)} recording groups lie in more than one split"
    return Dataset(
        name=synthetic or folder.root.resolve().name,
        root=folder.root,
        classes=classes,
        clips=tuple(
            window
            for e, file in kept
            for window in windows_of(
                Clip(e.path, classes.index(e.label), e.split or "", e.group, e.device, e.fold),
                file.duration_s,
                source,
            )
        ),
        clip_s=length,
        synthetic=synthetic is not None,
        sample_rate_hz=rates.most_common(1)[0][0],
        channels=channels.most_common(1)[0][0],
        notes=(
            f"layout: {name} ({LAYOUTS[name].pattern})",
            splitting,
            f"recordings are grouped by {listing.grouping}",
            *(f"{leaks} (such as {group})" for group in leaking[:1]),
            length_note(source, length, lengths),
            *listing.notes,
            *folder.notes,
            *_mixed("sample rates", "Hz", rates),
            *_mixed("channel counts", "channels", channels),
        ),
        skipped=tuple(entry.path for entry in skipped),
        highest_hz=statistics.median_low([file.highest_hz for _, file in kept]),
        align=source.align,
        source=source,
        split_seed=split_seed,
    )


def outline(source: DataSource) -> tuple[int, float]:
    """Return the number of classes of a data set, and its clip length by a few clips.

    A few headers are read at most. DatasetError where no layout matches the folder.
    """
    entries = list_clips(walk(Path(source.paths[0]).absolute()))[1].entries
    classes = len({entry.label for entry in entries})
    if source.clip_s or source.window_s:
        return classes, clip_length_s(source, [])
    some = entries[:: max(1, len(entries) // _HEADERS)]
    files = [check_file(entry.path, decode=False) for entry in some]
    return classes, fitting_length_s([f.duration_s for f in files if not f.fault] or [1.0])


def check(source: DataSource | Path | str) -> list[Finding]:
    """Check every clip of a data set; never raises for what is wrong with the data.

    A data set can be used as it is when no finding is an error.
    """
    source = _source(source)
    try:
        folder = walk(Path(source.paths[0]).absolute())
        layout, listing = list_clips(folder)
    except DatasetError as error:
        return [Finding("error", "folder", str(error))]
    paths = [entry.path for entry in listing.entries]
    pairs = list(zip(paths, check_files(folder.root, paths), strict=True))
    good = [(path, file) for path, file in pairs if not file.fault]
    unread = [f"{path}: cannot be read, found {f.fault}" for path, f in pairs if f.fault]
    findings = [
        _fact("layout", layout),
        _fact("clips", str(len(pairs))),
        *_audio([file for _, file in good]),
        *_first("clip", unread),
        *_first("clip", [f"{p}: {fault}" for p, file in good if (fault := _content_fault(file))]),
        *_first("copy", _copies(good)),
    ]
    bands = {path: (file.sample_rate_hz, file.highest_hz) for path, file in good}
    findings += [Finding("note", "bandwidth", line) for line in unreached_rates([*bands.values()])]
    try:
        dataset = load_dataset(source.model_copy(update={"skip_bad": True}))
        return findings + _splits(dataset) + _bandwidths(dataset, bands)
    except DatasetError as error:
        notes = [Finding("note", "data", note) for note in folder.notes]
        return [*findings, *notes, Finding("error", "splits", str(error))]


def _source(source: DataSource | Path | str) -> DataSource:
    return source if isinstance(source, DataSource) else DataSource.of(source)


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


def _first(subject: str, errors: list[str]) -> list[Finding]:
    """Keep the first errors of a kind, and count the others."""
    more = len(errors) - _SHOWN
    findings = [Finding("error", subject, error) for error in errors[:_SHOWN]]
    return findings + ([Finding("error", "clip", f"and {more} more like it")] if more > 0 else [])


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

    def per_split(subject: str, clips: list[Clip], remark: str = "") -> Finding:
        counts = Counter(clip.split for clip in clips)
        return _fact(subject, ", ".join(f"{counts[name]} {name}" for name in SPLITS) + remark)

    findings = [
        per_split(f"class {name}", [clip for clip in dataset.files if clip.label == label])
        for label, name in enumerate(dataset.classes)
    ]
    for device in dataset.devices:
        unseen = " (unseen in training)" if device in dataset.unseen_devices else ""
        clips = [clip for clip in dataset.files if clip.device == device]
        findings.append(per_split(f"device {device}", clips, unseen))
    findings.append(per_split("splits", list(dataset.files)))
    return findings + [Finding("note", "data", note) for note in dataset.notes]


def _bandwidths(dataset: Dataset, bands: Mapping[Path, Band]) -> list[Finding]:
    """Name the splits and devices whose clips reach further, or less far, than training's."""
    parts: defaultdict[str, list[Band]] = defaultdict(list)
    for clip in sorted(dataset.files, key=lambda clip: SPLITS.index(clip.split)):
        parts[clip.split].append(bands[clip.path])
        if clip.device is not None:
            parts[f"device {clip.device}"].append(bands[clip.path])
    return [Finding("note", "bandwidth", line) for line in mixed_bands(parts)]


def _content_fault(file: AudioFile) -> str:
    return "silent throughout" if file.peak == 0 else ""


def _copies(good: Sequence[tuple[Path, AudioFile]]) -> list[str]:
    """Find files of the same content, which may put one recording into two splits."""
    alike: defaultdict[str, list[Path]] = defaultdict(list)
    for path, file in good:
        alike[file.digest].append(path)
    return [
        f"{paths[0]}: the same audio as {', '.join(map(str, paths[1:]))}"
        for paths in alike.values()
        if len(paths) > 1
    ]
