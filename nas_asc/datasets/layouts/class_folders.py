"""One folder of clips per class, such as `dog/1.wav`, `rain/2.flac`."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.listing import Entry, Listing
from nas_asc.datasets.layouts.recording import groups_of

_NUMBER = re.compile(r"\d+(\s*[-_.]\s*|\s+)(?=\S)")


def matches(folder: Folder) -> bool:
    """Tell whether there are folders with audio."""
    return bool(folder.top_folders)


def read(folder: Folder) -> Listing:
    """List the clips; the class is the folder's name without a leading number."""
    paths, notes = labelled(folder)
    labels = class_names(folder.top_folders)
    groups, grouping = groups_of(paths)
    entries = tuple(
        Entry(folder.root / path, labels[path.parts[0]], group)
        for path, group in zip(paths, groups, strict=True)
    )
    return Listing(entries, grouping, notes)


def labelled(folder: Folder) -> tuple[tuple[PurePosixPath, ...], tuple[str, ...]]:
    """Give the clips that lie in a folder, and a note on those that do not."""
    paths = tuple(path for path in folder.audio if len(path.parts) > 1)
    loose = len(folder.audio) - len(paths)
    return paths, (f"{loose} audio files beside the class folders are left out",) if loose else ()


def class_names(folders: Iterable[str]) -> dict[str, str]:
    """Name the class of each folder: "001 - Dog bark" is "Dog bark" if all have such a number."""
    folders = tuple(folders)
    names = [_NUMBER.sub("", folder, count=1) for folder in folders]
    numbered = all(_NUMBER.match(folder) for folder in folders)
    unique = len(set(names)) == len(names)
    return dict(zip(folders, names if numbered and unique else folders, strict=True))
