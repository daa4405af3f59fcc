"""What is known of the sound files of a data set: each is checked once, and remembered.

A file is not opened again while its path, inode, size, modification time and change time are what
they were. The change time is set by the system alone, so a file rewritten in place is noticed even
where its size and modification time were put back. What could still be missed is a write so soon
after the check that the clock had not moved on; files changed less than two seconds ago are
therefore not remembered. Where a file system keeps no change time, `touch -r` deceives.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import soundfile

from nas_asc.datasets.decoding import AudioFile, check_file, hash_file, stamp_of
from nas_asc.files import cache_folder, digest, write_atomically

_THREADS = 4
_YOUNG_NS = 2_000_000_000


def check_files(
    root: Path, paths: Sequence[Path], cache: Path | None = None, decode: bool = True
) -> tuple[AudioFile, ...]:
    """Check the sound files of a data set, in their order; those that are known are not opened.

    Args:
        root: the folder of the data set.
        paths: of the files.
        cache: the cache folder, whose `clips` remembers what was found; None takes the usual one.
        decode: whether to decode the samples too, and not only to read the header.
    """
    index = _index_path(root, cache)
    known = _read(index)

    def check(path: Path) -> AudioFile:
        found = _unchanged(known, path)
        return found if found and (found.decoded or not decode) else check_file(path, decode)

    files = _in_threads(check, paths)
    old_enough_ns = time.time_ns() - _YOUNG_NS
    pairs = zip(map(str, paths), files, strict=True)
    new = {path: file for path, file in pairs if max(file.stamp[2:], default=0) < old_enough_ns}
    if not new.items() <= known.items():
        _write(index, known | new)
    return files


def hash_files(
    root: Path, paths: Sequence[Path], cache: Path | None = None
) -> tuple[AudioFile, ...]:
    """Return what is known of files, in their order, and of others the hash alone."""
    known = _read(_index_path(root, cache))
    return _in_threads(lambda path: _unchanged(known, path) or hash_file(path), paths)


def _in_threads(
    function: Callable[[Path], AudioFile], paths: Sequence[Path]
) -> tuple[AudioFile, ...]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(function, paths))


def _unchanged(known: Mapping[str, AudioFile], path: Path) -> AudioFile | None:
    """Return what is known of a file, if it is still the same."""
    found = known.get(str(path))
    try:
        return found if found and found.stamp == stamp_of(path) else None
    except OSError:
        return None


def _index_path(root: Path, cache: Path | None) -> Path:
    # Another decoder may find other faults.
    name = digest(os.fsencode(f"{soundfile.__libsndfile_version__} {root.absolute()}"), 32)
    return (cache or cache_folder()) / "clips" / f"{name}.json"


def _read(index: Path) -> dict[str, AudioFile]:
    """Read what was remembered; nothing where that is damaged or was written otherwise."""
    try:
        return {
            path: AudioFile(**{**values, "stamp": tuple(values["stamp"])})
            for path, values in json.loads(index.read_bytes()).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(index: Path, files: dict[str, AudioFile]) -> None:
    # Without an index everything works, only slower; whoever writes features complains.
    with contextlib.suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(index, json.dumps({path: asdict(file) for path, file in files.items()}))
