"""What lies in a folder: its audio files and its tables, walked once."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nas_asc.errors import DatasetError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
TABLE_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class Folder:
    """The audio files and tables below a root, as paths relative to it, sorted.

    Hidden files and folders, and folders whose name begins with an underscore (background noise,
    archive leftovers), are passed over; `others` are the files that are neither audio nor table.
    """

    root: Path
    audio: tuple[PurePosixPath, ...]
    tables: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...]

    @property
    def top_folders(self) -> tuple[str, ...]:
        """The folders right below the root that hold audio, sorted."""
        return tuple(sorted({path.parts[0] for path in self.audio if len(path.parts) > 1}))


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
    for parent, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        below = PurePosixPath(Path(parent).relative_to(root).as_posix())
        for name in names:
            suffix = Path(name).suffix.lower()
            if not name.startswith("."):
                kind = audio if suffix in AUDIO_SUFFIXES else others
                (tables if suffix in TABLE_SUFFIXES else kind).append(below / name)
    folder = Folder(root, tuple(sorted(audio)), tuple(sorted(tables)), tuple(sorted(others)))
    if not audio:
        raise DatasetError(f"{root}: expected audio files, found {_found(folder)}")
    return folder


def _found(folder: Folder) -> str:
    """Say what lies in a folder without audio, and what to do about it."""
    names = folder.tables + folder.others
    if not names:
        return "an empty folder - put one folder of clips per class into it"
    kinds = ", ".join(sorted({path.suffix.lower() or path.name for path in names})[:5])
    return f"{len(names)} other files ({kinds}) - give WAV, FLAC or OGG clips"
