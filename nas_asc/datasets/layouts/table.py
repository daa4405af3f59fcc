"""A CSV or TSV table of clips: filename, label and, if known, split, fold, device and group.

Conventions: the first row names the columns; the delimiter is the tab, the comma or the semicolon
that it holds; spaces, carriage returns and a byte order mark at the ends are stripped. The table
lies in the data set folder or in its `meta` or `metadata`, the clips beside it, in `audio`, or in
`audio/foldN` (UrbanSound8K). Rows that leave the label empty are an error, not a class.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.listing import SPLIT_WORDS, Entry, Listing, groups_of
from nas_asc.errors import DatasetError, nearest

# What each column may be called; of several that are there the first counts.
COLUMNS = {
    "filename": ("filename", "file_name", "slice_file_name", "file", "filepath", "path", "fname"),
    "label": ("label", "scene_label", "category", "class_name", "class", "scene", "target"),
    "split": ("split", "subset", "partition"),
    "fold": ("fold",),
    "device": ("device", "source_label"),
    "group": ("group", "identifier", "recording", "location", "src_file", "fsid", "speaker"),
}
_PREFERRED = ("meta", "metadata", "labels")
_PLACES = (".", "meta", "metadata")


@dataclass(frozen=True)
class Table:
    """A table as read: its path, and its rows by our names of the columns, with line numbers."""

    path: PurePosixPath
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def matches(folder: Folder) -> bool:
    """Tell whether a table names files, and labels too unless folders could be the classes."""
    return any("label" in table.columns or len(folder.top_folders) < 2 for table in _tables(folder))


def read(folder: Folder) -> Listing:
    """List the clips of the table's rows.

    Raises:
        DatasetError: several tables, a column, a label or a split word missing, or a file twice.
    """
    table = _choose(folder)
    if "label" not in table.columns:
        raise DatasetError(
            f"{folder.root / table.path}: expected a column of labels "
            f"({', '.join(COLUMNS['label'])}), found {', '.join(table.columns)} - add one"
        )
    return listing(folder, table)


def listing(folder: Folder, table: Table) -> Listing:
    """Turn the rows of a table into entries; a file that is not there keeps its place in them."""
    there = set(folder.audio)
    parent = table.path.parent
    paths: dict[PurePosixPath, int] = {}
    for line, row in table.rows:
        _check_row(folder, table, line, row)
        path = _find(folder, row, parent, there)
        if path in paths:
            raise DatasetError(
                f"{folder.root / table.path} line {line}: expected every file once, found "
                f"{row['filename']} again (line {paths[path]}) - keep one of the two"
            )
        paths[path] = line
    if "group" in table.columns:
        groups, grouping = tuple(row["group"] for _, row in table.rows), "the table's group column"
    else:
        groups, grouping = groups_of(paths)
    entries = tuple(
        Entry(
            path=folder.root / path,
            label=row["label"],
            group=group,
            split=SPLIT_WORDS[row["split"].lower()] if "split" in row else None,
            fold=int(row["fold"]) if "fold" in row else None,
            device=row.get("device") or None,
        )
        for path, group, (_, row) in zip(paths, groups, table.rows, strict=True)
    )
    left_out = len(there - set(paths))
    notes = (f"{left_out} audio files that {table.path} does not name are left out",)
    return Listing(tuple(sorted(entries, key=lambda e: e.path)), grouping, notes[: left_out > 0])


def read_table(folder: Folder, path: PurePosixPath) -> Table:
    """Read a table by the columns that we know.

    Raises:
        DatasetError: it is not text.
    """
    try:
        text = (folder.root / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{folder.root / path}: expected UTF-8 text, found other bytes - save it as UTF-8"
        ) from error
    lines = text.splitlines()
    header = lines[0] if lines else ""
    reader = csv.reader(lines, delimiter=max("\t,;", key=header.count), skipinitialspace=True)
    names = [name.strip().lower() for name in next(reader, [])]
    index = {
        column: names.index(next(name for name in known if name in names))
        for column, known in COLUMNS.items()
        if any(name in names for name in known)
    }
    rows = tuple(
        (line, {column: row[at].strip() if at < len(row) else "" for column, at in index.items()})
        for line, row in enumerate(reader, start=2)
        if any(cell.strip() for cell in row)
    )
    return Table(path, tuple(index), rows)


def _tables(folder: Folder) -> Iterator[Table]:
    """Find the tables that name files, from the places where a table of clips may lie."""
    for path in folder.tables:
        if path.parent.as_posix() in _PLACES:
            table = read_table(folder, path)
            if "filename" in table.columns and table.rows:
                yield table


def _choose(folder: Folder) -> Table:
    """Take the table with labels, or the one whose name says that it is the one."""
    tables = list(_tables(folder))
    for wanted in (
        [table for table in tables if "label" in table.columns],
        [table for table in tables if table.path.stem in _PREFERRED],
        tables,
    ):
        if len(wanted) == 1:
            return wanted[0]
    found = ", ".join(table.path.as_posix() for table in tables[:4])
    raise DatasetError(
        f"{folder.root}: expected one table of clips, found {len(tables)} ({found}) - "
        "name the one to use meta.csv"
    )


def _check_row(folder: Folder, table: Table, line: int, row: dict[str, str]) -> None:
    """Refuse a row whose cells cannot be meant."""
    where = f"{folder.root / table.path} line {line}"
    for column in ("filename", "label", "group"):
        if column in row and not row[column]:
            raise DatasetError(
                f"{where}: expected a {column}, found an empty cell ({row['filename']}) - "
                "fill it in or remove the row"
            )
    split, fold = row.get("split"), row.get("fold")
    if split is not None and split.lower() not in SPLIT_WORDS:
        raise DatasetError(
            f"{where}: expected train, validation or test, found {split!r} - "
            f"correct the split{nearest(split.lower(), SPLIT_WORDS)}"
        )
    if fold is not None and not fold.isdecimal():
        raise DatasetError(
            f"{where}: expected the number of a fold, found {fold!r} - correct the fold"
        )


def _find(
    folder: Folder, row: dict[str, str], parent: PurePosixPath, there: set[PurePosixPath]
) -> PurePosixPath:
    """Find the file of a row; where it is nowhere, give the place where it was expected first."""
    name = PurePosixPath(row["filename"].replace("\\", "/"))
    places = [PurePosixPath(), PurePosixPath("audio"), parent]
    if "fold" in row:
        places.append(PurePosixPath("audio", f"fold{row['fold']}"))
    paths = [place / name for place in places]
    if folder.repeated and there.isdisjoint(paths):  # a row may name it by a link left out
        reals = [os.path.realpath(folder.root / path) for path in paths]
        paths = [folder.found_as.get(real, name) for real in reals]
    return next((path for path in paths if path in there), name)
