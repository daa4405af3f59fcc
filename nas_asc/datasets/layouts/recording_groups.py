"""Which recording a clip was cut from, told by its name.

Clips of one recording, one speaker or one place sound alike: one in training and another in test
would make the test easier than the world is.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

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
