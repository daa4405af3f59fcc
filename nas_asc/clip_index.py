"""Hashes of sound files, remembered so that a second run does not read them all again.

A file is not read again while its path, inode, size, modification time and change time are what
they were. The change time is set by the system alone, so a file rewritten in place is noticed even
where its size and modification time were put back. What could still be missed is a write so soon
after the hash that the clock had not moved on; hashes of files changed less than two seconds ago
are therefore not remembered. Where a file system keeps no change time, `touch -r` deceives.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nas_asc.errors import DatasetError
from nas_asc.feature_cache import FeatureCache

_YOUNG_NS = 2_000_000_000


@dataclass(frozen=True)
class Stamp:
    """What the file system says of a file; equal stamps mean unchanged content."""

    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


@dataclass(frozen=True)
class ClipRecord:
    """The hash of a file's bytes; `sound` says whether it was decoded, None that nobody tried."""

    stamp: Stamp
    digest: str
    sound: bool | None = None


class ClipIndex:
    """What is known of the sound files of one data set folder, kept in one JSON file."""

    def __init__(self, cache: FeatureCache, root: Path) -> None:
        """Read the index of `root` from a cache; one that cannot be read is empty."""
        name = hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:32]
        self._cache = cache
        self._path = cache.folder / "clips" / f"{name}.json"
        self._records: dict[str, ClipRecord] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            for path, record in json.loads(self._path.read_bytes()).items():
                stamp = Stamp(*map(int, record["stamp"]))
                self._records[path] = ClipRecord(stamp, str(record["digest"]), record["sound"])

    def look_up(self, paths: Sequence[Path], threads: int) -> tuple[ClipRecord, ...]:
        """Give the records of files, in their order; reads those that are new or have changed.

        Raises:
            DatasetError: a file is absent or cannot be read.
        """
        found = [self._known(path, stamp_of(path)) for path in paths]
        absent = [path for path, record in zip(paths, found, strict=True) if record is None]
        with ThreadPoolExecutor(threads) as pool:
            hashed = pool.map(_hash, absent)
            records = tuple(record or next(hashed) for record in found)
        self.remember(zip(paths, records, strict=True))
        return records

    def remember(self, records: Iterable[tuple[Path, ClipRecord]]) -> None:
        """Keep records for the next run, where the cache folder can be written."""
        old_enough_ns = time.time_ns() - _YOUNG_NS
        new = {
            str(path): record
            for path, record in records
            if max(record.stamp.modified_ns, record.stamp.changed_ns) < old_enough_ns
        }
        if new.items() <= self._records.items():
            return
        self._records.update(new)
        text = json.dumps(
            {
                path: {
                    "stamp": list(vars(record.stamp).values()),
                    "digest": record.digest,
                    "sound": record.sound,
                }
                for path, record in self._records.items()
            }
        )
        # Without an index everything works, only slower; whoever writes features complains.
        with contextlib.suppress(OSError), self._cache.unfinished() as folder:
            (folder / self._path.name).write_text(text, encoding="utf-8")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            (folder / self._path.name).replace(self._path)

    def _known(self, path: Path, stamp: Stamp) -> ClipRecord | None:
        record = self._records.get(str(path))
        return record if record is not None and record.stamp == stamp else None


def _hash(path: Path) -> ClipRecord:
    stamp = stamp_of(path)
    try:
        with path.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error
    return ClipRecord(stamp, digest)


def stamp_of(path: Path) -> Stamp:
    """Ask the file system about a file.

    Raises:
        DatasetError: it is absent or cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _unreadable(path: Path, error: OSError) -> DatasetError:
    found = (error.strerror or str(error)).lower()
    return DatasetError(f"{path}: expected a clip, found {found} - restore it, or list it no more")
