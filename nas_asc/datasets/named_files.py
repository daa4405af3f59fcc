"""Where the file lies that a row of a table names.

Conventions: a file is named from the table's folder or the folder above, from `audio` or
`audio/foldN` (UrbanSound8K) beside it, from `--audio`, or by its whole path; its suffix may be
another or left out, and of its folders the first, as far as no other file below the table's folder
or `--audio` ends so.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from nas_asc.datasets.folder import Folder, is_audio, is_readable

# From a row and the name in it to the path of the file, or None.
Find = Callable[[Mapping[str, str], str], Path | None]


def path_of(name: str) -> PurePosixPath:
    """Return the path that a name in a table is, whichever slashes it has."""
    return PurePosixPath(name.replace("\\", "/"))


def in_folder(folder: Folder) -> Find:
    """Return what finds the file of a row among those of a folder."""
    there = set(folder.audio)
    by_tail, converted = _by_tail(lambda: folder.audio), _converted()

    def find(row: Mapping[str, str], name: str) -> Path | None:
        wanted = path_of(name)
        if wanted.is_absolute():
            whole = _existing(Path(wanted))
            if whole is None or not is_readable(wanted):
                whole = _in(folder.root, by_tail(wanted)) or converted(Path(wanted)) or whole
            return whole
        paths = [place / wanted for place in _places(row)]
        if folder.repeated and there.isdisjoint(paths):  # a row may name it by a link left out
            reals = [os.path.realpath(folder.root / path) for path in paths]
            paths += [folder.found_as[real] for real in reals if real in folder.found_as]
        found = next((path for path in paths if path in there), None)
        if found is None or not is_readable(found):
            found = by_tail(wanted) or found
        return _in(folder.root, found)

    return find


def in_places(parent: Path, audio: Path | None) -> Find:
    """Return what finds the file of a row of a table in `parent`, or from the folder `audio`."""
    root, converted = audio or parent, _converted()
    by_tail = _by_tail(lambda: _audio_below(root))

    def find(row: Mapping[str, str], name: str) -> Path | None:
        wanted = path_of(name)
        starts = [parent, parent.parent] if audio is None else [audio, parent]
        places = [start / place / wanted for start in starts for place in _places(row)]
        if wanted.is_absolute():
            places = [Path(wanted)]
        found = next(filter(None, map(_existing, places)), None)
        if found is None or not is_readable(PurePosixPath(found)):
            others = filter(None, map(converted, places))
            found = _in(root, by_tail(wanted)) or next(others, None) or found
        return found

    return find


def _places(row: Mapping[str, str]) -> list[PurePosixPath]:
    folds = [PurePosixPath("audio", f"fold{row['fold']}")] if "fold" in row else []
    plain = ("", "audio", "meta", "metadata")
    return [*map(PurePosixPath, plain), *folds]


def _in(root: Path, found: PurePosixPath | None) -> Path | None:
    return None if found is None else root / found


def _existing(path: Path) -> Path | None:
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _converted() -> Callable[[Path], Path | None]:
    """Return what finds the readable file that lies where a row names one of another kind.

    Its name may have another suffix, or one more: x.m4a may have become x.wav or x.m4a.wav.
    """

    @cache
    def inside(folder: Path) -> dict[str, Path]:
        try:
            paths = sorted(folder.iterdir(), reverse=True)
        except (OSError, ValueError):
            return {}
        return {path.stem: path for path in paths if is_readable(PurePosixPath(path))}

    def find(path: Path) -> Path | None:
        found, name = inside(path.parent), PurePosixPath(path.name)
        return found.get(path.name) or (found.get(path.stem) if is_audio(name) else None)

    return find


def _audio_below(root: Path) -> list[PurePosixPath]:
    below = [Path(where, name) for where, _, files in os.walk(root) for name in files]
    return [path for each in below if is_audio(path := PurePosixPath(each.relative_to(root)))]


def _by_tail(
    listed: Callable[[], Sequence[PurePosixPath]],
) -> Callable[[PurePosixPath], PurePosixPath | None]:
    """Return what finds the one file that a row means whose own path does not lead to it.

    It is the one that shares most of the path's end with it, whatever suffix it has. Where the
    folder that the row names before that is there, and the file not in it, it is the file that is
    not there. The files are listed when the first such row is met.
    """

    @cache
    def index() -> tuple[dict[str, PurePosixPath | None], set[str]]:
        paths, found = listed(), dict[str, PurePosixPath | None]()
        for path in filter(is_readable, paths):
            inner = PurePosixPath(path.stem)  # x.m4a.wav was x.m4a
            for tail in {path.name, path.stem, inner.stem if is_audio(inner) else path.stem}:
                for folder in ("", *reversed(path.parent.parts)):
                    tail = f"{folder}/{tail}" if folder else tail
                    found[tail] = None if tail in found else path
        return found, {folder for path in paths for folder in path.parent.parts}

    def find(wanted: PurePosixPath) -> PurePosixPath | None:
        found, folders = index()
        names = [wanted.name, *([wanted.stem] if is_audio(wanted) else [])]
        above = [part for part in wanted.parts[:-1] if part != wanted.anchor]
        for start in range(len(above) + 1):
            for name in names:
                path = found.get("/".join((*above[start:], name)))
                left_out = {*above[:start][-1:]} & folders
                if path is not None and left_out.issubset(path.parent.parts):
                    return path
        return None

    return find
