"""The data sets whose size and lists are published, and what of one is there.

An edition is a release of a data set: TAU Urban Acoustic Scenes (Heittola et al., 2020, "Acoustic
scene classification in DCASE 2020 challenge"; clips from the organisers' baselines, of 2020 Mobile
version 2 those without five damaged ones) and ESC (Piczak, 2015, "ESC: Dataset for environmental
sound classification"). Its files come zip by zip: what is there is used, and what is not is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas_asc.datasets.columns import Entry
from nas_asc.datasets.named_files import Find
from nas_asc.datasets.table import Table
from nas_asc.errors import printable
from nas_asc.units import number_of


@dataclass(frozen=True)
class Edition:
    """A release of a data set: its name, and how many clips it has in all and by its lists."""

    name: str
    clips: int
    train: int | None = None
    test: int | None = None


EDITIONS = {
    "tau2020_3class": Edition(
        "TAU Urban Acoustic Scenes 2020 3Class, development", 14_400, 9_185, 4_185
    ),
    "tau2020_mobile_v1": Edition(
        "TAU Urban Acoustic Scenes 2020 Mobile, development, version 1", 23_040, 13_965, 2_970
    ),
    "tau2020_mobile_v2": Edition(
        "TAU Urban Acoustic Scenes 2020 Mobile, development, version 2", 23_035, 13_962, 2_968
    ),
    "tau2022_mobile": Edition(
        "TAU Urban Acoustic Scenes 2022 Mobile, development", 230_350, 139_620, 29_680
    ),
    "esc50": Edition("ESC-50", 2_000),
    "esc10": Edition("ESC-10", 400),
}
# Clips for training in the subsets of TAU 2022 Mobile that DCASE 2024 task 1 trains on, by percent.
SUBSETS = {5: 6_980, 10: 13_960, 25: 34_900, 50: 69_800, 100: 139_620}


@dataclass(frozen=True)
class Inventory:
    """What the table and the lists of such a data set name, and what of that is there.

    Attributes:
        edition: a key of EDITIONS; None where it is none of them.
        there: the files of the clips that the table names, used or not.
        missing: the names of clips that have no file.
        unlisted: what lists name and the table does not: the clip, and the list's name.
        listed: how many clips of the table are in the list for each split; empty without lists.
        leaking: places or recordings that lie in more than one part of the official split.
        subset: of how many percent only the clips train and validate; None for all.
    """

    edition: str | None
    there: tuple[Path, ...]
    missing: tuple[str, ...] = ()
    unlisted: tuple[tuple[str, str], ...] = ()
    listed: Mapping[str, int] | None = None
    leaking: tuple[str, ...] = ()
    subset: int | None = None

    @property
    def named(self) -> int:
        """How many clips the table names."""
        return len(self.there) + len(self.missing)


def edition_of(inventories: Sequence[Inventory]) -> str | None:
    """Return the published name of the one data set that there is; None if it has none."""
    keys = {inventory.edition for inventory in inventories}
    edition = EDITIONS.get(keys.pop() or "") if len(keys) == 1 else None
    return edition.name if edition else None


def official_test_clips(edition: str | None) -> int | None:
    """Return how many clips the whole of a published data set tests on; None where not known."""
    return next((known.test for known in EDITIONS.values() if known.name == edition), None)


@dataclass(frozen=True)
class Present:
    """The rows of a table whose files are there.

    Attributes:
        table: with those rows alone.
        paths: of the files, by the name in the row.
        missing: the names of the others.
    """

    table: Table
    paths: Mapping[str, Path]
    missing: tuple[str, ...]

    def find(self, row: Mapping[str, str], name: str) -> Path | None:
        """Return the file of a row, as `list_rows` asks for it."""
        return self.paths.get(name)

    @property
    def notes(self) -> list[str]:
        """What is missing, in words, with the classes that have no clip left."""
        if not self.missing:
            return []
        total, there = len(self.missing) + len(self.paths), len(self.paths)
        return [
            f"{len(self.missing):,} of {total:,} clips of {printable(self.table.path.name)} are "
            f"not there (such as {printable(min(self.missing))}): the other {there:,} are"
        ]


def present_rows(table: Table, find: Find) -> Present:
    """Divide the rows of a table into those whose files are there and the others.

    All rows are kept where no file is there, so that whoever lists them says so.
    """
    rows, missing, paths = [], list[str](), dict[str, Path]()
    for line, row in table.rows:
        name = table.cell(row, "file")
        found = paths.get(name) or find(row, name)
        if found is None:
            missing.append(name)
        else:
            paths[name] = found
            rows.append((line, row))
    if not paths:
        return Present(table, {}, ())
    return Present(replace(table, rows=tuple(rows)), paths, tuple(dict.fromkeys(missing)))


def classes_without_clips(before: Iterable[str], entries: Iterable[Entry]) -> list[str]:
    """Say which classes have lost all their clips because no file of them is there."""
    gone = sorted(set(before) - {entry.label for entry in entries} - {""})
    what = number_of(len(gone), "class")
    return [f"{what} without a file left out: {', '.join(map(printable, gone))}"] if gone else []
