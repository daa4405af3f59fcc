"""Arrays on disk, found by a key made of everything that decides their values.

```
entries/KEY/NAME.npy         arrays, without pickles; the folder appears whole, by one rename
unfinished/NAME, NAME.lock   what is being written; locked for as long as its writer lives
locks/KEY.lock               held while what KEY stands for is computed, so that one process does it
clips/NAME.json              hashes of sound files (see clip_index)
```

Entries are written sequentially, not through a memory map, since a full disk under a map kills the
process, and flushed to disk before the rename, so that neither a kill nor a power cut leaves an
entry of the right size with the wrong content. The least recently used entries go when the limit is
reached; one that this process has open stays, and one that another has open stays readable to it.
"""

import contextlib
import hashlib
import json
import logging
import math
import os
import shutil
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
import platformdirs
from numpy.typing import NDArray

from nas_asc.errors import NasAscError

DEFAULT_LIMIT_BYTES = 8 * 1024**3

_log = logging.getLogger(__name__)
_in_use: dict[Path, list[weakref.ref[NDArray[np.generic]]]] = {}


def cache_folder() -> Path:
    """Give the cache folder: $NAS_ASC_CACHE, or the user's cache folder of this system."""
    named = os.environ.get("NAS_ASC_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("nas-asc")


def limit_bytes() -> int:
    """Give the size limit of the cache: $NAS_ASC_CACHE_BYTES, or 8 GiB.

    Raises:
        NasAscError: the variable is not a whole number above 0.
    """
    text = os.environ.get("NAS_ASC_CACHE_BYTES", str(DEFAULT_LIMIT_BYTES))
    if not text.isdecimal() or int(text) == 0:
        raise NasAscError(
            f"NAS_ASC_CACHE_BYTES: expected a whole number of bytes, found {text!r} - correct it"
        )
    return int(text)


def key_of(values: Mapping[str, object]) -> str:
    """Hash JSON-able values to a key of 32 hexadecimal digits."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Layout:
    """Type and shape of an array, known before it is computed."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """The bytes of its values."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class Entry:
    """An entry being written: rows are appended to its arrays in order."""

    def __init__(self, folder: Path, layouts: Mapping[str, Layout]) -> None:
        self._files = contextlib.ExitStack()
        self._arrays = {}
        for name, layout in layouts.items():
            file = self._files.enter_context((folder / f"{name}.npy").open("xb"))
            header = {"descr": layout.dtype, "fortran_order": False, "shape": layout.shape}
            np.lib.format.write_array_header_1_0(file, header)
            self._arrays[name] = (file, file.tell() + layout.size_bytes)

    def append(self, name: str, rows: NDArray[np.generic]) -> None:
        """Write the next rows of an array."""
        self._arrays[name][0].write(np.ascontiguousarray(rows).data)

    def finish(self) -> None:
        """Flush all arrays to disk.

        Raises:
            ValueError: fewer or more rows were appended than the layouts have.
        """
        for name, (file, size_bytes) in self._arrays.items():
            file.flush()
            if file.tell() != size_bytes:
                raise ValueError(f"{name}: expected {size_bytes} bytes, got {file.tell()}")
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the files."""
        self._files.close()


class FeatureCache:
    """A cache folder with a size limit, for any number of processes."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = (folder or cache_folder()).absolute()
        self.limit_bytes = limit or limit_bytes()

    def find(
        self, key: str, layouts: Mapping[str, Layout]
    ) -> dict[str, NDArray[np.generic]] | None:
        """Open an entry, memory-mapped copy-on-write, if it is there and has these layouts.

        An entry that has not is damaged: it is removed, to be computed again.
        """
        folder = self.folder / "entries" / key
        try:
            arrays: dict[str, NDArray[np.generic]] = {
                name: np.lib.format.open_memmap(folder / f"{name}.npy", mode="c")
                for name in layouts
            }
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            self._discard(folder, str(error))
            return None
        except OSError as error:
            raise self._unusable(error) from error
        for name, layout in layouts.items():
            if (arrays[name].dtype, arrays[name].shape) != (np.dtype(layout.dtype), layout.shape):
                self._discard(folder, f"{name} is {arrays[name].dtype} {arrays[name].shape}")
                return None
        with contextlib.suppress(OSError):  # a cache that cannot be written can still be read
            os.utime(folder)
        _in_use.setdefault(folder, []).extend(weakref.ref(array) for array in arrays.values())
        return arrays

    def has_room(self, *entries: Mapping[str, Layout]) -> bool:
        """Say whether entries together take at most a quarter of the limit and of the free disk."""
        free_bytes = shutil.disk_usage(_existing(self.folder)).free
        return 4 * _total_bytes(entries) <= min(self.limit_bytes, free_bytes)

    @contextlib.contextmanager
    def create(self, entries: Mapping[str, Mapping[str, Layout]]) -> Iterator[dict[str, Entry]]:
        """Write entries, which appear when the block ends without an exception.

        Raises:
            NasAscError: the folder cannot be written, or the entries are larger than the limit.
        """
        with self._clear_errors(), contextlib.ExitStack() as stack:
            self._remove_abandoned()
            self._make_room(_total_bytes(entries.values()))
            folders = {key: stack.enter_context(self.unfinished()) for key in entries}
            written = {}
            for key, folder in folders.items():
                written[key] = Entry(folder, entries[key])
                stack.callback(written[key].close)
            yield written
            for key, entry in written.items():
                entry.finish()
                entry.close()
                self._publish(folders[key], key)

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Wait until no other process computes what `key` stands for.

        Raises:
            NasAscError: the folder cannot be written, or knows no locks.
        """
        with self._clear_errors():
            path = self.folder / "locks" / f"{key}.lock"
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            lock.release()

    def _publish(self, folder: Path, key: str) -> None:
        target = self.folder / "entries" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            # Another process was quicker, with the same values.

    @contextlib.contextmanager
    def unfinished(self) -> Iterator[Path]:
        """Give an empty folder on the cache's disk, removed at the end or after a kill."""
        folder = self.folder / "unfinished" / uuid.uuid4().hex
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_suffix(".lock")):
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                folder.with_suffix(".lock").unlink(missing_ok=True)

    def _remove_abandoned(self) -> None:
        """Remove what killed writers left: unfinished entries whose lock nobody holds."""
        for lock_path in (self.folder / "unfinished").glob("*.lock"):
            try:
                with filelock.FileLock(lock_path, timeout=0):
                    shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
                    lock_path.unlink(missing_ok=True)
            except filelock.Timeout:
                continue

    def _make_room(self, needed_bytes: int) -> None:
        if needed_bytes > self.limit_bytes:
            raise NasAscError(
                f"{self.folder}: expected features of at most {self.limit_bytes} bytes, found "
                f"{needed_bytes} - set NAS_ASC_CACHE_BYTES to more"
            )
        used = sorted(_entries(self.folder), key=lambda entry: entry[0])
        total = sum(size for _, size, _ in used)
        for _, size, folder in used:
            if total + needed_bytes <= self.limit_bytes:
                break
            if not _is_in_use(folder):
                _log.info("feature cache: removed %s (%d bytes)", folder.name, size)
                _remove(folder)
                total -= size
        free = shutil.disk_usage(_existing(self.folder)).free
        if needed_bytes > free:
            raise NasAscError(
                f"{self.folder}: expected {needed_bytes} bytes free, found {free} - "
                "free some, or set NAS_ASC_CACHE to another folder"
            )

    def _discard(self, folder: Path, fault: str) -> None:
        _log.warning("feature cache: %s is damaged (%s) and is computed again", folder.name, fault)
        with self._clear_errors():
            _remove(folder)

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, NotImplementedError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError | NotImplementedError) -> NasAscError:
        reason = getattr(error, "strerror", None) or str(error)
        return NasAscError(
            f"{self.folder}: expected a cache folder that can be read and written, found "
            f"{reason[0].lower() + reason[1:]} - free some space, or set NAS_ASC_CACHE to "
            "another folder"
        )


def _total_bytes(entries: Iterable[Mapping[str, Layout]]) -> int:
    return sum(layout.size_bytes for entry in entries for layout in entry.values())


def _entries(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """List entries as (time of last use in ns, bytes, folder)."""
    for entry in (folder / "entries").glob("*"):
        with contextlib.suppress(OSError):  # removed by another process meanwhile
            size = sum(file.stat().st_size for file in entry.iterdir())
            yield entry.stat().st_mtime_ns, size, entry


def _remove(folder: Path) -> None:
    """Remove an entry so that nobody sees half of it."""
    grave = folder.parent.parent / "unfinished" / uuid.uuid4().hex
    grave.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(grave.with_suffix(".lock")):
        with contextlib.suppress(FileNotFoundError):
            folder.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
        grave.with_suffix(".lock").unlink(missing_ok=True)


def _is_in_use(folder: Path) -> bool:
    alive = [ref for ref in _in_use.get(folder, []) if ref() is not None]
    _in_use[folder] = alive
    return bool(alive)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
