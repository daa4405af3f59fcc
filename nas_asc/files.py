"""Files and folders that appear whole or not at all, hashes of content, and the cache folder.

Conventions: what is being written stands beside its place, as NAME.part and some digits of its own;
whoever reads finds the old or the new, also after a kill or a power cut. What a killed process left
is removed by `remove_unfinished`. Every command loads this file, so what is slow to load is loaded
where it is used.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNFINISHED = ".part"


def write_atomically(path: "Path", content: str | bytes) -> None:
    """Write a file in one step, replacing the one that stood there; text is UTF-8.

    Raises:
        OSError: the folder is absent, full or cannot be written.
    """
    with open_atomically(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def open_atomically(path: "Path") -> Iterator[IO[bytes]]:
    """Open a binary file that replaces `path` when the block ends without an exception."""
    part = _part_of(path)
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_atomically(folder: "Path") -> "Iterator[Path]":
    """Create an empty folder that replaces `folder` when the block ends without an exception."""
    import shutil

    part = _part_of(folder)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_unfinished(folder: "Path", name: str = "*") -> None:
    """Remove the unfinished files and folders of `name`; nobody may be writing them."""
    import shutil

    for part in folder.glob(f"{name}{UNFINISHED}*"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def digest(content: str | bytes, length: int = 64) -> str:
    """Return the first hexadecimal digits, all 64 or fewer, of the SHA-256 of text or bytes."""
    import hashlib

    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:length]


def cache_folder() -> "Path":
    """Return the cache folder: $NAS_ASC_CACHE, or the user's cache folder of this system."""
    from pathlib import Path

    import platformdirs

    named = os.environ.get("NAS_ASC_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("nas-asc")


def _part_of(path: "Path") -> "Path":
    return path.with_name(f"{path.name}{UNFINISHED}{os.urandom(16).hex()}")
