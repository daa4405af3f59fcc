"""What lies in a folder: its audio files and tables, each found once.

Links are followed, to other places too, but what was found already is not taken again: a link to
the folder itself would repeat all clips, and one in `test` to `train` would leak them.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NoReturn

import soundfile

from nas_asc.errors import DatasetError, printable

# The suffixes of what libsndfile reads by itself; a raw file does not say what it holds.
_SUFFIXES = {
    "WAV": ("wav", "wave"),
    "FLAC": ("flac",),
    "OGG": ("ogg", "oga", "opus"),
    "MP3": ("mp3",),
    "AIFF": ("aif", "aiff", "aifc"),
    "CAF": ("caf",),
    "W64": ("w64",),
    "RF64": ("rf64",),
    "AU": ("au", "snd"),
    "NIST": ("sph", "nist"),
    "SVX": ("iff", "svx", "8svx"),
    "VOC": ("voc",),
    "IRCAM": ("sf", "ircam"),
    "PAF": ("paf",),
    "PVF": ("pvf",),
    "AVR": ("avr",),
}
AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for kind, suffixes in _SUFFIXES.items()
    if kind in soundfile.available_formats()
    for suffix in suffixes
)
# Sound in kinds of files that libsndfile does not read.
UNREADABLE_SUFFIXES = frozenset({
    ".m4a", ".m4b", ".m4r", ".aac", ".wma", ".mp4", ".m4v", ".amr", ".3gp", ".3g2", ".ac3", ".eac3",
    ".dts", ".ape", ".wv", ".tta", ".mka", ".mkv", ".webm", ".weba", ".mov", ".avi", ".ra", ".rm",
    ".shn", ".dsf", ".spx", ".tak",
})  # fmt: skip
_SOUND_SUFFIXES = AUDIO_SUFFIXES | UNREADABLE_SUFFIXES
_TABLE_SUFFIXES = (".csv", ".tsv")
_LEFTOVERS = ("__macosx",)  # of archives; what lies there says nothing of sounds
_NO_CLASSES = ("_background_noise_",)  # recordings that are there to be mixed into others
_SYSTEM = ("lost+found", "System Volume Information", "$RECYCLE.BIN")


@dataclass(frozen=True)
class Folder:
    """The files below a root, as paths relative to it, sorted.

    Hidden files, and those in hidden folders or in `_background_noise_`, are passed over.

    Attributes:
        audio: sound files, those of kinds that cannot be read included.
        repeated: what was left out because links lead to it a second time.
        passed: folders of recordings that were passed over.
        found_as: the path of each file, by its real path.
    """

    root: Path
    audio: tuple[PurePosixPath, ...]
    tables: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...]
    repeated: tuple[PurePosixPath, ...]
    passed: tuple[PurePosixPath, ...]
    found_as: Mapping[str, PurePosixPath]

    @cached_property
    def base(self) -> int:
        """How many folders lie around all audio, one in another, without a clip beside them."""
        common = os.path.commonpath([path.parent for path in self.audio]) if self.audio else ""
        inside = PurePosixPath(common).parts if common != "." else ()
        holds_clips = any(len(path.parts) == len(inside) + 1 for path in self.audio)
        return max(0, len(inside) - 1) if holds_clips else len(inside)

    @cached_property
    def top_folders(self) -> tuple[str, ...]:
        """The first folders that hold audio and are not alone, sorted."""
        base = self.base
        return tuple(sorted({p.parts[base] for p in self.audio if len(p.parts) > base + 1}))

    @property
    def notes(self) -> tuple[str, ...]:
        """Which links and folders were left out, in words, if any were."""
        notes = []
        if self.repeated:
            count, first = len(self.repeated), printable(self.repeated[0])
            one = f"1 link ({first}) is left out: what it leads"
            several = f"{count} links (such as {first}) are left out: what they lead"
            notes.append(f"{one if count == 1 else several} to is in the folder already")
        if self.passed:
            names = ", ".join(printable(path) for path in self.passed[:3])
            more = f" and {len(self.passed) - 3} more" if len(self.passed) > 3 else ""
            notes.append(f"recordings in {names}{more} are passed over: no class, or hidden")
        return tuple(notes)


def walk(root: Path) -> Folder:
    """Find the files of a folder.

    Raises:
        DatasetError: it is absent, a folder in it cannot be listed, or it holds no audio.
    """
    expected = "expected a folder of labelled recordings"
    where = printable(root)
    try:
        exists = root.exists()
    except PermissionError as error:  # of a folder above it
        _cannot_list(error)
    if not exists:
        raise DatasetError(f"{where}: {expected}, found nothing of that name - check the path")
    if not root.is_dir():
        raise DatasetError(
            f"{where}: {expected} or a table (.csv, .tsv), found another file - "
            "give the folder that holds it"
        )
    found_as: dict[str, PurePosixPath] = {}
    repeated: list[PurePosixPath] = []
    passed: list[PurePosixPath] = []
    paths = sorted(_files(root, found_as, repeated, passed))
    audio = tuple(path for path in paths if is_audio(path))
    tables = tuple(path for path in paths if path.suffix.lower() in _TABLE_SUFFIXES)
    others = tuple(sorted({*paths} - {*audio, *tables}))
    if not any(path.suffix.lower() in AUDIO_SUFFIXES for path in audio):
        raise DatasetError(f"{where}: expected audio files, found {_instead(root, paths, audio)}")
    return Folder(root, audio, tables, others, tuple(sorted(repeated)), tuple(passed), found_as)


def is_audio(path: PurePosixPath) -> bool:
    """Return whether a path is that of a sound file, of a kind that can be read or not."""
    return path.suffix.lower() in _SOUND_SUFFIXES


def is_readable(path: PurePosixPath) -> bool:
    """Return whether a path is that of a sound file of a kind that can be read."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def unreadable_kinds(root: Path, paths: Iterable[PurePosixPath | Path]) -> str:
    """Return in words how many files of which kinds cannot be read, and what converts them."""
    counts = Counter(path.suffix.lower() for path in paths)
    kinds = ", ".join(f"{count} x {suffix}" for suffix, count in counts.most_common())
    suffix = counts.most_common(1)[0][0]
    convert = f"find {_quoted(root)} -iname '*{suffix}' -exec ffmpeg -i {{}} {{}}.wav ';'"
    return f"{kinds} - convert with: {convert}"


