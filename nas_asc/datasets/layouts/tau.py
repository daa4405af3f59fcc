"""TAU Urban Acoustic Scenes: `meta.csv`, and the official split in `evaluation_setup/`.

The clips of `fold1_train.csv` are for training (a part of their places becomes the validation
split), those of `fold1_evaluate.csv` or `fold1_test.csv` are the test; clips on neither list are
left out, as in the challenge.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.listing import Listing
from nas_asc.datasets.layouts.table import listing, read_table
from nas_asc.errors import DatasetError

_META = PurePosixPath("meta.csv")
_TRAIN = PurePosixPath("evaluation_setup/fold1_train.csv")
_TESTS = (
    PurePosixPath("evaluation_setup/fold1_evaluate.csv"),
    PurePosixPath("evaluation_setup/fold1_test.csv"),
)


def matches(folder: Folder) -> bool:
    """Tell whether both the table and the official split are there."""
    return _META in folder.tables and _TRAIN in folder.tables


def read(folder: Folder) -> Listing:
    """List the clips of the official split.

    Raises:
        DatasetError: the list of the test clips is not there.
    """
    test = next((path for path in _TESTS if path in folder.tables), None)
    if test is None:
        raise DatasetError(
            f"{folder.root}: expected {_TESTS[0]} beside fold1_train.csv, found none - "
            "complete the download"
        )
    split_of = dict.fromkeys(_names(folder, test), "test")
    split_of |= dict.fromkeys(_names(folder, _TRAIN), "train")
    table = read_table(folder, _META)
    rows = tuple(
        (line, {**row, "split": split_of[row["filename"]]})
        for line, row in table.rows
        if row.get("filename") in split_of
    )
    left_out = len(table.rows) - len(rows)
    read = listing(folder, replace(table, rows=rows))
    note = f"{left_out} clips of {_META} that the official split leaves out are not used"
    return replace(read, notes=(note,) if left_out else ())


def _names(folder: Folder, path: PurePosixPath) -> list[str]:
    return [row.get("filename", "") for _, row in read_table(folder, path).rows]
