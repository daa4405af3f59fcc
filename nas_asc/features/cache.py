"""Arrays of float16 on disk, found by a key made of everything that decides their values.

```
features/KEY.npy        an array, without pickles; appears whole
locks/KEY.lock          held while what KEY stands for is computed, so that one process does it
clips/NAME.json         what is known of sound files (see datasets.decoding)
```

They are written sequentially, since a full disk under a memory map kills the process. The least
recently used go when the limit is reached; whoever has one open keeps it.
"""

import contextlib
import errno
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import filelock
import numpy as np
from numpy.typing import NDArray

from nas_asc.errors import NasAscError, StorageError
from nas_asc.files import UNFINISHED, cache_folder, digest, open_atomically, remove_unfinished

_DEFAULT_LIMIT_BYTES = 8 * 1024**3
_ABANDONED_S = 3600  # nobody writes a file any more whose last byte is older

_log = logging.getLogger(__name__)

Shape = tuple[int, ...]
Append = Callable[[NDArray[np.float16]], object]


def key_of(values: Mapping[str, object]) -> str:
    """Hash JSON-able values to a key of 32 hexadecimal digits."""
    return digest(json.dumps(values, sort_keys=True, allow_nan=False), 32)


class FeatureCache:
    """A cache folder with a size limit, for any number of processes."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the limit from $NAS_ASC_CACHE_BYTES, else 8 GiB; NasAscError if it is no number."""
        self.folder = (folder or cache_folder()).absolute()
        text = os.environ.get("NAS_ASC_CACHE_BYTES", str(_DEFAULT_LIMIT_BYTES))
        if not text.isdecimal() or int(text) == 0:
            raise NasAscError(
                "NAS_ASC_CACHE_BYTES: expected a whole number of bytes, "
                f"found {text!r} - correct it"
            )
        self.limit_bytes = int(text)

    def find(self, key: str, shape: Shape) -> NDArray[np.float16] | None:
        """Open an array, memory-mapped copy-on-write, if it is there.

        One that is cut short, foreign or of another shape is removed, to be computed again.
        StorageError where it is there and cannot be read.
        """
        path = self._path(key)
        with self._clear_errors():
            try:
                array: NDArray[np.float16] = np.lib.format.open_memmap(path, mode="c")
                if (array.dtype, array.shape) != (np.dtype("<f2"), shape):
                    raise ValueError(f"{array.dtype} {array.shape}")
            except FileNotFoundError:
                return None
            except ValueError as error:
                _log.warning("feature cache: %s is damaged (%s): computed again", path.name, error)
                path.unlink(missing_ok=True)
                return None
        with contextlib.suppress(OSError):  # a cache that cannot be written can still be read
            os.utime(path)
        return array

    def has_room(self, *shapes: Shape) -> bool:
        """Return whether arrays take at most a quarter of the limit and of the free disk."""
        return 4 * sum(map(_size_bytes, shapes)) <= min(self.limit_bytes, self._free_bytes())

    @contextlib.contextmanager
    def create(self, shapes: Mapping[str, Shape]) -> Iterator[dict[str, Append]]:
        """Write arrays by appending rows; they appear when the block ends without an exception.

        The caller holds a lock that stands for these keys. StorageError where the folder is full or
        cannot be written, NasAscError where the arrays are larger than the limit.
        """
        with self._clear_errors(), contextlib.ExitStack() as stack:
            self._make_room(sum(map(_size_bytes, shapes.values())))
            yield {key: stack.enter_context(self._open(key, shapes[key])) for key in shapes}

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Wait until no other process computes what `key` stands for.

        StorageError where the folder cannot be written, or knows no locks.
        """
        path = self.folder / "locks" / f"{key}.lock"
        lock = filelock.FileLock(path)
        with self._clear_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            lock.release()

    def once(
        self, key: str, shape: Shape, compute: Callable[[], None], lock: str | None = None
    ) -> NDArray[np.float16]:
        """Return an array, computed by one process at most of those that ask for it at once.

        `compute` makes it, or more that the `lock` stands for (None: the key).

        Raises:
            StorageError: as of `find` and `lock`.
            NasAscError: it is gone again.
        """
        found = self.find(key, shape)
        if found is None:
            with self.lock(lock or key):
                found = self.find(key, shape)  # another process may have computed it meanwhile
                if found is None:
                    compute()
                    found = self.find(key, shape)
        if found is None:
            raise NasAscError(
                f"{self.folder}: expected features to stay once written, found them gone - "
                "keep other programs from it, or set NAS_ASC_CACHE_BYTES to more"
            )
        return found

    def _path(self, key: str) -> Path:
        return self.folder / "features" / f"{key}.npy"

    @contextlib.contextmanager
    def _open(self, key: str, shape: Shape) -> Iterator[Append]:
        path = self._path(key)
        remove_unfinished(path.parent, path.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(path) as file:
            header = {"descr": "<f2", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            size_bytes = file.tell() + _size_bytes(shape)
            yield lambda rows: file.write(np.ascontiguousarray(rows).data)
            if file.tell() != size_bytes:
                raise ValueError(f"{key}: expected {size_bytes} bytes, got {file.tell()}")

    def _make_room(self, needed_bytes: int) -> None:
        if needed_bytes > self.limit_bytes:
            raise NasAscError(
                f"{self.folder}: expected features of at most {self.limit_bytes} bytes, found "
                f"{needed_bytes} - set NAS_ASC_CACHE_BYTES to more"
            )
        abandoned_s = time.time() - _ABANDONED_S
        used = sorted(_files(self.folder / "features"))
        total = sum(size for _, size, _ in used)
        for used_s, size, path in used:
            abandoned = UNFINISHED in path.name and used_s < abandoned_s
            too_much = UNFINISHED not in path.name and total + needed_bytes > self.limit_bytes
            if abandoned or too_much:
                _log.info("feature cache: removed %s (%d bytes)", path.name, size)
                with contextlib.suppress(PermissionError):  # in use, where that forbids it
                    path.unlink(missing_ok=True)
                    total -= size
        if needed_bytes > (free := self._free_bytes()):
            raise StorageError(
                f"{self.folder}: expected {needed_bytes} bytes free, found {free} - "
                "free some, or set NAS_ASC_CACHE to another folder"
            )

    def _free_bytes(self) -> int:
        there = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        return shutil.disk_usage(there).free

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if getattr(error, "errno", None) == errno.ENOMEM:  # a map has no room, not the disk
                raise MemoryError(reason) from error
            raise StorageError(
                f"{self.folder}: expected a cache folder that can be read and written, found "
                f"{reason[0].lower() + reason[1:]} - free some space, or set NAS_ASC_CACHE to "
                "another folder"
            ) from error


def _size_bytes(shape: Shape) -> int:
    return 2 * math.prod(shape)


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """List files as (time of last use, bytes, path)."""
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):  # removed by another process meanwhile
            status = path.stat()
            yield status.st_mtime, status.st_size, path
