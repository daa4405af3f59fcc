"""ESC-50: clips in `audio/`, their classes and folds in `meta/esc50.csv`."""

from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.listing import Listing
from nas_asc.datasets.layouts.table import listing, read_table

_TABLE = PurePosixPath("meta/esc50.csv")


def matches(folder: Folder) -> bool:
    """Tell whether the table is there."""
    return _TABLE in folder.tables


def read(folder: Folder) -> Listing:
    """List the clips with category, fold and source recording."""
    return listing(folder, read_table(folder, _TABLE))
