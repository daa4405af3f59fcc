"""One folder of clips per class, `dog/1.wav`, or one per split and in it one per class.

The name of a class folder may begin with a number, as in `001 - Dog bark`; it is no part of the
class if all have one.
"""

import re
from collections.abc import Iterable

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.listing import SPLIT_WORDS, Entry, Listing, groups_of

_NUMBER = re.compile(r"\d+(\s*[-_.]\s*|\s+)(?=\S)")


def matches(folder: Folder) -> bool:
    """Tell whether there are folders with audio."""
    return bool(folder.top_folders)


def read(folder: Folder) -> Listing:
    """List the clips; the class is the name of the folder."""
    paths = tuple(path for path in folder.audio if len(path.parts) > 1)
    labels = _class_names(folder.top_folders)
    groups, grouping = groups_of(paths)
    entries = tuple(
        Entry(folder.root / path, labels[path.parts[0]], group)
        for path, group in zip(paths, groups, strict=True)
    )
    loose = len(folder.audio) - len(paths)
    notes = (f"{loose} audio files beside the class folders are left out",) if loose else ()
    return Listing(entries, grouping, notes)


def matches_splits(folder: Folder) -> bool:
    """Tell whether the top folders are splits, a training one among them."""
    splits = {SPLIT_WORDS.get(name.lower()) for name in folder.top_folders}
    nested = all(len(path.parts) > 2 for path in folder.audio)
    return nested and None not in splits and "train" in splits and len(splits) > 1


def read_splits(folder: Folder) -> Listing:
    """List the clips; the split is the first folder, the class the second."""
    labels = _class_names(sorted({path.parts[1] for path in folder.audio}))
    groups, grouping = groups_of(folder.audio, depth=2)
    entries = tuple(
        Entry(folder.root / path, labels[path.parts[1]], group, SPLIT_WORDS[path.parts[0].lower()])
        for path, group in zip(folder.audio, groups, strict=True)
    )
    return Listing(entries, grouping)


def _class_names(folders: Iterable[str]) -> dict[str, str]:
    folders = tuple(folders)
    names = [_NUMBER.sub("", folder, count=1) for folder in folders]
    numbered = all(_NUMBER.match(folder) for folder in folders)
    unique = len(set(names)) == len(names)
    return dict(zip(folders, names if numbered and unique else folders, strict=True))
