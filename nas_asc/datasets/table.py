"""A CSV or TSV table of clips: a file and its label and, if known, split, fold, device and group.

Conventions: the first row names the columns; the delimiter is the tab, the comma or the semicolon
that it holds; spaces, carriage returns and a byte order mark at the ends are stripped. A file is
named from the table's folder or the folder above, from `audio` or `audio/foldN` (UrbanSound8K)
beside it, from `--audio`, or by its whole path; its suffix may be left out, and its folders where
no other file has its name. Rows that leave the label empty are an error, not a class.
"""

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nas_asc.datasets.columns import (
    ROLES,
    Entry,
    entry_of,
    meaning_of_splits,
    roles_of,
    unlike_names,
)
from nas_asc.datasets.folder import AUDIO_SUFFIXES, Folder, is_audio
from nas_asc.errors import DatasetError, nearest, printable

_PREFERRED = ("meta", "metadata", "labels")
_PLACES = (".", "meta", "metadata")
_LOOKED_AT = 200  # rows that are enough to see what columns hold

# Where the file of a row is: its path, or None.
Find = Callable[[Mapping[str, str], str], Path | None]


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
    lines = text.splitlines()
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
    """Return whether a table names files, and labels too unless folders could be the classes."""
    if columns:
        return bool(folder.tables)
    return any(
        "label" in table.roles or len(folder.top_folders) < 2
        for table in tables_in(folder, columns)
    )


def list_tables(folder: Folder, columns: Mapping[str, str]) -> tuple[list[Entry], list[str]]:
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
    preferred = [table for table in tables if table.path.stem in _PREFERRED]
    for wanted in (labelled, preferred, tables):
        if len(wanted) == 1:
            return list_rows(wanted, in_folder(folder), folder.root, folder)
    if len(named_after_splits(table.path for table in labelled)) == len(labelled) > 0:
        return list_rows(labelled, in_folder(folder), folder.root, folder)
    found = ", ".join(table.path.relative_to(folder.root).as_posix() for table in tables[:4])
    raise DatasetError(
        f"{printable(folder.root)}: expected one table of clips, found {len(tables)} ({found}) - "
        f"name the one to use meta.csv, or give it: --data {printable(tables[0].path)}"
    )


def list_rows(
    tables: Sequence[Table], find: Find, base: Path, folder: Folder | None = None
) -> tuple[list[Entry], list[str]]:
    """List the clips of the rows of tables, also where a file is not there, and notes.

    Several tables are named after splits; files are named from `base`. What a `folder` holds
    besides is told in the notes.

    Raises:
        DatasetError: a column, a label or a split word is missing, or a file is named twice.
    """
    words = {t.cell(row, "split") for t in tables for _, row in t.rows} - {""}
    by_name = named_after_splits(table.path for table in tables) if len(tables) > 1 else {}
    splits = meaning_of_splits(words)
    seen: dict[Path, tuple[Path, int]] = {}
    entries, missing = [], 0
    for table in tables:
        _check_columns(table)
        there = [find(row, table.cell(row, "file")) for _, row in table.rows]
        missing += there.count(None)
        for (line, row), found in zip(table.rows, there, strict=True):
            where = f"{printable(table.path)} line {line}"
            name = table.cell(row, "file")
            for role in ("file", "label"):
                if not table.cell(row, role):
                    raise DatasetError(
                        f"{where}: expected a {role}, found an empty cell ({name}) - "
                        "fill it in or remove the row"
                    )
            path = found or base / _slashes(name)
            if path in seen:
                other, at = seen[path]
                beside = "" if other == table.path else f" of {printable(other.name)}"
                raise DatasetError(
                    f"{where}: expected every file once, found {name} again (line {at}{beside}) - "
                    "keep one of the two"
                )
            seen[path] = (table.path, line)
            entry = entry_of(path, row, table.roles, splits, where)
            if by_name:
                entry = _with_split(entry, by_name[table.path])
            if path.is_relative_to(base):  # all may lie in one folder, which says nothing
                entry = replace(entry, below=path.relative_to(base).parent.parts[1:])
            entries.append(entry)
    if entries and missing == len(entries):
        raise DatasetError(
            f"{printable(tables[0].path)}: expected files that are there, found none of "
            f"{missing}, such as {printable(entries[0].path)} - give the folder that they are "
            "named from with --audio DIR"
        )
    notes = unlike_names({**splits, **{p.stem: split for p, split in by_name.items()}})
    if folder is not None:
        for table in tables:
            where = table.path.relative_to(folder.root).as_posix()
            notes.append(f"table {where}: {table.meaning}")
        left_out = len({folder.root / path for path in folder.audio} - set(seen))
        names = " and ".join(t.path.relative_to(folder.root).as_posix() for t in tables)
        if left_out:
            notes.append(f"{left_out} audio files that {names} does not name are left out")
    return sorted(entries, key=lambda entry: entry.path), notes


