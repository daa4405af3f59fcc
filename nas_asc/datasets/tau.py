"""The folders of TAU Urban Acoustic Scenes: their lists, the subsets of 2024, and what names say.

Conventions: `meta.csv` says what every clip is (scene, place as city-location, device), the lists
of `evaluation_setup` which clips train and test; both are tab separated. A subset is a shorter list
for training, split5.csv to split100.csv, with test.csv, and may lie in `evaluation_setup`, in
`split_setup` or beside `meta.csv`. A clip in both parts tests. Names are
scene-city-location-segment-device.wav, of 2022 scene-city-location-segment-second-device.wav.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nas_asc.datasets.columns import Entry, parse_columns
from nas_asc.datasets.folder import Folder
from nas_asc.datasets.named_files import Find, in_folder
from nas_asc.datasets.official import SUBSETS, Inventory, classes_without_clips, present_rows
from nas_asc.datasets.table import Table, list_rows, read_table
from nas_asc.errors import ConfigError, DatasetError, printable
from nas_asc.study import DataSource

CLIP_NAME = re.compile(
    r"(?P<scene>[a-z_]+)-(?P<city>[a-z]+)-(?P<location>\d+)-(?P<segment>\d+)"
    r"(-(?P<second>\d))?-(?P<device>[a-z]\d*)"
)
_CLASS_OF_SCENE = {
    "airport": "indoor",
    "metro_station": "indoor",
    "shopping_mall": "indoor",
    "park": "outdoor",
    "public_square": "outdoor",
    "street_pedestrian": "outdoor",
    "street_traffic": "outdoor",
    "bus": "transportation",
    "metro": "transportation",
    "tram": "transportation",
}
# The damaged clips that version 2 of 2020 Mobile no longer has.
_VERSION_1_ONLY = frozenset({
    "shopping_mall-london-131-3930-c", "airport-barcelona-1-87-c",
    "public_square-barcelona-108-3109-b", "airport-barcelona-203-6132-b",
    "tram-barcelona-275-8394-c",
})  # fmt: skip

_META, _SETUP = "meta.csv", "evaluation_setup"
_TRAIN, _TESTS = "fold1_train.csv", ("fold1_evaluate.csv", "test.csv", "fold1_test.csv")
_PLACES = (PurePosixPath(_SETUP), PurePosixPath("split_setup"), PurePosixPath())


def tau_home(folder: Folder) -> PurePosixPath | None:
    """Return where in a folder the one data set of this kind lies; None where none or several do.

    It has `meta.csv` and a list for training.
    """
    homes = [
        path.parent
        for path in folder.tables
        if path.name == _META
        and any(_list_of(folder, path.parent, name) for name in (_TRAIN, *map(_subset, SUBSETS)))
    ]
    return homes[0] if len(homes) == 1 else None


def read_tau(folder: Folder, source: DataSource) -> tuple[list[Entry], list[str], Inventory]:
    """List the clips of the official split whose files are there; also return notes, and what is.

    Raises:
        ConfigError: there is no list of the subset that is asked for.
        DatasetError: there is no list for testing, or as of `list_rows`.
    """
    home = tau_home(folder)
    assert home is not None, "the layout matched"
    lists = _lists(folder, home, source.subset)
    names = {
        split: {_clip(row.get("filename", "")) for _, row in read_table(folder.root / at, {}).rows}
        for split, at in lists.items()
    }
    columns = parse_columns(source.columns)
    table = read_table(folder.root / home / _META, columns)
    clips = {_clip(table.cell(row, "file")) for _, row in table.rows}
    edition = _edition(table, clips)
    table = _with_facts(table, names, edition, [r for r, name in columns.items() if not name])
    present = present_rows(table, _find(folder, home))
    rows = tuple((line, row) for line, row in present.table.rows if row["split"])
    chosen = replace(present.table, rows=rows)
    base = folder.root / home
    entries, said = list_rows([chosen], present.find, base, skip_bad=source.skip_bad)

    named = [row for _, row in table.rows if row["split"]]
    outside = len(table.rows) - len(named)
    split = "that the official split leaves out"
    subset, notes = source.subset, []
    if subset is not None:
        train, test = (lists[part].name for part in ("train", "test"))
        count = sum(row["split"] == "train" for row in named)
        notes.append(f"subset: {subset} %, {count:,} clips of {train} train and validate")
        split = f"in neither {train} nor {test}"
    notes += [f"{outside} clips of {_META} {split} are not used"] if outside else []
    unnamed = len(folder.audio) - len(present.paths)
    notes += [f"{unnamed} audio files that {_META} does not name are left out"] if unnamed else []
    notes += present.notes
    notes += classes_without_clips({table.cell(row, "label") for row in named}, entries)
    notes += [note for note in said if not note.startswith("words for splits")]
    unlisted = [
        (name, lists[part].name) for part, found in names.items() for name in sorted(found - clips)
    ]
    inventory = Inventory(
        edition,
        tuple(present.paths.values()),
        present.missing,
        tuple(unlisted),
        listed={part: len(found & clips) for part, found in names.items()},
        leaking=_leaking(table, named, names),
        subset=subset if isinstance(subset, int) else None,
    )
    return entries, notes, inventory


def _lists(
    folder: Folder, home: PurePosixPath, subset: int | str | None
) -> dict[str, PurePosixPath]:
    """Return the list of each part of the official split, training with the subset alone."""
    train_names, test_names = [_TRAIN, _subset(100)], [*_TESTS]
    if subset is not None:  # those of 2024 go together; all of 100 % are those of before
        train_names = [_subset(subset), *([_TRAIN] if subset == 100 else [])]
        test_names.sort(key="test.csv".__ne__)
    train, test = (
        next(filter(None, (_list_of(folder, home, name) for name in names)), None)
        for names in (train_names, test_names)
    )
    where = printable(folder.root / home)
    if train is None:
        there = [n for n in SUBSETS if _list_of(folder, home, _subset(n))]
        found = ", ".join(map(_subset, there)) or "none"
        use = f"pass --subset {there[-1]}" if there else "leave out --subset"
        raise ConfigError(
            f"--subset: expected {train_names[0]} in {where}/{_SETUP} or beside {_META}, found "
            f"{found} - put it there, or {use}"
        )
    if test is None:
        raise DatasetError(
            f"{where}: expected {_SETUP}/{_TESTS[0]} beside {train.name}, found none - complete "
            "the download"
        )
    return {"train": train, "test": test}


def _subset(percent: int | str | None) -> str:
    return f"split{percent}.csv"


def _list_of(folder: Folder, home: PurePosixPath, name: str) -> PurePosixPath | None:
    paths = (home / place / name for place in _PLACES)
    return next((path for path in paths if path in folder.tables), None)


def _clip(name: str) -> str:
    """Return the name of a clip by which a list and the table mean the same."""
    return name.replace("\\", "/").rpartition("/")[2]  # a path for each of so many takes longer


def _find(folder: Folder, home: PurePosixPath) -> Find:
    """Return what finds the file of a row, at once where it lies where the row says."""
    there, elsewhere = {path.as_posix(): path for path in folder.audio}, in_folder(folder)
    around = "" if home == PurePosixPath() else f"{home}/"

    def find(row: Mapping[str, str], name: str) -> Path | None:
        path = there.get(around + name)
        return elsewhere(row, name) if path is None else folder.root / path

    return find


def _edition(table: Table, clips: Iterable[str]) -> str | None:
    """Return which edition a table is of, by its classes, the names of its clips and its devices.

    It has all clips of the edition, whatever files are there. The sets of 2019 have one device in
    ten classes, or three.
    """
    stems = {clip.rpartition(".")[0] for clip in clips}
    matches = [CLIP_NAME.fullmatch(stem) for stem in stems]
    found = [match for match in matches if match]
    scenes = {match["scene"] for match in found}
    if len(found) < len(matches) or not scenes <= _CLASS_OF_SCENE.keys():
        return None
    if seconds := {match["second"] is None for match in found}:
        if seconds == {False}:
            return "tau2022_mobile"
        if seconds == {True, False}:
            return None
    labels = {table.cell(row, "label") for _, row in table.rows}
    if labels <= set(_CLASS_OF_SCENE.values()):
        return "tau2020_3class"
    if any(match["device"].startswith("s") for match in found):
        return f"tau2020_mobile_v{1 if stems & _VERSION_1_ONLY else 2}"
    return None


def _with_facts(
    table: Table, names: Mapping[str, set[str]], edition: str | None, unwanted: Collection[str]
) -> Table:
    """Add the split, the city and, where classes are coarse, the scene of each clip to a table.

    What the table has, or is `unwanted`, is not added.
    """
    wanted = ("city", "fine") if edition == "tau2020_3class" else ("city",)
    added = ["split", *(r for r in wanted if r not in table.roles and r not in unwanted)]
    rows = []
    for line, row in table.rows:
        clip = _clip(table.cell(row, "file"))
        match = CLIP_NAME.fullmatch(clip.rpartition(".")[0])
        city = _place(table, row).rpartition("-")[0]
        facts = {
            "split": next((split for split in ("test", "train") if clip in names[split]), ""),
            "city": city or (match["city"] if match else ""),
            "fine": match["scene"] if match else "",
        }
        rows.append((line, {**row, **{role: facts[role] for role in added}}))
    return replace(table, rows=tuple(rows), roles={**table.roles, **{r: r for r in added}})


def _place(table: Table, row: Mapping[str, str]) -> str:
    """Return city-location of a clip, by the table or else by its name."""
    if identifier := row.get("identifier", ""):
        return identifier
    match = CLIP_NAME.fullmatch(_clip(table.cell(row, "file")).rpartition(".")[0])
    return f"{match['city']}-{match['location']}" if match else ""


def _leaking(
    table: Table, rows: Iterable[Mapping[str, str]], names: Mapping[str, set[str]]
) -> tuple[str, ...]:
    """Return the places that the list for training shares with that for testing, sorted."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        clip = _clip(table.cell(row, "file"))
        splits[_place(table, row)].update(split for split in names if clip in names[split])
    return tuple(sorted(place for place, found in splits.items() if place and len(found) > 1))
