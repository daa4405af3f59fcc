"""The files of a run folder that show its front: data, pictures and the page."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from nas_asc.errors import RunError
from nas_asc.front_data import front_csv, front_json, parse_front_json
from nas_asc.html import front_html
from nas_asc.plots import front_png, front_svg
from nas_asc.rules import counting_rule
from nas_asc.summary import Summary

_WRITERS: Mapping[str, Callable[[Summary, int], str | bytes]] = {
    "front.json": lambda summary, kb: front_json(summary),
    "front.csv": lambda summary, kb: front_csv(summary.front),
    "front.svg": front_svg,
    "front.png": front_png,
    "front.html": front_html,
}
DATA_FILES = ("front.json", "front.csv")
PICTURE_FILES = ("front.svg", "front.png", "front.html")


def write_front(
    summary: Summary, folder: Path, names: tuple[str, ...] = DATA_FILES + PICTURE_FILES
) -> tuple[Path, ...]:
    """Write the front into a folder, each file in one step: whoever reads finds the old or the new.

    Args:
        summary: what to write.
        folder: where to; it is made if it does not exist.
        names: which files; the pictures take about a second.

    Returns:
        The paths of the files, in the order of `names`.

    Raises:
        RunError: the folder is full, or cannot be written.
    """
    kb = counting_rule(summary.rule).kb
    for name in names:
        content = _WRITERS[name](summary, kb)
        _write(folder / name, content.encode() if isinstance(content, str) else content)
    return tuple(folder / name for name in names)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(
            f"{path}: expected a file that can be written, found {reason} - the trials are kept: "
            "put that right, and search --resume writes their front"
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def read_front(folder: Path) -> Summary:
    """Read the summary that `front.json` of a run folder holds.

    Raises:
        RunError: there is none, or it is not what `write_front` wrote.
    """
    path = folder / "front.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(
            f"{folder}: expected a run folder with a front.json, found none; "
            "search --out makes one, search --resume finishes one"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise RunError(f"{path}: expected a readable front, got {fault}") from fault
    return parse_front_json(text, str(path))
