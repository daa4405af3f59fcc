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

from nas_asc.datasets.folder import Entry, Folder, Listing, groups_of
from nas_asc.errors import DatasetError, nearest

# What a folder or a cell may call a split.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "validate"), "validation"),
    **dict.fromkeys(("test", "testing", "evaluate", "evaluation", "eval"), "test"),
}
# What each column may be called; of several that are there the first counts.
_COLUMNS = {
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


def read_table(folder: Folder, path: PurePosixPath) -> Table:
    """Read a table by the columns that we know; DatasetError where it is not text."""
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
        for column, known in _COLUMNS.items()
        if any(name in names for name in known)
    }
    rows = tuple(
        (line, {column: row[at].strip() if at < len(row) else "" for column, at in index.items()})
        for line, row in enumerate(reader, start=2)
        if any(cell.strip() for cell in row)
    )
    return Table(path, tuple(index), rows)


def has_table(folder: Folder) -> bool:
    """Return whether a table names files, and labels too unless folders could be the classes."""
    return any("label" in table.columns or len(folder.top_folders) < 2 for table in _tables(folder))


def list_table(folder: Folder) -> Listing:
    """List the clips of the table with labels, or of the one whose name says that it is the one."""
    tables = list(_tables(folder))
    labelled = [table for table in tables if "label" in table.columns]
    preferred = [table for table in tables if table.path.stem in _PREFERRED]
    for wanted in (labelled, preferred, tables):
        if len(wanted) == 1:
            return list_rows(folder, wanted[0])
    found = ", ".join(table.path.as_posix() for table in tables[:4])
    raise DatasetError(
        f"{folder.root}: expected one table of clips, found {len(tables)} ({found}) - "
        "name the one to use meta.csv"
    )


def list_rows(folder: Folder, table: Table) -> Listing:
    """List the clips of the rows of a table, also where a file is not there.

    DatasetError where a column, a label or a split word is missing, or a file is named twice.
    """
    for column in ("filename", "label"):
        if column not in table.columns:
            raise DatasetError(
                f"{folder.root / table.path}: expected a column of {column}s "
                f"({', '.join(_COLUMNS[column])}), found {', '.join(table.columns)} - add one"
            )
    there = set(folder.audio)
    paths: dict[PurePosixPath, int] = {}
    for line, row in table.rows:
        where = f"{folder.root / table.path} line {line}"
        _check_row(where, row)
        path = _find(folder, row, table.path.parent, there)
        if path in paths:
            raise DatasetError(
                f"{where}: expected every file once, found {row['filename']} again "
                f"(line {paths[path]}) - keep one of the two"
            )
        paths[path] = line
    groups, grouping = groups_of(paths)
    if "group" in table.columns:
        groups, grouping = tuple(row["group"] for _, row in table.rows), "the table's group column"
    entries = [
        Entry(
            path=folder.root / path,
            label=row["label"],
            group=group,
            split=SPLIT_WORDS[row["split"].lower()] if "split" in row else None,
            fold=int(row["fold"]) if "fold" in row else None,
            device=row.get("device") or None,
        )
        for path, group, (_, row) in zip(paths, groups, table.rows, strict=True)
    ]
    left_out = len(there - set(paths))
    notes = (f"{left_out} audio files that {table.path} does not name are left out",)
    by_path = tuple(sorted(entries, key=lambda entry: entry.path))
    return Listing(by_path, grouping, notes if left_out else ())


def _tables(folder: Folder) -> Iterator[Table]:
    """Find the tables that name files, from the places where a table of clips may lie."""
    for path in folder.tables:
        if path.parent.as_posix() in _PLACES:
            table = read_table(folder, path)
            if "filename" in table.columns and table.rows:
                yield table


def _check_row(where: str, row: dict[str, str]) -> None:
    """Refuse a row whose cells cannot be meant."""
    for column in ("filename", "label", "group"):
        if row.get(column) == "":
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
    """Find the file of a row; where it is nowhere, return where it was expected first."""
    name = PurePosixPath(row["filename"].replace("\\", "/"))
    places = [PurePosixPath(), PurePosixPath("audio"), parent]
    if "fold" in row:
        places.append(PurePosixPath("audio", f"fold{row['fold']}"))
    paths = [place / name for place in places]
    if folder.repeated and there.isdisjoint(paths):  # a row may name it by a link left out
        reals = [os.path.realpath(folder.root / path) for path in paths]
        paths = [folder.found_as.get(real, name) for real in reals]
    return next((path for path in paths if path in there), name)
