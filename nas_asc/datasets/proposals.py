"""Which option would find the labels of a folder without a layout, or use its tables."""

from pathlib import PurePosixPath

from nas_asc.datasets.columns import meaning_of_splits
from nas_asc.datasets.folder import Folder
from nas_asc.datasets.names import propose_names
from nas_asc.datasets.table import propose_columns, read_table
from nas_asc.errors import DatasetError, printable


def what_would_work(folder: Folder) -> str:
    """Return the option that finds labels in a folder, or what to do where none does."""
    if option := options_for(folder):
        return option
    do = "put one folder of clips per class into it, or a meta.csv with filename and label"
    tops = folder.top_folders
    if len(tops) > 1 and len(meaning_of_splits(tops)) == len(tops):
        return f"{', '.join(tops)} are splits, and no classes; {do}"
    return do


def options_for(folder: Folder) -> str:
    """Return the options that find labels in tables or names, if any do."""
    proposals = [_option_of_table(folder, path) for path in folder.tables[:3]]
    proposals.append(propose_names(folder.audio))
    found = [proposal for proposal in proposals if proposal]
    return f"try {', or '.join(found)}" if found else ""


def _option_of_table(folder: Folder, path: PurePosixPath) -> str:
    try:
        beside = path.parent.as_posix() in (".", "meta", "metadata")
        where = "" if beside else f"--data '{printable(folder.root / path)}'"
        return propose_columns(folder.root / path, where, {each.stem for each in folder.audio})
    except DatasetError:
        return ""


def unused_tables(folder: Folder) -> tuple[str, ...]:
    """Name the tables that lie there and are not used, with the option that would use them."""
    notes = []
    for path in folder.tables[:3]:
        try:
            columns = ", ".join(filter(None, read_table(folder.root / path, {}, most=1).columns))
        except DatasetError as error:
            notes.append(f"the table {printable(path)} is not used: {error}")
            continue
        option = _option_of_table(folder, path)
        use = f"; {option} would use it" if option else ""
        notes.append(f"the table {printable(path)} is not used (columns {columns}){use}")
    if more := len(folder.tables) - len(notes):
        notes.append(f"{more} more tables are not used")
    return tuple(notes)
