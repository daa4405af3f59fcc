"""What a data set folder holds and what is wrong with it, for `nas-asc data check`."""

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from nas_asc.datasets.dataset import SPLITS, Dataset
from nas_asc.datasets.folder import walk
from nas_asc.datasets.headers import Header, read_headers
from nas_asc.datasets.layouts import Entry
from nas_asc.datasets.loading import list_clips, load_dataset
from nas_asc.errors import DatasetError

_SHORT_S = 0.1
_EDGE_BYTES = 1 << 16
_THREADS = 4
_SHOWN = 20  # of faults of one kind


@dataclass(frozen=True)
class Finding:
    """One line about a data set; `level` is "fact", "note" (what will be done) or "error"."""

    level: str
    subject: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Give the finding as plain values for JSON."""
        return asdict(self)


def check(root: Path, clip_s: float | None = None) -> list[Finding]:
    """Look at every clip of a folder; never raises for what is wrong with the data.

    Decodes every clip, and compares files of equal size to find copies. A data set can be used as
    it is when no finding is an error.
    """
    try:
        folder = walk(root.absolute())
        layout, listing = list_clips(folder)
    except DatasetError as error:
        return [_error("folder", str(error))]
    headers = read_headers([entry.path for entry in listing.entries])
    pairs = list(zip(listing.entries, headers, strict=True))
    findings = [
        _fact("layout", layout),
        _fact("clips", str(len(pairs))),
        *_audio(headers),
        *_first(
            [
                _error("clip", f"{entry.path}: cannot be read, found {header.fault}")
                for entry, header in pairs
                if header.fault
            ]
        ),
        *_first(_contents([pair for pair in pairs if not pair[1].fault])),
        *_first(_copies([entry for entry, header in pairs if not header.fault])),
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


def _audio(headers: Sequence[Header]) -> list[Finding]:
    """Say which rates, channel counts and lengths there are."""
    good = [header for header in headers if not header.fault]
    if not good:
        return []
    lengths = [header.duration_s for header in good]
    return [
        _fact("sample rates", _counts((header.sample_rate_hz for header in good), "Hz")),
        _fact("channels", _counts((header.channels for header in good), "channels")),
        _fact(
            "durations",
            f"{min(lengths):.2f} to {max(lengths):.2f} s, "
            f"median {statistics.median(lengths):.2f} s, {sum(lengths) / 60:.1f} min in all",
        ),
    ]


def _splits(dataset: Dataset) -> list[Finding]:
    """Say how the clips of every class and device are split, and what was decided."""
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


def _contents(pairs: Sequence[tuple[Entry, Header]]) -> list[Finding]:
    """Decode clips, and find those that end early, are silent or hold no numbers."""
    with ThreadPoolExecutor(_THREADS) as pool:
        faults = pool.map(lambda pair: _fault(pair[0].path, pair[1]), pairs)
        return [
            _error("clip", f"{entry.path}: {fault}")
            for (entry, _), fault in zip(pairs, faults, strict=True)
            if fault
        ]


def _fault(path: Path, header: Header) -> str:
    """Say what is wrong with the samples of a clip, or nothing."""
    try:
        samples, _ = soundfile.read(path, dtype="float32")
    except (soundfile.LibsndfileError, OSError) as error:
        return f"cannot be decoded ({error})"
    if len(samples) < header.samples:
        return f"ends after {len(samples)} of {header.samples} samples"
    if not np.isfinite(samples).all():
        return "holds samples that are no numbers"
    if not samples.any():
        return "silent throughout"
    return f"only {header.duration_s:.3f} s long" if header.duration_s < _SHORT_S else ""


def _copies(entries: Sequence[Entry]) -> list[Finding]:
    """Find files of the same content, which may put one recording into two splits."""
    alike: Iterable[list[Path]] = [[entry.path for entry in entries]]
    for key in (lambda path: path.stat().st_size, _edges, _content):
        alike = [same for paths in alike for same in _equal(paths, key)]
    return [
        _error("copy", f"{paths[0]}: the same audio as {', '.join(map(str, paths[1:]))}")
        for paths in alike
    ]


def _equal(paths: list[Path], key: Callable[[Path], object]) -> list[list[Path]]:
    found: defaultdict[object, list[Path]] = defaultdict(list)
    for path in paths:
        found[key(path)].append(path)
    return [same for same in found.values() if len(same) > 1]


def _edges(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(_EDGE_BYTES)
        file.seek(max(0, path.stat().st_size - _EDGE_BYTES))
        return hashlib.sha256(start + file.read()).digest()


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _counts(values: Iterable[int], unit: str) -> str:
    return ", ".join(f"{count} x {value} {unit}" for value, count in Counter(values).most_common())


def _per_split(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[split]} {split}" for split in SPLITS)
