"""Speech Commands: one folder per word, and lists of the clips for validation and test.

Warden, 2018, arXiv 1804.03209: `yes/0a7c2a8d_nohash_0.wav`, with `validation_list.txt` and
`testing_list.txt` beside the folders; the name begins with the speaker.
"""

from dataclasses import replace
from pathlib import Path

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts import class_folders
from nas_asc.datasets.layouts.listing import Listing

_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}


def matches(folder: Folder) -> bool:
    """Tell whether both lists are there."""
    others = {path.as_posix() for path in folder.others}
    return bool(folder.top_folders) and others.issuperset(_LISTS.values())


def read(folder: Folder) -> Listing:
    """List the clips; those on neither list are for training."""
    split_of = {
        folder.root / line.strip(): split
        for split, name in _LISTS.items()
        for line in Path(folder.root, name).read_text(encoding="utf-8").splitlines()
    }
    listing = class_folders.read(folder)
    entries = tuple(
        replace(entry, split=split_of.get(entry.path, "train")) for entry in listing.entries
    )
    return replace(listing, entries=entries)
