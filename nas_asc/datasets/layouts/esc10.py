"""The first ESC-10: class folders `001 - Dog bark` with clips `1-100032-A.ogg`.

The first digit is the fold, the middle number the recording (Piczak, 2015, "ESC: dataset for
environmental sound classification").
"""

from dataclasses import replace
from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts import class_folders
from nas_asc.datasets.layouts.listing import Listing
from nas_asc.datasets.layouts.recording import ESC_NAME


def matches(folder: Folder) -> bool:
    """Tell whether all clips in folders carry ESC names, with all of the five folds."""
    folds = {_fold(path) for path in folder.audio if len(path.parts) > 1}
    return folds == {1, 2, 3, 4, 5}


def read(folder: Folder) -> Listing:
    """List the clips with the fold in their names."""
    listing = class_folders.read(folder)
    entries = tuple(
        replace(entry, fold=_fold(PurePosixPath(entry.path.name))) for entry in listing.entries
    )
    return replace(listing, entries=entries)


def _fold(path: PurePosixPath) -> int | None:
    match = ESC_NAME.fullmatch(path.stem)
    return int(match["fold"]) if match else None
