"""A CSV or TSV table of clips: a file and its label and, if known, split, fold, device and group.

Conventions: the first row names the columns; the delimiter is the tab, the comma or the semicolon
that it holds; spaces, carriage returns and a byte order mark at the ends are stripped. Where files
lie that rows name is in `named_files`. An empty label is an error, not a class.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from nas_asc.datasets.columns import (
    ROLES,
    Entry,
    entry_of,
    meaning_of_splits,
    roles_of,
    unlike_names,
)
from nas_asc.datasets.folder import Folder, is_audio
from nas_asc.datasets.named_files import Find, in_folder, path_of
from nas_asc.errors import DatasetError, nearest, printable
from nas_asc.units import number_of

_PREFERRED = ("meta", "metadata", "labels")
_PLACES = (".", "meta", "metadata")
_LOOKED_AT = 200  # rows that are enough to see what columns hold
# Columns that say where in a recording begins what a row is about.
_BEGINNINGS = frozenset({
    "onset", "start", "start_s", "start_time", "start_seconds", "begin", "begin_time",
    "begin time (s)", "event_onset",
})  # fmt: skip

_Row = tuple[str, Entry]  # the table and line of a row, for what is wrong with it


@dataclass(frozen=True)
class Table:
    """A table as read.

    Attributes:
        path: of the table, absolute.
        columns: their names, in lower case.
        roles: the column of each role that has one.
        rows: with their lines, what each column holds.
    """

    path: Path
    columns: tuple[str, ...]
    roles: Mapping[str, str]
    rows: tuple[tuple[int, Mapping[str, str]], ...]

    def cell(self, row: Mapping[str, str], role: str) -> str:
        """Return what a row holds for a role; nothing where there is no such column."""
        return row.get(self.roles.get(role, ""), "")

    @property
    def meaning(self) -> str:
        """What the columns mean, in words."""
        pairs = self.roles.items()
        return ", ".join(role if role == name else f"{role} is {name}" for role, name in pairs)


def read_table(path: Path, columns: Mapping[str, str], most: int | None = None) -> Table:
    """Read a table, or its first rows; `columns` say which column has which role.

    Raises:
        DatasetError: it is no text, or its quotes do not go together.
    """
    where = printable(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{where}: expected UTF-8 text, found other bytes - save it as UTF-8"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DatasetError(f"{where}: expected a table, found {reason} - check the path") from error
    # splitlines would break a row where a cell holds one of Unicode's other line ends
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header = lines[0] if lines else ""
    delimiter = max("\t,;", key=header.count)
    records = _records(where, lines, delimiter)
    names = tuple(name.strip().lower() for name in next(records, (1, []))[1])
    rows = []
    for line, cells in records:
        if any(cell.strip() for cell in cells):
            cells += [""] * (len(names) - len(cells))
            rows.append((line, {n: c.strip() for n, c in zip(names, cells, strict=False) if n}))
        if len(rows) == most:
            break
    roles = roles_of(tuple(filter(None, names)), columns)
    # Who splits by a column of numbers means folds.
    if "split" in roles and rows and all(row[roles["split"]].isdecimal() for _, row in rows):
        roles = {**{r: c for r, c in roles.items() if r != "split"}, "fold": roles["split"]}
    return Table(path, names, roles, tuple(rows))


def has_table(folder: Folder, columns: Mapping[str, str]) -> bool:
    """Return whether a table names files and labels."""
    if columns:
        return bool(folder.tables)
    return any("label" in table.roles for table in tables_in(folder, columns))


def list_tables(
    folder: Folder, columns: Mapping[str, str], skip_bad: bool = False
) -> tuple[list[Entry], list[str]]:
    """List the clips of the table with labels, or of the one whose name says that it is the one.

    Tables named after splits, such as train.csv and test.csv, are taken together. Also returns
    notes.

    Raises:
        DatasetError: there are several others, or what stands in it cannot be meant.
    """
    tables = list(tables_in(folder, columns))
    if columns and not tables:
        raise DatasetError(_no_such_columns(folder, columns))
    labelled = [table for table in tables if "label" in table.roles]
    find, notes = in_folder(folder), list[str]()
    if len(labelled) > 1 and not _are_splits(labelled):
        there = [table for table in labelled if _names_one(table, find)]
        notes = [
            f"the table {table.path.relative_to(folder.root).as_posix()} is not used: no file that "
            "it names is there"
            for table in labelled
            if there and table not in there
        ]
        labelled = there or labelled
    preferred = [table for table in tables if table.path.stem in _PREFERRED]
    single = (wanted for wanted in (labelled, preferred, tables) if len(wanted) == 1)
    if chosen := labelled if _are_splits(labelled) else next(single, []):
        entries, said = list_rows(chosen, find, folder.root, folder, skip_bad)
        return entries, [*notes, *said]
    found = ", ".join(table.path.relative_to(folder.root).as_posix() for table in tables[:4])
    raise DatasetError(
        f"{printable(folder.root)}: expected one table of clips, found {len(tables)} ({found}) - "
        f"name the one to use meta.csv, or give it: --data {printable(tables[0].path)}"
    )


def _are_splits(tables: Sequence[Table]) -> bool:
    return len(named_after_splits(table.path for table in tables)) == len(tables) > 0


def _names_one(table: Table, find: Find) -> bool:
    """Return whether one of the first rows of a table names a file that is there."""
    return any(find(row, table.cell(row, "file")) for _, row in table.rows[:_LOOKED_AT])


def list_rows(
    tables: Sequence[Table],
    find: Find,
    base: Path,
    folder: Folder | None = None,
    skip_bad: bool = False,
) -> tuple[list[Entry], list[str]]:
    """List the clips of the rows of tables, also where a file is not there, and notes.

    Several tables are named after splits; files are named from `base`. What a `folder` holds
    besides is told in the notes. Rows that say the same of a file are one clip. With `skip_bad`
    what has no label, or several, is left out.

    Raises:
        DatasetError: a column, a label or a split word is missing, or rows contradict each other.
    """
    words = {t.cell(row, "split") for t in tables for _, row in t.rows} - {""}
    by_name = named_after_splits(table.path for table in tables) if len(tables) > 1 else {}
    splits = meaning_of_splits(words)
    unlabelled, missing, rows_of = [], set[Path](), dict[Path, list[_Row]]()
    for table in tables:
        _check_columns(table)
        for line, row in table.rows:
            where, name = f"{printable(table.path)} line {line}", table.cell(row, "file")
            if empty := [role for role in ("file", "label") if not table.cell(row, role)]:
                unlabelled.append(
                    f"{where}: expected a {empty[0]}, found an empty cell ({name}) - fill it in or "
                    "remove the row"
                )
                continue
            found = find(row, name)
            path = found or base / path_of(name)
            missing |= set() if found else {path}
            entry = entry_of(path, row, table.roles, splits, where)
            if by_name:
                entry = _with_split(entry, by_name[table.path])
            if path.is_relative_to(base):  # all may lie in one folder, which says nothing
                entry = replace(entry, below=path.relative_to(base).parent.parts[1:])
            rows_of.setdefault(path, []).append((where, entry))
    several = {path for path, rows in rows_of.items() if _contradiction(rows)}
    if not skip_bad:
        _refuse(unlabelled)
        _refuse(list(filter(None, map(_contradiction, rows_of.values()))))
    entries = [rows[0][1] for path, rows in rows_of.items() if path not in several]
    if entries and len(missing) == len(rows_of):
        whole = "" if folder is None else f"--data '{printable(tables[0].path)}' "
        raise DatasetError(
            f"{printable(tables[0].path)}: expected files that are there, found none of "
            f"{len(missing)}, such as {printable(entries[0].path)} - give the folder that they are "
            f"named from with {whole}--audio DIR"
        )
    notes = unlike_names({**splits, **{p.stem: split for p, split in by_name.items()}})
    if joined := next((entry.label for entry in entries if "," in entry.label), ""):
        notes.append(f"a clip has one class: labels such as {joined!r} are taken whole")
    seen = sum(len(rows) for rows in rows_of.values())
    for count, what in (
        (len(unlabelled), "without a label left out"),
        (len(several), "that contradict each other left out"),
        (seen - len(rows_of) if not several else 0, "that repeat another taken once"),
    ):
        notes += [f"{number_of(count, 'row')} {what}"] if count else []
    if folder is not None:
        for table in tables:
            where = table.path.relative_to(folder.root).as_posix()
            notes.append(f"table {where}: {table.meaning}")
        left_out = len({folder.root / path for path in folder.audio} - rows_of.keys())
        names = " and ".join(t.path.relative_to(folder.root).as_posix() for t in tables)
        if left_out:
            notes.append(f"{left_out} audio files that {names} does not name are left out")
    return sorted(entries, key=lambda entry: entry.path), notes


def _refuse(faults: Sequence[str]) -> None:
    """Raise the first fault of rows, if there is one, with the number of the others."""
    for fault in faults[:1]:
        more = f" ({len(faults) - 1} more like it)" if len(faults) > 1 else ""
        raise DatasetError(f"{fault}, or leave such rows out with --skip-bad{more}")


def _contradiction(rows: Sequence[_Row]) -> str:
    """Return in which two rows a file has two labels, splits, folds or groups, if in any."""
    (first, entry), *others = rows
    for (where, other), name in product(others, ("label", "fine", "split", "fold", "group")):
        one, two = getattr(other, name), getattr(entry, name)
        if one != two:
            part = next((column for column, _ in entry.fields if column in _BEGINNINGS), "")
            do = "keep one of the two"
            if part:
                do = f"its rows are parts of recordings (column {part}): cut each into a file first"
            return (
                f"{where}: expected one {name} for {printable(entry.path.name)}, found "
                f"{_shown(one)} and {_shown(two)} ({first}) - {do}"
            )
    return ""


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def tables_in(folder: Folder, columns: Mapping[str, str]) -> Iterator[Table]:
    """Find the tables that name files, from the places where a table of clips may lie.

    Where there are none, those in folders without recordings are taken. One that cannot be read is
    passed over, unless it looks like the one that is meant.
    """
    holds_audio = {parent for path in folder.audio for parent in path.parents}
    near = [path for path in folder.tables if path.parent.as_posix() in _PLACES]
    far = [path for path in folder.tables if path not in near and path.parent not in holds_audio]
    found = False
    for path in (*near, *far):
        if found and path in far:
            return
        try:
            table = read_table(folder.root / path, columns)
        except DatasetError:
            header = (folder.root / path).read_bytes().partition(b"\n")[0].decode(errors="replace")
            names = [name.strip().lower() for name in re.split("[\t,;]", header)]
            if path.stem in _PREFERRED or "file" in roles_of(names, columns):
                raise
            continue
        asked = all(not c or c in table.columns for c in columns.values())
        if "file" in table.roles and table.rows and asked:
            found = found or path in near
            yield table


def named_after_splits(paths: Iterator[Path]) -> dict[Path, str]:
    """Return the split that each path is named after; of a name that is no split, nothing."""
    named = {path: path.stem if path.suffix else path.name for path in paths}
    meanings = meaning_of_splits(named.values())
    return {path: meanings[word] for path, word in named.items() if word in meanings}


def propose_columns(path: Path, where: str = "", stems: Collection[str] = ()) -> str:
    """Return the option that would use a table, by what its columns hold; or nothing.

    `where` is the --data option that names it, where that is needed; `stems` are the names of
    files, without suffix, that a column may hold.
    """
    table = read_table(path, {}, most=_LOOKED_AT)
    if not table.rows:
        return ""
    cells = {c: [row[c] for _, row in table.rows] for c in table.columns if c}
    files = [
        column
        for column, held in cells.items()
        if sum(_names_audio(cell) or cell in stems for cell in held) > len(held) / 2
    ]
    file = table.roles.get("file") or next(iter(files), None)
    could = [
        column
        for column, held in cells.items()
        if column != file
        and column not in (table.roles.get("fold"), table.roles.get("split"))
        and 2 <= len({*held} - {""}) <= max(2, len(held) // 2)
    ]
    texts = [column for column in could if not all(cell.isdecimal() for cell in cells[column])]
    label = table.roles.get("label") or next(iter(texts or could), None)
    if file is None or label is None:
        return ""
    known = {"file": file, "label": label}
    odd = [f"{role}={name}" for role, name in known.items() if table.roles.get(role) != name]
    options = [where, f"--columns '{','.join(odd)}'" if odd else ""]
    return " ".join(filter(None, options))


def _records(where: str, lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a table with the line that each begins on."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(
            f"{where} line {line}: expected quotes in pairs around a whole cell, found one "
            "that is not closed there - remove it or write it twice"
        ) from error


def _check_columns(table: Table) -> None:
    for role in ("file", "label"):
        if role not in table.roles:
            found = ", ".join(filter(None, table.columns))
            proposed = propose_columns(table.path)
            do = f"pass {proposed}" if proposed else "add one, or name it with --columns"
            word = "filename" if role == "file" else role
            usual = ", ".join(ROLES[role][:8])
            raise DatasetError(
                f"{printable(table.path)}: expected a column of {word}s ({usual}, ...), "
                f"found {found} - {do}"
            )


def _no_such_columns(folder: Folder, columns: Mapping[str, str]) -> str:
    tables = {path: read_table(folder.root / path, {}, most=1) for path in folder.tables[:4]}
    found = [f"{path} ({', '.join(filter(None, t.columns))})" for path, t in tables.items()]
    known = [name for table in tables.values() for name in table.columns]
    absent = next((c for c in columns.values() if c and c not in known), "")
    return (
        f"{printable(folder.root)}: expected a table of clips with the columns of --columns, "
        f"found {'; '.join(found)} - name its columns, the file's among them"
        f"{nearest(absent, known)}"
    )


def _with_split(entry: Entry, split: str) -> Entry:
    return entry if entry.split else replace(entry, split=split)


def _names_audio(cell: str) -> bool:
    return is_audio(path_of(cell))
