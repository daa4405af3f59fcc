"""The layouts of data set folders that are found by themselves: a row of LAYOUTS each.

Class folders may stand in folders of splits. A number, as in `001 - Dog bark`, is no part of the
class if all folders have one. ESC (Piczak, 2015, "Dataset for environmental sound classification"):
ESC-50 has classes, folds and recordings in a table, the first ESC-10 fold, recording and take in
the names of its clips. Speech Commands (Warden, 2018, arXiv 1804.03209): names begin with the
speaker; the clips on neither list are for training. TAU Urban Acoustic Scenes: some places of the
training list become the validation split; clips on neither list are left out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nas_asc.datasets.folder import ESC_NAME, Entry, Folder, Listing, groups_of
from nas_asc.datasets.table import SPLIT_WORDS, has_table, list_rows, list_table, read_table
from nas_asc.errors import DatasetError

_NUMBER = re.compile(r"\d+(\s*[-_.]\s*|\s+)(?=\S)")
_ESC50_TABLE = PurePosixPath("meta/esc50.csv")
_SPEECH_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_TAU_META = PurePosixPath("meta.csv")
_TAU_TRAIN = PurePosixPath("evaluation_setup/fold1_train.csv")
_TAU_TESTS = (
    PurePosixPath("evaluation_setup/fold1_evaluate.csv"),
    PurePosixPath("evaluation_setup/fold1_test.csv"),
)


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set folder."""

    pattern: str  # for people
    matches: Callable[[Folder], bool]
    read: Callable[[Folder], Listing]  # DatasetError where the folder contradicts itself


def list_clips(folder: Folder) -> tuple[str, Listing]:
    """Return the name of a folder's layout and its clips; DatasetError where none matches it."""
    for name, layout in LAYOUTS.items():
        if layout.matches(folder):
            return name, layout.read(folder)
    raise DatasetError(
        f"{folder.root}: expected labels, found {len(folder.audio)} audio files without any - "
        "put one folder of clips per class into it, or a meta.csv with filename and label"
    )


def _class_folders(folder: Folder, depth: int = 1) -> Listing:
    """List the clips in class folders, which lie `depth` folders deep: below those of splits."""
    paths = tuple(path for path in folder.audio if len(path.parts) > depth)
    labels = _class_names(sorted({path.parts[depth - 1] for path in paths}))
    splits = [SPLIT_WORDS[path.parts[0].lower()] if depth > 1 else None for path in paths]
    groups, grouping = groups_of(paths, depth)
    entries = tuple(
        Entry(folder.root / path, labels[path.parts[depth - 1]], group, split)
        for path, group, split in zip(paths, groups, splits, strict=True)
    )
    loose = len(folder.audio) - len(paths)
    notes = (f"{loose} audio files beside the class folders are left out",) if loose else ()
    return Listing(entries, grouping, notes)


def _has_split_folders(folder: Folder) -> bool:
    """Return whether the top folders are splits, a training one among them."""
    splits = {SPLIT_WORDS.get(name.lower()) for name in folder.top_folders}
    nested = all(len(path.parts) > 2 for path in folder.audio)
    return nested and None not in splits and "train" in splits and len(splits) > 1


def _class_names(folders: Sequence[str]) -> dict[str, str]:
    names = [_NUMBER.sub("", folder, count=1) for folder in folders]
    numbered = all(_NUMBER.match(folder) for folder in folders)
    unique = len(set(names)) == len(names)
    return dict(zip(folders, names if numbered and unique else folders, strict=True))


def _is_esc10(folder: Folder) -> bool:
    """Return whether all clips in folders carry ESC names, with all of the five folds."""
    return {_fold(path) for path in folder.audio if len(path.parts) > 1} == {1, 2, 3, 4, 5}


def _esc10(folder: Folder) -> Listing:
    listing = _class_folders(folder)
    entries = tuple(replace(entry, fold=_fold(entry.path)) for entry in listing.entries)
    return replace(listing, entries=entries)


def _fold(path: PurePosixPath | Path) -> int | None:
    match = ESC_NAME.fullmatch(path.stem)
    return int(match["fold"]) if match else None


def _has_speech_lists(folder: Folder) -> bool:
    others = {path.as_posix() for path in folder.others}
    return bool(folder.top_folders) and others.issuperset(_SPEECH_LISTS.values())


def _speech_commands(folder: Folder) -> Listing:
    split_of = {
        folder.root / line.strip(): split
        for split, name in _SPEECH_LISTS.items()
        for line in Path(folder.root, name).read_text(encoding="utf-8").splitlines()
    }
    listing = _class_folders(folder)
    entries = tuple(
        replace(entry, split=split_of.get(entry.path, "train")) for entry in listing.entries
    )
    return replace(listing, entries=entries)


def _tau(folder: Folder) -> Listing:
    test = next((path for path in _TAU_TESTS if path in folder.tables), None)
    if test is None:
        raise DatasetError(
            f"{folder.root}: expected {_TAU_TESTS[0]} beside fold1_train.csv, found none - "
            "complete the download"
        )
    split_of = {
        row.get("filename", ""): split
        for path, split in ((test, "test"), (_TAU_TRAIN, "train"))
        for _, row in read_table(folder, path).rows
    }
    table = read_table(folder, _TAU_META)
    rows = tuple(
        (line, {**row, "split": split_of[row["filename"]]})
        for line, row in table.rows
        if row.get("filename") in split_of
    )
    left_out = len(table.rows) - len(rows)
    note = f"{left_out} clips of {_TAU_META} that the official split leaves out are not used"
    listing = list_rows(folder, replace(table, rows=rows))
    return replace(listing, notes=(note,) if left_out else ())


# The first that matches a folder reads it: the most particular stand first.
LAYOUTS = {
    "tau": Layout(
        "meta.csv, evaluation_setup/fold1_train.csv",
        lambda folder: {_TAU_META, _TAU_TRAIN}.issubset(folder.tables),
        _tau,
    ),
    "esc50": Layout(
        "audio/, meta/esc50.csv",
        lambda folder: _ESC50_TABLE in folder.tables,
        lambda folder: list_rows(folder, read_table(folder, _ESC50_TABLE)),
    ),
    "speech_commands": Layout(
        "WORD/SPEAKER_nohash_0.wav, validation_list.txt, testing_list.txt",
        _has_speech_lists,
        _speech_commands,
    ),
    "table": Layout("a CSV or TSV table with filename and label", has_table, list_table),
    "split_folders": Layout(
        "train/CLASS/CLIP", _has_split_folders, lambda folder: _class_folders(folder, depth=2)
    ),
    "esc10": Layout("001 - CLASS/1-100032-A.ogg", _is_esc10, _esc10),
    "class_folders": Layout("CLASS/CLIP", lambda folder: bool(folder.top_folders), _class_folders),
}
