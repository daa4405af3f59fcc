"""From the folders and tables of a data source to the clips that they name, before any is opened.

Conventions: a folder is read by its layout, a table (.csv, .tsv) by its columns. Several of them
are one data set, classes of the same name one class. Where all are named after splits, as in
`--data DIR/train --data DIR/test`, these are their splits.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas_asc.datasets.columns import Entry, parse_columns
from nas_asc.datasets.folder import UNREADABLE_SUFFIXES, unreadable_kinds, walk
from nas_asc.datasets.layouts import LAYOUTS, check_subset, list_clips
from nas_asc.datasets.named_files import in_places
from nas_asc.datasets.official import Inventory
from nas_asc.datasets.table import list_rows, named_after_splits, read_table
from nas_asc.errors import ConfigError, DatasetError, printable
from nas_asc.study import DataSource

_TABLES = (".csv", ".tsv", ".txt")

# Of one folder or table: layout, clips, notes, the folder that its files are named from, and what
# of a data set whose size is published is there.
_Read = tuple[str, Sequence[Entry], Sequence[str], Path | None, Inventory | None]


@dataclass(frozen=True)
class Reading:
    """The clips that a source names.

    Attributes:
        root: the folder that holds all of them.
        labels: all classes that the source names, those without a clip that can be read included.
        layouts: the layout of each folder or table.
        notes: what was decided on the way.
        inventories: what is there of each data set whose size is published.
    """

    root: Path
    entries: tuple[Entry, ...]
    labels: frozenset[str]
    layouts: tuple[str, ...]
    notes: tuple[str, ...]
    inventories: tuple[Inventory, ...] = ()

    @property
    def layout(self) -> str:
        """The layouts in words."""
        return ", ".join(dict.fromkeys(self.layouts))


def read_source(source: DataSource) -> Reading:
    """List the clips of a source, those of kinds that cannot be read left out.

    Raises:
        DatasetError: a path is absent, has no layout, or names a file that another one names.
        ConfigError: an option is not valid.
    """
    paths = [Path(path).absolute() for path in source.paths]
    splits = named_after_splits(iter(paths)) if len(paths) > 1 else {}
    entries: list[Entry] = []
    roots, layouts, notes, inventories = [], [], list[str](), list[Inventory]()
    seen: dict[Path, Path] = {}
    tables = [path for path in paths if path.suffix.lower() in _TABLES and not path.is_dir()]
    for number, path in enumerate(paths):
        read = _read_table if path in tables else _read_folder
        layout, found, said, base, inventory = read(path, source)
        for entry in found:
            if entry.path in seen:
                raise DatasetError(
                    f"{printable(path)}: expected every file once, {printable(entry.path)} is in "
                    f"{printable(seen[entry.path])} too - give one of the two"
                )
            seen[entry.path] = path
            split = entry.split or (splits.get(path) if len(splits) == len(paths) else None)
            entries.append(replace(entry, source=number, split=split))
        roots += [base] if base else []
        roots += [e.path.parent for e in found if not base or not e.path.is_relative_to(base)]
        layouts.append(layout)
        inventories += [inventory] if inventory else []
        where = f"{printable(path.name)}: " if len(paths) > 1 else ""
        notes += [f"{where}{note}" for note in said]
    if source.audio and not tables:
        notes.append("--audio is not used: it is where the files of a table lie (--data TABLE)")
    if not entries:
        raise DatasetError(
            f"{printable(paths[0])}: expected clips, found none - give recordings that are named"
        )
    root = _common(roots)
    usable, lost = _without_unreadable(entries, root, source.min_clips)
    labels = frozenset(entry.label for entry in entries)
    by_path = tuple(sorted(usable, key=lambda entry: entry.path))
    all_notes = (*notes, *lost)
    return Reading(root, by_path, labels, tuple(layouts), all_notes, tuple(inventories))


def _read_folder(path: Path, source: DataSource) -> _Read:
    folder = walk(path)
    name, listing = list_clips(folder, source)
    notes = [f"layout: {name} ({LAYOUTS[name].pattern})", *listing.notes, *folder.notes]
    return name, listing.entries, notes, path, listing.inventory


def _read_table(path: Path, source: DataSource) -> _Read:
    audio = None if source.audio is None else Path(source.audio).absolute()
    if audio is not None and not audio.is_dir():
        raise DatasetError(
            f"--audio: expected a folder, found none at {printable(audio)} - check the path"
        )
    check_subset(source, None, f"a table, {printable(path)}")
    columns = parse_columns(source.columns)
    table = read_table(path, columns)
    if absent := [column for column in columns.values() if column not in ("", *table.columns)]:
        raise ConfigError(
            f"--columns: expected columns of {printable(path)} ({', '.join(table.columns)}), "
            f"got {absent[0]!r}"
        )
    places, base = in_places(path.parent, audio), audio or path.parent
    entries, notes = list_rows([table], places, base, skip_bad=source.skip_bad)
    whole = any(Path(table.cell(row, "file")).is_absolute() for _, row in table.rows)
    notes = [f"layout: table (columns: {table.meaning})", *notes]
    return "table", entries, notes, None if whole else base, None


def _without_unreadable(
    entries: Sequence[Entry], root: Path, min_clips: int | None
) -> tuple[list[Entry], list[str]]:
    """Leave out files of kinds that cannot be read, and say so.

    What lies there in a kind that can be read too, as x.m4a.wav or x.wav, is not missed. A class
    that loses all its clips is refused, unless `min_clips` leaves it out.
    """
    usable = [e for e in entries if e.path.suffix.lower() not in UNREADABLE_SUFFIXES]
    there = {entry.path.with_suffix("") for entry in usable}
    lost = [
        entry
        for entry in entries
        if entry.path.suffix.lower() in UNREADABLE_SUFFIXES
        and there.isdisjoint((entry.path, entry.path.with_suffix("")))
    ]
    if not lost:
        return usable, []
    kinds = unreadable_kinds(root, [entry.path for entry in lost])
    left = {entry.label for entry in usable}
    gone = Counter(entry.label for entry in lost if entry.label not in left)
    if gone and min_clips is None:
        label, count = min(gone.items())
        more = f" (also {', '.join(sorted(gone)[1:5])})" if len(gone) > 1 else ""
        raise DatasetError(
            f"{printable(root)}: expected clips that can be read in every class, found {count} "
            f"files of class {label!r} that all cannot{more}: {kinds}; or leave such classes out "
            "with --min-clips 1"
        )
    return usable, [f"{len(lost)} files of kinds that cannot be read are left out: {kinds}"]


def _common(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:  # several drives
        raise DatasetError(
            f"{folders[0]}: expected recordings on one drive, found {error} - move them together"
        ) from error
