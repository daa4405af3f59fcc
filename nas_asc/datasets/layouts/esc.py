"""ESC-50, and the first ESC-10 (Piczak, 2015, "Dataset for environmental sound classification").

ESC-50 has its clips in `audio/`, their classes, folds and recordings in `meta/esc50.csv`. The first
ESC-10 has class folders `001 - Dog bark` with clips `1-100032-A.ogg`: fold, recording, take.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts import class_folders
from nas_asc.datasets.layouts.listing import ESC_NAME, Listing
from nas_asc.datasets.layouts.table import listing, read_table

_TABLE = PurePosixPath("meta/esc50.csv")


def is_esc50(folder: Folder) -> bool:
    """Tell whether the table is there."""
    return _TABLE in folder.tables


def read_esc50(folder: Folder) -> Listing:
    """List the clips with category, fold and source recording."""
    return listing(folder, read_table(folder, _TABLE))


def is_esc10(folder: Folder) -> bool:
    """Tell whether all clips in folders carry ESC names, with all of the five folds."""
    folds = {_fold(path) for path in folder.audio if len(path.parts) > 1}
    return folds == {1, 2, 3, 4, 5}


def read_esc10(folder: Folder) -> Listing:
    """List the clips with the fold in their names."""
    found = class_folders.read(folder)
    entries = tuple(
        replace(entry, fold=_fold(PurePosixPath(entry.path.name))) for entry in found.entries
    )
    return replace(found, entries=entries)


def _fold(path: PurePosixPath) -> int | None:
    match = ESC_NAME.fullmatch(path.stem)
    return int(match["fold"]) if match else None
