"""What a data set folder holds and what is wrong with it, for `nas-asc data check`."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nas_asc.datasets.dataset import SPLITS, Dataset
from nas_asc.datasets.decoding import AudioFile
from nas_asc.datasets.fingerprints import check_files
from nas_asc.datasets.folder import walk
from nas_asc.datasets.loading import list_clips, load_dataset
from nas_asc.errors import DatasetError

_SHORT_S = 0.1
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


def check(root: Path, clip_s: float | None = None) -> list[Finding]:
    """Look at every clip of a folder; never raises for what is wrong with the data.

    A data set can be used as it is when no finding is an error.
    """
    try:
        folder = walk(root.absolute())
        layout, listing = list_clips(folder)
    except DatasetError as error:
        return [_error("folder", str(error))]
    paths = [entry.path for entry in listing.entries]
    pairs = list(zip(paths, check_files(folder.root, paths), strict=True))
    good = [(path, file) for path, file in pairs if file.decodable]
    findings = [
        _fact("layout", layout),
        _fact("clips", str(len(pairs))),
        *_audio([file for _, file in good]),
        *_first(
            [
                _error("clip", f"{path}: cannot be read, found {file.fault}")
                for path, file in pairs
                if not file.decodable
            ]
        ),
        *_first(_contents(good)),
        *_first(_copies(good)),
    ]
    try:
        dataset = load_dataset(root, clip_s, skip_bad=True)
    except DatasetError as error:
        return [*findings, *map(_note, folder.notes), _error("splits", str(error))]
    return findings + _splits(dataset)


def _fact(subject: str, text: str) -> Finding:
    return Finding("fact", subject, text)


def _note(text: str) -> Finding:
    return Finding("note", "data", text)


def _error(subject: str, text: str) -> Finding:
    return Finding("error", subject, text)


def _first(findings: list[Finding]) -> list[Finding]:
    """Keep the first findings of a kind, and count the others."""
    more = findings[_SHOWN:]
    return findings[:_SHOWN] + ([_error("clip", f"and {len(more)} more like it")] if more else [])


def _audio(good: Sequence[AudioFile]) -> list[Finding]:
    """List which rates, channel counts and lengths there are."""
    if not good:
        return []
    lengths = [file.duration_s for file in good]
    return [
        _fact("sample rates", _counts((file.sample_rate_hz for file in good), "Hz")),
        _fact("channels", _counts((file.channels for file in good), "channels")),
        _fact(
            "durations",
            f"{min(lengths):.2f} to {max(lengths):.2f} s, "
            f"median {statistics.median(lengths):.2f} s, {sum(lengths) / 60:.1f} min in all",
        ),
    ]


def _splits(dataset: Dataset) -> list[Finding]:
    """List how the clips of every class and device are split, and what was decided."""
    findings = []
    for label, name in enumerate(dataset.classes):
        counts = Counter(clip.split for clip in dataset.clips if clip.label == label)
        findings.append(_fact(f"class {name}", _per_split(counts)))
    for device in dataset.devices:
        counts = Counter(clip.split for clip in dataset.clips if clip.device == device)
        unseen = " (unseen in training)" if device in dataset.unseen_devices else ""
        findings.append(_fact(f"device {device}", _per_split(counts) + unseen))
    findings.append(_fact("splits", _per_split(Counter(clip.split for clip in dataset.clips))))
    return findings + [_note(note) for note in dataset.notes]


def _contents(good: Sequence[tuple[Path, AudioFile]]) -> list[Finding]:
    """Name the clips that are silent or too short to hold anything."""
    return [_error("clip", f"{path}: {fault}") for path, file in good if (fault := _fault(file))]


def _fault(file: AudioFile) -> str:
    if file.peak == 0:
        return "silent throughout"
    return f"only {file.duration_s:.3f} s long" if file.duration_s < _SHORT_S else ""


def _copies(good: Sequence[tuple[Path, AudioFile]]) -> list[Finding]:
    """Find files of the same content, which may put one recording into two splits."""
    alike: defaultdict[str, list[Path]] = defaultdict(list)
    for path, file in good:
        alike[file.digest].append(path)
    return [
        _error("copy", f"{paths[0]}: the same audio as {', '.join(map(str, paths[1:]))}")
        for paths in alike.values()
        if len(paths) > 1
    ]


def _counts(values: Iterable[int], unit: str) -> str:
    return ", ".join(f"{count} x {value} {unit}" for value, count in Counter(values).most_common())


def _per_split(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[split]} {split}" for split in SPLITS)
