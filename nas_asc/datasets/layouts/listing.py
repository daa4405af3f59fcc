"""What a layout reads from a folder: the files, their recordings, and what is said about them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nas_asc.datasets.folder import Folder

# What a folder or a cell may call a split.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "validate"), "validation"),
    **dict.fromkeys(("test", "testing", "evaluate", "evaluation", "eval"), "test"),
}


@dataclass(frozen=True)
class Entry:
    """One file and what its place, its name or its row in a table say about it.

    `group` names the recording that the clip was cut from; `split` is set where the data fix it.
    """

    path: Path
    label: str
    group: str
    split: str | None = None
    fold: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Listing:
    """All files of a data set; `grouping` says in words what a recording group is."""

    entries: tuple[Entry, ...]
    grouping: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set folder.

    Attributes:
        pattern: how such a folder looks, for people.
        matches: whether a folder is laid out so.
        read: lists its clips; raises DatasetError where a table contradicts itself.
    """

    pattern: str
    matches: Callable[[Folder], bool]
    read: Callable[[Folder], Listing]


ESC_NAME = re.compile(r"(?P<fold>[1-9])-(?P<recording>\d+)-[A-Z](-\d+)?")

_NAMES: Mapping[str, re.Pattern[str]] = {
    "the recording id in the file name": ESC_NAME,
    "the speaker in the file name": re.compile(r"(?P<recording>[0-9a-f]+)_nohash_\d+"),
    "the place in the file name (city-location)": re.compile(
        r"[a-z_]+-(?P<recording>[a-z]+-\d+)-\d+(-\d+)?-[a-z]\d?"
    ),
}
_FOLDER = "sub-folder"
_FILE = "file, each its own (clips of one recording belong into one sub-folder of their class)"


def groups_of(paths: Iterable[PurePosixPath], depth: int = 1) -> tuple[tuple[str, ...], str]:
    """Name the recording of every clip; also return in words what the names were taken from.

    The first kind of name that all files have decides; else the sub-folder of the class folder;
    else every file is a recording of its own (the same name in two formats is one recording).

    Args:
        paths: the clips, relative to the data set folder.
        depth: how many folders lead to a class's clips: 1, or 2 below split folders.
    """
    paths = tuple(paths)
    for words, name in _NAMES.items():
        matches = [name.fullmatch(path.stem) for path in paths]
        if all(matches):
            return tuple(match["recording"] for match in matches if match), words
    if all(len(path.parts) > depth + 1 for path in paths):
        return tuple(path.parent.as_posix() for path in paths), _FOLDER
    return tuple(path.with_suffix("").as_posix() for path in paths), _FILE
