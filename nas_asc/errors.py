"""Errors that a user can put right.

A message has a line per fault: what was expected, what was found, what to do. The command line ends
with the `exit_code`. Misuse by a programmer is `ValueError` or `TypeError`; over budget is a
result, not an error.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import ClassVar

_MOST_SHOWN = 120  # characters
_MOST_LISTED = 20  # known keys
_MOST_MATCHES = 8  # known words that begin alike and are still told one by one


class NasAscError(Exception):
    """Something that the user can put right."""

    exit_code: ClassVar[int] = 2


class ConfigError(NasAscError):
    """A search space, study, option or budget that is not valid."""


class DatasetError(NasAscError):
    """A data set folder or a clip that cannot be used."""


class StorageError(NasAscError):
    """A disk that is full, or a folder that cannot be read and written."""


class RunError(NasAscError):
    """A run folder that cannot be used: locked, absent or of another study."""


class UnsupportedOperation(NasAscError):
    """An operator whose cost nobody has stated."""


class TrainingError(NasAscError):
    """A training that cannot go on."""


class DivergedError(TrainingError):
    """A training whose loss or whose metrics are no longer numbers."""


class ExportError(NasAscError):
    """A model that cannot be written or read."""


class NothingFits(NasAscError):
    """No architecture of the space fits the budget."""

    exit_code: ClassVar[int] = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x' or 'y'?" for what `word` may stand for, or an empty string.

    Known words that begin so come first, those with one letter more or else all unless they are
    many; then the nearest one. Capitals do not matter.
    """
    by_lower = {name.lower(): name for name in known if name != word}
    lower = word.lower()
    longer = [key for key in by_lower if lower and key.startswith(lower)]
    found = [key for key in longer if len(key) <= len(lower) + 1] or longer
    if lower in by_lower:
        found = [lower]
    elif not 0 < len(found) <= _MOST_MATCHES:
        found = get_close_matches(lower, by_lower, n=1, cutoff=0.5)
    if not found:
        return ""
    *others, last = [repr(by_lower[key]) for key in found]
    return f", did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def unknown_key(key: str, known: Collection[str]) -> str:
    """Return what was expected instead of an unknown key, with the nearest known one."""
    expected = f"one of {', '.join(known)}" if len(known) <= _MOST_LISTED else "a known key"
    return f"expected {expected}{nearest(key, known)}"


def printable(text: object) -> str:
    r"""Return a text or path with bytes that are no UTF-8 escaped, such as caf\xe9.wav."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def utf8_path(path: object) -> str:
    """Return a path as text that a study can keep; ConfigError where it is not UTF-8."""
    if printable(path) != str(path):
        raise ConfigError(
            f"{printable(path)}: expected a path in UTF-8, got other bytes - rename it, or give a "
            "link to it"
        )
    return str(path)


def short_repr(value: object) -> str:
    """Return what a user gave as Python writes it, cut short where it is very long."""
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        return "a number of thousands of digits"
    except RecursionError:
        return "lists in one another without end"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
