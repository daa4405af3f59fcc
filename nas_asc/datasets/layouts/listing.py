"""What a layout reads from a folder: which files there are and what is said about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nas_asc.datasets.folder import Folder

# What a folder or a cell may call a split.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "validate"), "validation"),
    **dict.fromkeys(("test", "testing", "evaluate", "evaluation", "eval"), "test"),
}


@dataclass(frozen=True)
class Entry:
    """One file and what its place, its name or its row in a table say about it.

    `group` names the recording that the clip was cut from; `split` is set where the data fix it.
    """

    path: Path
    label: str
    group: str
    split: str | None = None
    fold: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Listing:
    """All files of a data set; `grouping` says in words what a recording group is."""

    entries: tuple[Entry, ...]
    grouping: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set folder.

    Attributes:
        pattern: how such a folder looks, for people.
        matches: whether a folder is laid out so.
        read: lists its clips; raises DatasetError where a table contradicts itself.
    """

    pattern: str
    matches: Callable[[Folder], bool]
    read: Callable[[Folder], Listing]
