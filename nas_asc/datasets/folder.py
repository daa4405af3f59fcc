"""What lies in a folder: its audio files and its tables, each found once.

Links are followed, to other places too, but what was found already is not taken again: a link to
the folder itself would repeat all clips, and one in `test` to `train` would leak them.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nas_asc.errors import DatasetError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
TABLE_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class Folder:
    """The audio files and tables below a root, as paths relative to it, sorted.

    Hidden files and folders, and folders whose name begins with an underscore (background noise,
    archive leftovers), are passed over.

    Attributes:
        others: the files that are neither audio nor table.
        repeated: what was left out because links lead to it a second time.
        found_as: the path by which each file was found, by its real path.
    """

    root: Path
    audio: tuple[PurePosixPath, ...]
    tables: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...]
    repeated: tuple[PurePosixPath, ...]
    found_as: Mapping[str, PurePosixPath]

    @property
    def top_folders(self) -> tuple[str, ...]:
        """The folders right below the root that hold audio, sorted."""
        return tuple(sorted({path.parts[0] for path in self.audio if len(path.parts) > 1}))

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell which links were left out, if any were."""
        if not self.repeated:
            return ()
        count, first = len(self.repeated), self.repeated[0]
        one = f"1 link ({first}) is left out: what it leads"
        several = f"{count} links (such as {first}) are left out: what they lead"
        return (f"{one if count == 1 else several} to is in the folder already",)


def walk(root: Path) -> Folder:
    """Look through a folder.

    Raises:
        DatasetError: there is no such folder, or no audio in it.
    """
    expected = "expected a folder of labelled recordings"
    if not root.exists():
        raise DatasetError(f"{root}: {expected}, found nothing of that name - check the path")
    if not root.is_dir():
        raise DatasetError(f"{root}: {expected}, found a file - give the folder that holds it")
    audio: list[PurePosixPath] = []
    tables: list[PurePosixPath] = []
    others: list[PurePosixPath] = []
    repeated: list[PurePosixPath] = []
    found_as: dict[str, PurePosixPath] = {}
    for path in _files(root, found_as, repeated):
        kind = audio if path.suffix.lower() in AUDIO_SUFFIXES else others
        (tables if path.suffix.lower() in TABLE_SUFFIXES else kind).append(path)
    for paths in (audio, tables, others, repeated):
        paths.sort()
    folder = Folder(root, tuple(audio), tuple(tables), tuple(others), tuple(repeated), found_as)
    if not audio:
        raise DatasetError(f"{root}: expected audio files, found {_found(folder)}")
    return folder


def _files(
    root: Path, found_as: dict[str, PurePosixPath], repeated: list[PurePosixPath]
) -> Iterator[PurePosixPath]:
    """Find the files below a root, each by one path; what lies there itself goes before links.

    Args:
        root: of the walk.
        found_as: takes the path of each file and folder, by its real path.
        repeated: takes the paths that lead to what was found already.
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
        for where, folders, files in os.walk(root / start):
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


def _found(folder: Folder) -> str:
    """Tell what lies in a folder without audio, and what to do about it."""
    names = folder.tables + folder.others
    if not names:
        return "an empty folder - put one folder of clips per class into it"
    kinds = ", ".join(sorted({path.suffix.lower() or path.name for path in names})[:5])
    return f"{len(names)} other files ({kinds}) - give WAV, FLAC or OGG clips"