def tables_in(folder: Folder, columns: Mapping[str, str]) -> Iterator[Table]:
    """Find the tables that name files, from the places where a table of clips may lie.

    Where there are none, those in folders without recordings are taken.
    """
    holds_audio = {parent for path in folder.audio for parent in path.parents}
    near = [path for path in folder.tables if path.parent.as_posix() in _PLACES]
    far = [path for path in folder.tables if path not in near and path.parent not in holds_audio]
    found = False
    for path in (*near, *far):
        if found and path in far:
            return
        table = read_table(folder.root / path, columns)
        asked = all(not c or c in table.columns for c in columns.values())
        if "file" in table.roles and table.rows and asked:
            found = found or path in near
            yield table


def named_after_splits(paths: Iterator[Path]) -> dict[Path, str]:
    """Return the split that each path is named after; of a name that is no split, nothing."""
    named = {path: path.stem if path.suffix else path.name for path in paths}
    meanings = meaning_of_splits(named.values())
    return {path: meanings[word] for path, word in named.items() if word in meanings}


def in_folder(folder: Folder) -> Find:
    """Return what finds the file of a row among those of a folder."""
    there = set(folder.audio)
    names = _unique_names(folder.audio)

    def find(row: Mapping[str, str], name: str) -> Path | None:
        wanted = _slashes(name)
        if wanted.is_absolute():
            return _existing(Path(wanted))
        paths = [place / wanted for place in _places(row)]
        if folder.repeated and there.isdisjoint(paths):  # a row may name it by a link left out
            reals = [os.path.realpath(folder.root / path) for path in paths]
            paths += [folder.found_as[real] for real in reals if real in folder.found_as]
        found = next((path for path in paths if path in there), names.get(wanted.name))
        return None if found is None else folder.root / found

    return find


def in_places(parent: Path, audio: Path | None) -> Find:
    """Return what finds the file of a row of a table in `parent`, or from the folder `audio`."""
    names: dict[str, PurePosixPath] = {}
    if audio is not None:
        below = [Path(where, name) for where, _, files in os.walk(audio) for name in files]
        relative = [PurePosixPath(path.relative_to(audio)) for path in below]
        names = _unique_names([path for path in relative if is_audio(path)])

    def find(row: Mapping[str, str], name: str) -> Path | None:
        wanted = _slashes(name)
        if wanted.is_absolute():
            return _existing(Path(wanted))
        starts = [parent, parent.parent] if audio is None else [audio, parent]
        for start in starts:
            for place in _places(row):
                if found := _existing(start / place / wanted):
                    return found
        by_name = names.get(wanted.name)
        return None if by_name is None or audio is None else audio / by_name

    return find


def propose_columns(path: Path, where: str = "") -> str:
    """Return the option that would use a table, by what its columns hold; or nothing.

    `where` is the --data option that names it, where that is needed.
    """
    table = read_table(path, {}, most=_LOOKED_AT)
    if not table.rows:
        return ""
    cells = {c: [row[c] for _, row in table.rows] for c in table.columns if c}
    files = [c for c, held in cells.items() if sum(map(_names_audio, held)) > len(held) / 2]
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


def _places(row: Mapping[str, str]) -> list[PurePosixPath]:
    folds = [PurePosixPath("audio", f"fold{row['fold']}")] if "fold" in row else []
    plain = ("", "audio", "meta", "metadata")
    return [*map(PurePosixPath, plain), *folds]


def _slashes(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _existing(path: Path) -> Path | None:
    """Return the path of a file that is there, with the suffix that its name may lack."""
    try:
        if path.is_file():
            return path
        if is_audio(PurePosixPath(path)):
            return None
        candidates = (path.with_name(path.name + suffix) for suffix in sorted(AUDIO_SUFFIXES))
        return next((each for each in candidates if each.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return None


def _unique_names(paths: Sequence[PurePosixPath]) -> dict[str, PurePosixPath]:
    """Return the files by their names, with and without suffix, that no other file has."""
    found: dict[str, PurePosixPath | None] = {}
    for path in paths:
        for name in {path.name, path.stem}:
            found[name] = None if name in found else path
    return {name: path for name, path in found.items() if path is not None}


def _names_audio(cell: str) -> bool:
    return is_audio(_slashes(cell))
