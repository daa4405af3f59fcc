"""The layouts of data set folders that are found by themselves: a row of LAYOUTS each.

Class folders may stand in folders of splits. A number, as in `001 - Dog bark`, is no part of the
class if all folders have one. ESC (Piczak, 2015, "Dataset for environmental sound classification"):
ESC-50 has classes, folds and recordings in a table, the first ESC-10 fold, recording and take in
the names of its clips. Speech Commands (Warden, 2018, arXiv 1804.03209): names begin with the
speaker; the clips on neither list are for training. TAU Urban Acoustic Scenes stands in `tau`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nas_asc.datasets.columns import (
    FOLD_NAME,
    SPLIT_WORDS,
    Entry,
    entry_of,
    meaning_of_splits,
    parse_columns,
    roles_of,
    unlike_names,
)
from nas_asc.datasets.folder import Folder
from nas_asc.datasets.grouping import ESC_NAME
from nas_asc.datasets.named_files import in_folder
from nas_asc.datasets.names import NamePattern, parse_names, propose_names
from nas_asc.datasets.official import SUBSETS, Inventory, present_rows
from nas_asc.datasets.proposals import options_for, unused_tables, what_would_work
from nas_asc.datasets.table import has_table, list_rows, list_tables, read_table
from nas_asc.datasets.tau import read_tau, tau_home
from nas_asc.errors import ConfigError, DatasetError, printable
from nas_asc.study import DataSource
from nas_asc.units import number_of

_NUMBER = re.compile(r"\d+(\s*[-_.]\s*|\s+)(?=\S)")
_ESC50_TABLE = PurePosixPath("meta/esc50.csv")
_SPEECH_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_ESC10_CLASSES = frozenset({
    "baby cry", "chainsaw", "clock tick", "dog bark", "fire crackling", "helicopter",
    "person sneeze", "rain", "rooster", "sea waves",
})  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """All clips of a folder or a table, and what was decided on the way."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    inventory: Inventory | None = None  # of a data set whose size is published


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set folder.

    Attributes:
        pattern: the layout for people.
        matches: whether a folder has it.
        read: lists its clips; DatasetError where the folder contradicts itself.
        uses_tables: whether the labels are in a table, so that others need no word.
        subsets: the parts of it that can be asked for.
    """

    pattern: str
    matches: Callable[[Folder, DataSource], bool]
    read: Callable[[Folder, DataSource], Listing]
    uses_tables: bool = False
    subsets: tuple[int | str, ...] = ()


def list_clips(folder: Folder, source: DataSource) -> tuple[str, Listing]:
    """Return the name of a folder's layout and its clips.

    Raises:
        DatasetError: it has none of the layouts; proposes the option that would work.
        ConfigError: it does not have the subset that is asked for.
    """
    for name, layout in LAYOUTS.items():
        if layout.matches(folder, source):
            check_subset(source, layout, f"a folder of layout {name}")
            listing = layout.read(folder, source)
            labels = {entry.label for entry in listing.entries}
            in_folders = name in ("class_folders", "split_folders", "fold_folders")
            if len(labels) == 1 and in_folders and (option := options_for(folder)):
                raise DatasetError(
                    f"{printable(folder.root)}: expected at least two classes, found 1 "
                    f"({', '.join(labels)}) - {option}, or give the folder of the class folders"
                )
            pattern = parse_names(source.names) if source.names else None
            if pattern and name != "names":
                listing = _with_fields(folder, listing, pattern, source)
            unused = () if layout.uses_tables else unused_tables(folder)
            return name, replace(listing, notes=(*listing.notes, *unused))
    tables = "".join(f"; {note}" for note in unused_tables(folder))
    raise DatasetError(
        f"{printable(folder.root)}: expected labels, found {len(folder.audio)} audio files "
        f"without any{tables} - {what_would_work(folder)}"
    )


def check_subset(source: DataSource, layout: Layout | None, found: str) -> None:
    """Check that a layout has the subset that is asked for; `found` says what there is instead.

    Raises:
        ConfigError: it has not.
    """
    if source.subset is None or (layout and source.subset in layout.subsets):
        return
    has = next(name for name, each in LAYOUTS.items() if source.subset in each.subsets)
    raise ConfigError(
        f"--subset: expected a folder of layout {has} ({LAYOUTS[has].pattern}) to take "
        f"{source.subset} of, found {found} - leave it out"
    )


def _list_names(folder: Folder, source: DataSource) -> Listing:
    """List the clips whose names hold their labels; top folders may be splits."""
    pattern = parse_names(source.names or "")
    splits = _top_splits(folder)
    roles = roles_of(pattern.fields, parse_columns(source.columns))
    read = {path: fields for path in folder.audio if (fields := pattern.read(path)) is not None}
    if not read:
        proposed = propose_names(folder.audio)
        do = f"try {proposed}" if proposed else "correct the pattern"
        raise DatasetError(
            f"--names: expected file names such as {pattern.text!r}, found "
            f"{printable(folder.audio[0].stem)!r} - {do}"
        )
    words = meaning_of_splits({fields.get(roles.get("split", ""), "") for fields in read.values()})
    entries = []
    for path, fields in read.items():
        where = printable(folder.root / path)
        entry = entry_of(folder.root / path, fields, roles, words, where)
        if splits and entry.split is None and len(path.parts) > folder.base + 1:
            entry = replace(entry, split=splits[path.parts[folder.base]])
        inside = folder.base + bool(splits)
        entries.append(replace(entry, above=path.parts[inside:-1]))
    left = [path for path in folder.audio if path not in read]
    notes = unlike_names(splits)
    notes += (
        [f"{_files(left)} whose names are not like {pattern.text} are left out"] if left else []
    )
    return Listing(tuple(entries), tuple(notes))


def _with_fields(
    folder: Folder, listing: Listing, pattern: NamePattern, source: DataSource
) -> Listing:
    """Add what the names of clips say to what is known of them otherwise, which goes before."""
    roles = roles_of(pattern.fields, parse_columns(source.columns))
    read: list[dict[str, str]] = []
    for entry in listing.entries:
        path = entry.path
        inside = path.relative_to(folder.root) if path.is_relative_to(folder.root) else path
        read.append(dict(pattern.read(PurePosixPath(inside)) or {}))
    words = meaning_of_splits({fields.get(roles.get("split", ""), "") for fields in read})
    entries = []
    for entry, fields in zip(listing.entries, read, strict=True):
        named = entry_of(entry.path, fields, roles, words, printable(entry.path))
        entries.append(
            replace(
                entry,
                group=entry.group or named.group,
                split=entry.split or named.split,
                fold=named.fold if entry.fold is None else entry.fold,
                device=entry.device or named.device,
                city=entry.city or named.city,
                fine=entry.fine or named.fine,
                fields=(*named.fields, *entry.fields),
            )
        )
    unread = [
        PurePosixPath(entry.path)
        for entry, fields in zip(listing.entries, read, strict=True)
        if not fields
    ]
    notes = (f"{_files(unread)} have names that are not like {pattern.text}",) if unread else ()
    return Listing(tuple(entries), (*listing.notes, *notes))


def _files(paths: Sequence[PurePosixPath]) -> str:
    return f"{len(paths)} audio files (such as {printable(paths[0])})"


def _class_folders(folder: Folder, source: DataSource, inside: int = 0) -> Listing:
    """List the clips in class folders: as deep as asked, or so many below the top folders.

    Folders of splits or of folds may lie above those of the classes or right below them.
    """
    level = source.label_level or folder.base + 1 + inside
    paths = tuple(path for path in folder.audio if len(path.parts) > level)
    if not paths:
        raise DatasetError(
            f"{printable(folder.root)}: expected class folders at level {level}, found none so "
            f"deep - give another --label-level"
        )
    labels = _class_names(sorted({path.parts[level - 1] for path in paths}))
    meanings = _top_splits(folder) if level > folder.base + 1 else {}
    first, at = folder.base + bool(meanings), folder.base
    folds: dict[str, int] = {}
    if not meanings:
        meanings, folds, at = _splits_at(paths, level), _folds_at(paths, level), level
    last = level + (at == level and bool(meanings or folds))
    entries = tuple(
        Entry(
            folder.root / path,
            printable(labels[path.parts[level - 1]]),
            split=meanings[path.parts[at]] if meanings else None,
            fold=folds[path.parts[at]] if folds else None,
            above=path.parts[first : level - 1],
            below=path.parts[last:-1],
        )
        for path in paths
    )
    loose = len(folder.audio) - len(paths)
    notes = unlike_names(meanings)
    notes += [f"{loose} audio files beside the class folders are left out"] if loose else []
    if not source.label_level and last == level:
        notes += _other_levels(paths, level, labels)
    return Listing(entries, tuple(notes))


def _other_levels(paths: Sequence[PurePosixPath], level: int, labels: dict[str, str]) -> list[str]:
    """Say so where the folders below those of the classes could be the classes as well."""
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        if len(path.parts) > level + 1:
            holders[path.parts[level]].add(path.parts[level - 1])
    if len(holders) < 2 or not all(len(above) > 1 for above in holders.values()):
        return []
    below, classes = (", ".join(sorted(map(printable, names))[:3]) for names in (holders, labels))
    return [
        f"the folders {classes} are the classes, and the same folders ({below}) lie in several of "
        f"them; if those are the classes, pass --label-level {level + 1}"
    ]


def _top_splits(folder: Folder) -> dict[str, str]:
    """Return the split of each top folder where all are splits, one of them for training."""
    base = folder.base
    return _splits_at([path for path in folder.audio if len(path.parts) > base + 1], base)


def _splits_at(paths: Sequence[PurePosixPath], level: int) -> dict[str, str]:
    """Return the split of each folder at a level where all are splits, one of them for training."""
    words = {name: _split_word(name) for name in _folders_at(paths, level)}
    by_word = meaning_of_splits(words.values())
    meanings = {name: by_word[word] for name, word in words.items() if word in by_word}
    whole = len(meanings) == len(words) and len(set(meanings.values())) > 1
    return meanings if whole and "train" in meanings.values() else {}


def _split_word(name: str) -> str:
    """Return the word for a split that a folder is named by: train of nsynth-train."""
    words = [word for word in re.split(r"[-_. ]", name) if word.lower() in SPLIT_WORDS]
    return words[0] if len(words) == 1 else name


def _folds_at(paths: Sequence[PurePosixPath], level: int) -> dict[str, int]:
    """Return the number of each folder at a level where all are numbered folds."""
    matches = {name: FOLD_NAME.fullmatch(name) for name in _folders_at(paths, level)}
    folds = {name: int(match[1]) for name, match in matches.items() if match}
    return folds if len(folds) == len(matches) > 1 else {}


def _folders_at(paths: Sequence[PurePosixPath], level: int) -> set[str]:
    """Return the names of the folders of files at a level; "" of a file that is not so deep."""
    return {path.parts[level] if len(path.parts) > level + 1 else "" for path in paths}


def _has_split_folders(folder: Folder, source: DataSource) -> bool:
    """Return whether the top folders are splits, with class folders in those for training."""
    meanings = _top_splits(folder)
    deep = [p for p in folder.audio if len(p.parts) > folder.base + 2]
    nested = {meanings.get(path.parts[folder.base]) for path in deep}
    return source.label_level is None and "train" in nested


def _has_class_folders(folder: Folder, source: DataSource) -> bool:
    """Return whether the top folders are classes; refuse those of which some look like splits.

    Splits or folds alone are none.
    """
    if source.label_level is not None:
        return True
    tops, splits = folder.top_folders, _top_splits(folder)
    words = [name for name in tops if name.lower() in SPLIT_WORDS or name in splits]
    others = [name for name in tops if name not in words and not FOLD_NAME.fullmatch(name)]
    nested = any(
        path.parts[folder.base] in words and len(path.parts) > folder.base + 2
        for path in folder.audio
    )
    if words and others and (len(words) > 1 or nested):
        inside = PurePosixPath(*folder.audio[0].parts[: folder.base])
        parts = " ".join(f"--data '{printable(folder.root / inside / name)}'" for name in words)
        raise DatasetError(
            f"{printable(folder.root)}: expected folders that are all splits or all classes, found "
            f"{', '.join(words)} beside {_some(others)} - pass --label-level {folder.base + 1} if "
            f"all of them are classes, or {parts} if those are the splits"
        )
    return bool(others)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:3])) + (", ..." if len(names) > 3 else "")


def _class_names(folders: Sequence[str]) -> dict[str, str]:
    names = [_NUMBER.sub("", folder, count=1) for folder in folders]
    numbered = all(_NUMBER.match(folder) for folder in folders)
    unique = len(set(names)) == len(names)
    return dict(zip(folders, names if numbered and unique else folders, strict=True))


def _has_fold_folders(folder: Folder, source: DataSource) -> bool:
    """Return whether the top folders are numbered folds with class folders in them."""
    nested = all(len(path.parts) > folder.base + 2 for path in folder.audio)
    return nested and bool(_folds_at(folder.audio, folder.base))


def _fold_folders(folder: Folder, source: DataSource) -> Listing:
    listing, folds = _class_folders(folder, source, inside=1), _folds_at(folder.audio, folder.base)
    entries = tuple(replace(each, fold=folds[each.above[0]], above=()) for each in listing.entries)
    return replace(listing, entries=entries)


def _is_esc10(folder: Folder, source: DataSource) -> bool:
    """Return whether all clips in folders carry ESC names, with all of the five folds."""
    return {_fold(path) for path in folder.audio if len(path.parts) > 1} == {1, 2, 3, 4, 5}


def _esc10(folder: Folder, source: DataSource) -> Listing:
    listing = _class_folders(folder, source)
    entries = tuple(replace(entry, fold=_fold(entry.path)) for entry in listing.entries)
    known = {entry.label.lower() for entry in entries} <= _ESC10_CLASSES
    inventory = Inventory("esc10", tuple(entry.path for entry in entries)) if known else None
    return replace(listing, entries=entries, inventory=inventory)


def _fold(path: PurePosixPath | Path) -> int | None:
    match = ESC_NAME.fullmatch(path.stem)
    return int(match["fold"]) if match else None


def _has_speech_lists(folder: Folder, source: DataSource) -> bool:
    others = {path.as_posix() for path in folder.others}
    return bool(folder.top_folders) and others.issuperset(_SPEECH_LISTS.values())


def _speech_commands(folder: Folder, source: DataSource) -> Listing:
    clips = folder.root.joinpath(*folder.audio[0].parts[: folder.base])  # or in "audio" beside
    split_of = {
        clips / line.strip(): split
        for split, name in _SPEECH_LISTS.items()
        for line in Path(folder.root, name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    }
    listing = _class_folders(folder, source)
    entries = tuple(
        replace(entry, split=split_of.get(entry.path, "train")) for entry in listing.entries
    )
    absent = sorted(split_of.keys() - {entry.path for entry in entries})
    more = f"{number_of(len(absent), 'clip')} of {' and '.join(_SPEECH_LISTS.values())}"
    notes = [f"{more} are not there (such as {printable(path)})" for path in absent[:1]]
    return Listing(entries, (*listing.notes, *notes))


def _tau(folder: Folder, source: DataSource) -> Listing:
    entries, notes, inventory = read_tau(folder, source)
    return Listing(tuple(entries), tuple(notes), inventory)


def _esc50(folder: Folder, source: DataSource) -> Listing:
    table = read_table(folder.root / _ESC50_TABLE, parse_columns(source.columns))
    folds: defaultdict[str, set[str]] = defaultdict(set)
    for _, row in table.rows:
        folds[table.cell(row, "group")].add(table.cell(row, "fold"))
    present = present_rows(table, in_folder(folder))
    chosen, notes = present.table, present.notes
    around: Folder | None = folder
    if source.subset is not None:
        rows = tuple(each for each in chosen.rows if each[1].get("esc10", "").lower() == "true")
        chosen, around = replace(chosen, rows=rows), None
        notes.insert(0, f"subset: the {len(rows)} clips of ESC-10")
    entries, said = list_rows([chosen], present.find, folder.root, around, source.skip_bad)
    leaking = tuple(sorted(group for group, found in folds.items() if len(found) > 1 and group))
    there = tuple(present.paths.values())
    inventory = Inventory("esc50", there, present.missing, leaking=leaking)
    return Listing(tuple(entries), (*notes, *said), inventory)


def _tables(folder: Folder, source: DataSource) -> Listing:
    entries, notes = list_tables(folder, parse_columns(source.columns), source.skip_bad)
    return Listing(tuple(entries), tuple(notes))


def _labels_in_names(folder: Folder, source: DataSource) -> bool:
    if source.names is None:
        return False
    return "label" in roles_of(parse_names(source.names).fields, parse_columns(source.columns))


# The first that matches a folder reads it: what was asked for and the most particular stand first.
LAYOUTS = {
    "names": Layout("file names as asked", _labels_in_names, _list_names),
    "label_level": Layout(
        "class folders as deep as asked",
        lambda folder, source: source.label_level is not None,
        _class_folders,
    ),
    "tau": Layout(
        "meta.csv, evaluation_setup/fold1_train.csv",
        lambda folder, source: tau_home(folder) is not None,
        _tau,
        uses_tables=True,
        subsets=tuple(SUBSETS),
    ),
    "esc50": Layout(
        "audio/, meta/esc50.csv",
        lambda folder, source: _ESC50_TABLE in folder.tables,
        _esc50,
        uses_tables=True,
        subsets=("esc10",),
    ),
    "speech_commands": Layout(
        "WORD/SPEAKER_nohash_0.wav, validation_list.txt, testing_list.txt",
        _has_speech_lists,
        _speech_commands,
    ),
    "table": Layout(
        "a CSV or TSV table with filename and label",
        lambda folder, source: has_table(folder, parse_columns(source.columns)),
        _tables,
        uses_tables=True,
    ),
    "split_folders": Layout(
        "train/CLASS/CLIP",
        _has_split_folders,
        lambda folder, source: _class_folders(folder, source, inside=1),
    ),
    "fold_folders": Layout("fold1/CLASS/CLIP", _has_fold_folders, _fold_folders),
    "esc10": Layout("001 - CLASS/1-100032-A.ogg", _is_esc10, _esc10),
    "class_folders": Layout("CLASS/CLIP", _has_class_folders, _class_folders),
}
