"""What is wrong with a data set, and what it holds: one line each."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nas_asc.datasets.bandwidth import Band, mixed_bands, unreached_rates
from nas_asc.datasets.columns import Entry
from nas_asc.datasets.dataset import Dataset
from nas_asc.datasets.decoding import AudioFile, check_files
from nas_asc.datasets.loading import counts_text, same_audio, source_of, split_clips
from nas_asc.datasets.official import EDITIONS, SUBSETS, Inventory
from nas_asc.datasets.reading import read_source
from nas_asc.datasets.splits import SPLITS
from nas_asc.errors import NasAscError, printable
from nas_asc.study import DataSource

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


def check(source: DataSource | Path | str) -> list[Finding]:
    """Check every clip of a data set; never raises for what is wrong with the data.

    Of a data set whose size is published the clips that the source does not use are checked too. A
    data set can be used as it is when no finding is an error.
    """
    try:
        source = source_of(source)
        reading = read_source(source)
    except NasAscError as error:
        return [Finding("error", "folder", str(error))]
    used = [entry.path for entry in reading.entries]
    others = [path for each in reading.inventories for path in each.there]
    paths = list(dict.fromkeys((*used, *others)))
    every = dict(zip(paths, check_files(reading.root, paths), strict=True))
    files = {path: every[path] for path in used}
    good = {path: file for path, file in every.items() if not file.fault}
    level = "note" if source.skip_bad else "error"
    findings = [
        _fact("layout", reading.layout),
        *(line for each in reading.inventories for line in _official(each, every)),
        _fact("clips", str(len(files))),
        *_audio([file for path, file in good.items() if path in files]),
        *_first("clip", _unread(files), level),
        *_first("clip", _unread({p: f for p, f in every.items() if p not in files}), "note"),
        *_first("clip", [f"{printable(p)}: silent throughout" for p in _silent(good)], "note"),
        *_first("copy", _copies(good), "note"),
    ]
    bands = {p: (file.sample_rate_hz, file.highest_hz) for p, file in good.items() if p in files}
    findings += [Finding("note", "bandwidth", line) for line in unreached_rates([*bands.values()])]
    try:
        skipping = source.model_copy(update={"skip_bad": True})
        dataset = split_clips(skipping, reading, files)[0]
        return findings + _splits(dataset) + _bandwidths(dataset, bands)
    except NasAscError as error:
        findings += _official_splits(reading.entries)
        notes = [Finding("note", "data", note) for note in reading.notes]
        return [*findings, *notes, Finding("error", "splits", str(error))]


def _fact(subject: str, text: str) -> Finding:
    return Finding("fact", subject, text)


def _first(subject: str, texts: Sequence[str], level: str = "error") -> list[Finding]:
    """Keep the first findings of a kind, and count the others."""
    more = len(texts) - _SHOWN
    findings = [Finding(level, subject, text) for text in texts[:_SHOWN]]
    return findings + ([Finding(level, subject, f"and {more} more like it")] if more > 0 else [])


def _unread(files: Mapping[Path, AudioFile]) -> list[str]:
    return [
        f"{printable(path)}: cannot be read, found {file.fault}"
        for path, file in files.items()
        if file.fault
    ]


def _silent(good: Mapping[Path, AudioFile]) -> list[Path]:
    return [path for path, file in good.items() if file.peak == 0]


def _official(inventory: Inventory, files: Mapping[Path, AudioFile]) -> list[Finding]:
    """Say which data set it is, what of it is missing or leaks, and whether it is whole."""
    edition = EDITIONS.get(inventory.edition or "")
    findings = [_fact("data set", edition.name if edition else "of no known edition")]
    if (listed := inventory.listed) is not None:
        train, test = listed["train"], listed["test"]
        neither = inventory.named - train - test
        findings.append(_fact("lists", f"{train:,} train, {test:,} test, {neither:,} in neither"))
        expected_train = edition.train if edition else None
        if edition and inventory.subset is not None:
            expected_train = SUBSETS[inventory.subset]
        if edition and (train, test) != (expected_train, edition.test):
            text = f"expected {expected_train:,} train, {edition.test:,} test"
            findings.append(Finding("note", "lists", text))
    findings += _first(
        "missing", [f"{printable(n)}: no such file" for n in inventory.missing], "note"
    )
    unlisted = [f"{printable(name)}: in {at}, not in meta.csv" for name, at in inventory.unlisted]
    findings += _first("missing", unlisted, "note")
    leaks = [f"{printable(place)}: in more than one part" for place in inventory.leaking]
    findings += _first("leak", leaks, "note")
    damaged = sum(bool(files[path].fault) for path in inventory.there)
    usable, total = len(inventory.there) - damaged, edition.clips if edition else inventory.named
    if usable == total == inventory.named:
        return [*findings, _fact("whole", f"yes, all {total:,} clips")]
    counts = {"missing": len(inventory.missing), "cannot be read": damaged}
    counts["not in the table"] = max(0, total - inventory.named)
    counts["in the table beyond them"] = max(0, inventory.named - total)
    why = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    text = f"no, {usable:,} of {total:,} clips ({why}); what is there can be used"
    return [*findings, Finding("note", "whole", text)]


def _audio(good: Sequence[AudioFile]) -> list[Finding]:
    """List which rates, channel counts and lengths there are."""
    if not good:
        return []
    lengths = [file.duration_s for file in good]
    return [
        _fact("sample rates", counts_text(Counter(file.sample_rate_hz for file in good), "Hz")),
        _fact("channels", counts_text(Counter(file.channels for file in good), "channels")),
        _fact(
            "durations",
            f"{min(lengths):.2f} to {max(lengths):.2f} s, "
            f"median {statistics.median(lengths):.2f} s, {sum(lengths) / 60:.1f} min in all",
        ),
    ]


def _per_split(subject: str, splits: Iterable[str], remark: str = "") -> Finding:
    """Count the clips of each split, by their splits."""
    counts = Counter(splits)
    return _fact(subject, ", ".join(f"{counts[name]} {name}" for name in SPLITS) + remark)


def _splits(dataset: Dataset) -> list[Finding]:
    """List how the clips of every class, device and city are split, and what was decided."""
    files, unseen_devices = dataset.files, dataset.unseen_devices
    findings = [
        _per_split(f"class {name}", (clip.split for clip in files if clip.label == label))
        for label, name in enumerate(dataset.classes)
    ]
    for number, (name, _) in enumerate(dataset.class_map):
        splits = (clip.split for clip in files if clip.fine == number)
        findings.append(_per_split(f"finer class {name}", splits))
    for device in dataset.devices:
        unseen = " (unseen in training)" if device in unseen_devices else ""
        splits = (clip.split for clip in files if clip.device == device)
        findings.append(_per_split(f"device {device}", splits, unseen))
    for city in dataset.cities:
        splits = (clip.split for clip in files if clip.city == city)
        findings.append(_per_split(f"city {city}", splits))
    findings.append(_per_split("splits", (clip.split for clip in files)))
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


def _official_splits(entries: Sequence[Entry]) -> list[Finding]:
    """List the same where the data cannot be used as they are, by the splits that they give."""
    if not all(entry.split for entry in entries):
        return []
    of: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for kind, name in (("class", entry.label), ("device", entry.device), ("city", entry.city)):
            if name is not None:
                of[f"{kind} {name}"].append(entry.split or "")
        of["splits"].append(entry.split or "")
    order = ("class", "device", "city", "splits")
    subjects = sorted(of, key=lambda subject: (order.index(subject.partition(" ")[0]), subject))
    return [_per_split(subject, of[subject]) for subject in subjects]


def _bandwidths(dataset: Dataset, bands: Mapping[Path, Band]) -> list[Finding]:
    """Name the splits and devices whose clips reach further, or less far, than training's."""
    parts: defaultdict[str, list[Band]] = defaultdict(list)
    for clip in sorted(dataset.files, key=lambda clip: SPLITS.index(clip.split)):
        parts[clip.split].append(bands[clip.path])
        if clip.device is not None:
            parts[f"device {clip.device}"].append(bands[clip.path])
    return [Finding("note", "bandwidth", line) for line in mixed_bands(parts)]


def _copies(good: Mapping[Path, AudioFile]) -> list[str]:
    """Find files of the same content, which may put one recording into two splits."""
    return [
        f"{printable(paths[0])}: the same audio as {', '.join(map(printable, paths[1:]))}"
        for paths in same_audio(good.items())
        if len(paths) > 1
    ]
