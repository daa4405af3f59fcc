"""What columns of a table, fields of a file name and words for splits mean.

Conventions: a role is what this program needs to know of a clip: file, label, a finer label, group,
split, fold, device or city. Names of columns and of fields are told apart by their letters alone,
not by capitals.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nas_asc.errors import ConfigError, DatasetError, nearest, printable

# What each role may be called; of several names that are there the first counts.
ROLES = {
    "file": (
        "filename", "file_name", "slice_file_name", "file", "filepath", "file_path", "path",
        "fname", "wav", "wav_path", "wav_file", "wavfile", "wav_filename", "audio", "audio_path",
        "audio_file", "audio_filename", "filenames", "files", "clip_path", "recording_path",
    ),
    "label": (
        "label", "scene_label", "category", "class_name", "class", "scene", "labels", "genre",
        "species", "primary_label", "emotion", "instrument", "command", "keyword", "word", "digit",
        "event", "event_label", "sound_class", "target",
    ),
    "split": ("split", "subset", "partition"),
    "fold": ("fold",),
    "device": ("device", "source_label"),
    "city": ("city",),
    "fine": ("fine", "fine_label"),
    "group": (
        "group", "identifier", "recording", "location", "src_file", "fsid", "speaker",
        "recording_id", "speaker_id", "client_id", "subject", "patient", "session", "kit",
    ),
}  # fmt: skip

_TRAIN = ("train", "training")
_VALIDATION = ("validation", "val", "valid", "validate")
_TEST = ("test", "testing", "holdout", "hold-out", "hold_out", "held-out", "heldout")
_DEVELOPMENT = ("dev", "development")
_EVALUATION = ("eval", "evaluation", "evaluate")
SPLIT_WORDS = frozenset((*_TRAIN, *_VALIDATION, *_TEST, *_DEVELOPMENT, *_EVALUATION))

FOLD_NAME = re.compile(r"fold[-_ ]?(\d+)", re.IGNORECASE)
_FOLD_CELL = re.compile(r"(?:fold[-_ ]?)?(\d+)(?:\.0*)?", re.IGNORECASE)  # pandas writes 1.0


def meaning_of_splits(words: Iterable[str]) -> dict[str, str]:
    """Return which split each of the words that a data set uses stands for; others are absent.

    "dev" is validation beside a training split, else the training split; "eval" is the test split,
    but validation where there are a test split and no other validation.
    """
    by_word = {word: word.lower() for word in words}
    found = set(by_word.values())
    development = "validation" if found.intersection(_TRAIN) else "train"
    validates = found.intersection(_VALIDATION) or (
        found.intersection(_DEVELOPMENT) and development == "validation"
    )
    evaluation = "validation" if found.intersection(_TEST) and not validates else "test"
    meanings = {
        **dict.fromkeys(_TRAIN, "train"),
        **dict.fromkeys(_VALIDATION, "validation"),
        **dict.fromkeys(_TEST, "test"),
        **dict.fromkeys(_DEVELOPMENT, development),
        **dict.fromkeys(_EVALUATION, evaluation),
    }
    return {word: meanings[lower] for word, lower in by_word.items() if lower in meanings}


def unlike_names(meanings: Mapping[str, str]) -> list[str]:
    """Return a note on words that data use for splits where those are not their names."""
    others = [f"{word} is {split}" for word, split in meanings.items() if word.lower() != split]
    return [f"words for splits: {', '.join(sorted(others))}"] if others else []


def parse_columns(text: str | None) -> dict[str, str]:
    """Read "file=path,label=category" as the column of each role; an empty column is none.

    Raises:
        ConfigError: a role is unknown or has no column.
    """
    columns: dict[str, str] = {}
    for part in text.split(",") if text else ():
        role, equals, column = (piece.strip().lower() for piece in part.partition("="))
        if not equals or role not in ROLES:
            raise ConfigError(
                f"--columns: expected ROLE=COLUMN of the roles {', '.join(ROLES)}, got {part!r} - "
                f"such as file=path,label=category{nearest(role, ROLES)}"
            )
        columns[role] = column
    return columns


def roles_of(names: Collection[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return which of some columns or fields has each role: as `columns` say, or by usual names."""
    lower = {name.lower(): name for name in names}
    taken = set(columns.values())
    roles = {role: lower[column] for role, column in columns.items() if column in lower}
    for role, usual in ROLES.items():
        known = next((name for name in usual if name in lower and name not in taken), None)
        if role not in columns and known is not None:
            roles[role] = lower[known]
    return roles


@dataclass(frozen=True, slots=True)  # there are many
class Entry:
    """One file and what its place, its name or its row in a table say about it.

    Attributes:
        group: the recording that the clip was cut from; empty until that is known.
        split: where the data fix it.
        above: folders above that of the class, which are no splits.
        below: folders below that of the class.
        fields: the columns of its row, or the fields of its name, and what they hold.
        source: number of the folder or table that it is from.
        city: where it was recorded.
        fine: the finer class that lies in that of the label; empty where there is none.
    """

    path: Path
    label: str
    group: str = ""
    split: str | None = None
    fold: int | None = None
    device: str | None = None
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    source: int = 0
    city: str | None = None
    fine: str = ""

    @property
    def finest(self) -> str:
        """The finer class, or the class where there is none."""
        return self.fine or self.label


def entry_of(
    path: Path,
    fields: Mapping[str, str],
    roles: Mapping[str, str],
    splits: Mapping[str, str],
    where: str,
) -> Entry:
    """Build the entry of a file from the columns of its row or the fields of its name.

    Args:
        path: of the file.
        fields: what the columns or fields hold.
        roles: the column of each role.
        splits: what each word for a split means, from `meaning_of_splits`.
        where: the row or file, for what is wrong with it.

    Raises:
        DatasetError: what stands for a split or a fold is none.
    """
    cells = {role: fields[name].strip() for role, name in roles.items() if name in fields}
    split, fold = cells.get("split") or None, cells.get("fold") or None
    if split is not None and split not in splits:
        raise DatasetError(
            f"{where}: expected train, validation or test, found {split!r} - correct the split"
            f"{nearest(split.lower(), SPLIT_WORDS)}, or read none with --columns split="
        )
    number = None if fold is None else _FOLD_CELL.fullmatch(fold)
    if fold is not None and number is None:
        raise DatasetError(
            f"{where}: expected the number of a fold, found {fold!r} - correct the fold, or read "
            "none with --columns fold="
        )
    return Entry(
        path,
        label=printable(cells.get("label", "")),
        group=printable(cells.get("group", "")),
        split=None if split is None else splits[split],
        fold=None if number is None else int(number[1]),
        device=printable(cells.get("device", "")) or None,
        fields=tuple((name, printable(value)) for name, value in fields.items()),
        city=printable(cells.get("city", "")) or None,
        fine=printable(cells.get("fine", "")),
    )
