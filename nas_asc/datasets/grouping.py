"""Which clips are of one recording, and so belong into one split.

A recording is what --group says, else a guess: what the data name so (a column or a field), what
names of known data sets hold, the folders above or below that of the class, or each file by itself.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nas_asc.datasets.columns import Entry
from nas_asc.errors import ConfigError, nearest, printable
from nas_asc.units import number_of

ESC_NAME = re.compile(r"(?P<fold>[1-9])-(?P<recording>\d+)-[A-Z](-\d+)?")
# What names tell the recording of a clip, and what that is called.
_NAMES = {
    "the recording id in the file name": ESC_NAME,
    "the speaker in the file name": re.compile(r"(?P<recording>[0-9a-f]+)_nohash_\d+"),
    "the place in the file name (city-location)": re.compile(
        r"[a-z_]+-(?P<recording>[a-z]+-\d+)-\d+(-\d+)?-[a-z]\d?"
    ),
}
_COUNTED = re.compile(
    r"((take|rec|record|recording|part|set|batch|chunk|clip|file|segment|folder|dir)s?)?[-_ ]?\d+",
    re.IGNORECASE,
)
_FILE = "file, each its own (clips of one recording belong into one sub-folder of their class)"


def group_clips(
    entries: Sequence[Entry], root: Path, group: str | None
) -> tuple[tuple[Entry, ...], str]:
    """Return the clips of one source with their recordings, and in words what those are.

    Raises:
        ConfigError: `group` is none of the four kinds, or names what the clips do not have.
    """
    if group is None:
        return _guess(entries, root)
    kind, _, name = group.partition(":")
    if kind == "none" and not name:
        groups, words = [file_group(entry, root) for entry in entries], "file, as asked"
    elif kind == "folder" and not name:
        groups = [_folder(entry, root) for entry in entries]
        words = "folder, as asked"
    elif kind in ("column", "name") and name:
        groups, words = fields_named(entries, name, "group"), f"{name}, as asked"
        if lacking := groups.count(""):
            words += f" ({number_of(lacking, 'clip')} without one, each its own)"
    else:
        raise ConfigError(
            "--group: expected none, folder, column:NAME or name:FIELD, got "
            f"{group!r}{nearest(kind, ('none', 'folder', 'column', 'name'))}"
        )
    return _with_groups(entries, groups, root), words


def file_group(entry: Entry, root: Path) -> str:
    """Return the group of a clip that is a recording of its own.

    The same name in two formats is one recording.
    """
    return printable(entry.path.relative_to(root).with_suffix("").as_posix())


def fields_named(entries: Sequence[Entry], name: str, option: str) -> list[str]:
    """Return what the column or field of a name holds for each clip, whatever the capitals.

    Nothing of a clip that does not have it.

    Raises:
        ConfigError: no clip has such a field; names those that there are.
    """
    of_clips = [_fields_of(entry) for entry in entries]
    fields = dict.fromkeys(field for of_clip in of_clips for field in of_clip)
    if name.lower() not in map(str.lower, fields):
        known = ", ".join(fields)
        there = f"found {known}{nearest(name, fields)}" if fields else "found none - give --names"
        raise ConfigError(
            f"--{option}: expected a column or a field of the names, got {name!r}; {there}"
        )
    return [
        next((value for field, value in of_clip.items() if field.lower() == name.lower()), "")
        for of_clip in of_clips
    ]


def _fields_of(entry: Entry) -> dict[str, str]:
    """Return what is known of a clip by name: columns, fields of its name, and what those mean."""
    meant = {
        "split": entry.split or "",
        "fold": "" if entry.fold is None else str(entry.fold),
        "device": entry.device or "",
        "group": entry.group,
        "folder": "/".join((*entry.above, *entry.below)),
    }
    return {**{name: value for name, value in meant.items() if value}, **dict(entry.fields)}


def _guess(entries: Sequence[Entry], root: Path) -> tuple[tuple[Entry, ...], str]:
    if any(entry.group for entry in entries):
        groups = [entry.group for entry in entries]
        return _with_groups(entries, groups, root), _named_by(entries)
    for words, name in _NAMES.items():
        matches = [name.fullmatch(entry.path.stem) for entry in entries]
        if all(matches):
            groups = [match["recording"] for match in matches if match]
            return _with_groups(entries, groups, root), words
    if all(entry.above for entry in entries):
        groups = ["/".join(entry.above) for entry in entries]
        if len(set(groups)) > 2:
            return _with_groups(entries, groups, root), "the folder above that of the class"
    of_class = _folders_of_classes(entries)
    groups = [entry.path.relative_to(root).parent.as_posix() for entry in entries]
    inside = all(entry.below for entry in entries) and len(set(groups)) > 2
    if inside and any(entry.path.parent not in of_class for entry in entries):
        names = ["/".join(entry.below) for entry in entries]
        if _names_recur(entries, names):
            return _with_groups(entries, names, root), "sub-folder, one name in several classes"
        return _with_groups(entries, groups, root), "sub-folder"
    return _with_groups(entries, [""] * len(entries), root), _FILE


def _named_by(entries: Sequence[Entry]) -> str:
    """Return which column or field of names the groups are from."""
    first = next(entry for entry in entries if entry.group)
    name = next((name for name, value in first.fields if value == first.group), "group")
    return f"{name} (a column, or a field of the names)"


def _folder(entry: Entry, root: Path) -> str:
    """Return the folders of a clip, without those of its class and split."""
    parts = (*entry.above, *entry.below)
    if not parts and entry.fields:  # its label is not that of a folder
        parts = tuple(p for p in entry.path.relative_to(root).parent.parts if p != entry.label)
    return "/".join(parts)


def _names_recur(entries: Sequence[Entry], names: Sequence[str]) -> bool:
    """Return whether sub-folders of several classes are named after the same things.

    A kit or a speaker is one recording in all classes; "1" or "take2" is another one in each.
    """
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for entry, name in zip(entries, names, strict=True):
        labels[name].add(entry.label)
    shared = sum(len(found) > 1 for found in labels.values())
    counted = all(_COUNTED.fullmatch(name) for name in labels)
    return not counted and len(labels) > 2 and shared > len(labels) / 2


def _folders_of_classes(entries: Sequence[Entry]) -> set[Path]:
    """Return the folders that hold all clips of one class, and of no other."""
    labels: defaultdict[Path, set[str]] = defaultdict(set)
    folders: defaultdict[str, set[Path]] = defaultdict(set)
    for entry in entries:
        labels[entry.path.parent].add(entry.label)
        folders[entry.label].add(entry.path.parent)
    return {
        folder
        for folder, inside in labels.items()
        if len(inside) == 1 and folders[next(iter(inside))] == {folder}
    }


def _with_groups(entries: Sequence[Entry], groups: Sequence[str], root: Path) -> tuple[Entry, ...]:
    """Set the groups; a clip without one is a recording of its own."""
    return tuple(
        replace(entry, group=printable(group) or file_group(entry, root))
        for entry, group in zip(entries, groups, strict=True)
    )
