"""What lies in a folder: its audio files and tables, each found once, and what labels them.

Links are followed, to other places too, but what was found already is not taken again: a link to
the folder itself would repeat all clips, and one in `test` to `train` would leak them.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from nas_asc.errors import DatasetError

_AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
_TABLE_SUFFIXES = (".csv", ".tsv")

ESC_NAME = re.compile(r"(?P<fold>[1-9])-(?P<recording>\d+)-[A-Z](-\d+)?")
# What names tell the recording of a clip, and what that is called.
_NAMES = {
    "the recording id in the file name": ESC_NAME,
    "the speaker in the file name": re.compile(r"(?P<recording>[0-9a-f]+)_nohash_\d+"),
    "the place in the file name (city-location)": re.compile(
        r"[a-z_]+-(?P<recording>[a-z]+-\d+)-\d+(-\d+)?-[a-z]\d?"
    ),
}
_FOLDER = "sub-folder"
_FILE = "file, each its own (clips of one recording belong into one sub-folder of their class)"


@dataclass(frozen=True)
class Folder:
    """The files below a root, as paths relative to it, sorted.

    Hidden files and folders, and folders whose name begins with an underscore (background noise,
    archive leftovers), are passed over.
    """

    root: Path
    audio: tuple[PurePosixPath, ...]
    tables: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...]
    repeated: tuple[PurePosixPath, ...]  # left out because links lead to it a second time
    found_as: Mapping[str, PurePosixPath]  # by real path

    @property
    def top_folders(self) -> tuple[str, ...]:
        """The folders right below the root that hold audio, sorted."""
        return tuple(sorted({path.parts[0] for path in self.audio if len(path.parts) > 1}))

    @property
    def notes(self) -> tuple[str, ...]:
        """Which links were left out, in words, if any were."""
        if not self.repeated:
            return ()
        count, first = len(self.repeated), self.repeated[0]
        one = f"1 link ({first}) is left out: what it leads"
        several = f"{count} links (such as {first}) are left out: what they lead"
        return (f"{one if count == 1 else several} to is in the folder already",)


@dataclass(frozen=True)
class Entry:
    """One file and what its place, its name or its row in a table say about it."""

    path: Path
    label: str
    group: str  # the recording that the clip was cut from
    split: str | None = None  # where the data fix it
    fold: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Listing:
    """All clips of a data set."""

    entries: tuple[Entry, ...]
    grouping: str  # what a recording group is, in words
    notes: tuple[str, ...] = ()


def walk(root: Path) -> Folder:
    """Find the files of a folder; DatasetError where it is absent or holds no audio."""
    expected = "expected a folder of labelled recordings"
    try:
        exists = root.exists()
    except PermissionError as error:  # of a folder above it
        _refuse(error)
    if not exists:
        raise DatasetError(f"{root}: {expected}, found nothing of that name - check the path")
    if not root.is_dir():
        raise DatasetError(f"{root}: {expected}, found a file - give the folder that holds it")
    found_as: dict[str, PurePosixPath] = {}
    repeated: list[PurePosixPath] = []
    paths = sorted(_files(root, found_as, repeated))
    audio = tuple(path for path in paths if path.suffix.lower() in _AUDIO_SUFFIXES)
    tables = tuple(path for path in paths if path.suffix.lower() in _TABLE_SUFFIXES)
    others = tuple(sorted({*paths} - {*audio, *tables}))
    if not audio:
        kinds = ", ".join(sorted({path.suffix.lower() or path.name for path in paths})[:5])
        found = "an empty folder - put one folder of clips per class into it"
        if paths:
            found = f"{len(paths)} other files ({kinds}) - give WAV, FLAC or OGG clips"
        raise DatasetError(f"{root}: expected audio files, found {found}")
    return Folder(root, audio, tables, others, tuple(sorted(repeated)), found_as)


def groups_of(paths: Iterable[PurePosixPath], depth: int = 1) -> tuple[tuple[str, ...], str]:
    """Return the recording of every clip, and in words what the recordings were taken from.

    The first kind of name that all files have decides; else the sub-folder of the class folder,
    which lies `depth` folders deep; else every file is a recording of its own (the same name in two
    formats is one recording).
    """
    paths = tuple(paths)
    for words, name in _NAMES.items():
        matches = [name.fullmatch(path.stem) for path in paths]
        if all(matches):
            return tuple(match["recording"] for match in matches if match), words
    if all(len(path.parts) > depth + 1 for path in paths):
        return tuple(path.parent.as_posix() for path in paths), _FOLDER
    return tuple(path.with_suffix("").as_posix() for path in paths), _FILE


def _refuse(error: OSError) -> NoReturn:
    reason = (error.strerror or str(error)).lower()
    raise DatasetError(
        f"{error.filename}: expected a folder that can be listed, found one that cannot ({reason}) "
        "- make it readable (chmod u+rx) or move it out of the data set"
    )


def _files(
    root: Path, found_as: dict[str, PurePosixPath], repeated: list[PurePosixPath]
) -> Iterator[PurePosixPath]:
    """Find the files below a root, each by one path; what lies there itself goes before links.

    Fills `found_as`, and `repeated` with the paths that lead to what was found already.
    """

    def is_new(path: PurePosixPath, real: str) -> bool:
        new = found_as.setdefault(real, path) is path
        if not new:
            repeated.append(path)
        return new

    starts = [PurePosixPath()]  # the root, and the links that are met on the way
    for start in starts:
        if not (root / start).is_dir():
            if is_new(start, os.path.realpath(root / start)):
                yield start
            continue
        for where, folders, files in os.walk(root / start, onerror=_refuse):
            below, real = PurePosixPath(Path(where).relative_to(root)), os.path.realpath(where)
            folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
            if not is_new(below, real):
                folders.clear()
                continue
            inside = set(folders)
            for name in sorted([*folders, *(name for name in files if name[0] != ".")]):
                path = below / name
                if (root / path).is_symlink():
                    starts.append(path)
                elif name not in inside and is_new(path, str(Path(real, name))):
                    yield path