def _quoted(root: Path) -> str:
    import shlex

    return shlex.quote(printable(root))


def _instead(root: Path, paths: list[PurePosixPath], audio: tuple[PurePosixPath, ...]) -> str:
    if audio:
        return f"files that cannot be read: {unreadable_kinds(root, audio)}"
    if not paths:
        return "an empty folder - put one folder of clips per class into it"
    if tables := [path for path in paths if path.suffix.lower() in _TABLE_SUFFIXES]:
        return f"{len(paths)} other files - give the table: --data {_quoted(root / tables[0])}"
    kinds = ", ".join(sorted({printable(path.suffix.lower() or path.name) for path in paths})[:5])
    return f"{len(paths)} other files ({kinds}) - give WAV, FLAC or OGG clips"


def _cannot_list(error: OSError) -> NoReturn:
    reason = (error.strerror or str(error)).lower()
    raise DatasetError(
        f"{printable(error.filename)}: expected a folder that can be listed, found {reason} - "
        "get the right to read it (chmod -R u+rX), or move it away"
    ) from error


def _holds_audio(folder: Path) -> bool:
    """Return whether a folder that is passed over holds recordings; it may be unreadable."""
    return any(
        is_audio(PurePosixPath(name)) and not name.startswith(".")
        for _, _, files in os.walk(folder)
        for name in files
    )


def _files(
    root: Path,
    found_as: dict[str, PurePosixPath],
    repeated: list[PurePosixPath],
    passed: list[PurePosixPath],
) -> Iterator[PurePosixPath]:
    """Find the files below a root, each by one path; what lies there itself goes before links.

    Fills `found_as`, `repeated` with the paths that lead to what was found already, and `passed`
    with the folders that were not entered although they hold recordings.
    """

    def is_new(path: PurePosixPath, real: str) -> bool:
        new = found_as.setdefault(real, path) is path
        if not new:
            repeated.append(path)
        return new

    def is_entered(below: PurePosixPath, name: str) -> bool:
        if name.lower() in _LEFTOVERS or name in _SYSTEM:
            return False
        if name[0] != "." and name.lower() not in _NO_CLASSES:
            return True
        if _holds_audio(root / below / name):
            passed.append(below / name)
        return False

    starts = [PurePosixPath()]  # the root, and the links that are met on the way
    for start in starts:
        if not (root / start).is_dir():
            if is_new(start, os.path.realpath(root / start)):
                yield start
            continue
        for where, folders, files in os.walk(root / start, onerror=_cannot_list):
            below, real = PurePosixPath(Path(where).relative_to(root)), os.path.realpath(where)
            if not is_new(below, real):
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if is_entered(below, name))
            inside = set(folders)
            for name in sorted([*folders, *(name for name in files if name[0] != ".")]):
                path = below / name
                if os.path.islink(os.path.join(where, name)):  # noqa: PTH114, PTH118
                    starts.append(path)  # and a Path for each of many files takes longer
                elif name not in inside and is_new(path, os.path.join(real, name)):  # noqa: PTH118
                    yield path
