"""What a key may be: words, or numbers between bounds, each with the words of its refusal."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from nas_asc.errors import nearest, shown


@dataclass(frozen=True)
class Domain:
    """What a key may be.

    Attributes:
        words: those that a value may be or begin with.
    """

    expected: str
    holds: Callable[[object], bool]
    words: tuple[str, ...] = ()

    def refusal(self, value: object, inside: str = "") -> str:
        """Say what was expected instead of a value, with the nearest word if it has none."""
        first = value.split(" ")[0] if isinstance(value, str) else ""
        meant = "" if first in self.words else nearest(first, self.words)
        return f"expected {self.expected}, got {shown(value)}{inside}{meant}"


def whole(least: int, most: int) -> Domain:
    """Take whole numbers from the least to the most."""
    return Domain(
        f"a whole number from {least:,} to {most:,}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and least <= v <= most,
    )


def or_zero(domain: Domain) -> Domain:
    """Take what a domain does, or 0."""
    zero = whole(0, 0)
    return Domain(f"0 or {domain.expected}", lambda v: zero.holds(v) or domain.holds(v))


def words(*known: str) -> Domain:
    """Take one of a few words."""
    return Domain("one of " + ", ".join(known), lambda v: v in known, known)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(low: float, high: float) -> Domain:
    """Take numbers from the low to the high one."""
    return Domain(
        f"a number from {low:,g} to {high:,}", lambda v: _is_number(v) and low <= v <= high
    )


def above_zero(most: int) -> Domain:
    """Take numbers above zero."""
    return Domain(f"a number above 0, at most {most:,}", lambda v: _is_number(v) and 0 < v <= most)


def sized(most: int, expected: str, pattern: str, *words: str) -> Domain:
    """Take texts of a pattern whose numbers are at most so much."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    digits = len(str(most))

    def holds(value: object) -> bool:
        return (
            isinstance(value, str)
            and matches(value) is not None
            and all(
                len(number) <= digits and int(number) <= most
                for number in re.findall(r"\d+", value)
            )
        )

    return Domain(f"{expected}, each number from 1 to {most:,}", holds, words)


FLAG = Domain("true or false", lambda v: isinstance(v, bool))
TEXT = Domain("a text", lambda v: isinstance(v, str))
