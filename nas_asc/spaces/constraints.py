"""What a key may be: words, or numbers between bounds; and whether a table holds to it."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from nas_asc.errors import nearest, short_repr
from nas_asc.spaces.validation import unknown_key
from nas_asc.toml_file import Fault


@dataclass(frozen=True)
class Domain:
    """What a key may be.

    Attributes:
        words: those that a value may be or begin with.
    """

    expected: str
    accepts: Callable[[object], bool]
    words: tuple[str, ...] = ()

    def error_message(self, value: object, inside: str = "") -> str:
        """Return what was expected instead of a value, with the nearest word if it has none."""
        first = value.split(" ")[0] if isinstance(value, str) else ""
        hint = "" if first in self.words else nearest(first, self.words)
        return f"expected {self.expected}, got {short_repr(value)}{inside}{hint}"


def whole(least: int, most: int) -> Domain:
    """Accept whole numbers from the least to the most."""
    return Domain(
        f"a whole number from {least:,} to {most:,}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and least <= v <= most,
    )


def or_zero(domain: Domain) -> Domain:
    """Accept what a domain does, or 0."""
    zero = whole(0, 0)
    return Domain(f"0 or {domain.expected}", lambda v: zero.accepts(v) or domain.accepts(v))


def words(*known: str) -> Domain:
    """Accept one of a few words."""
    return Domain("one of " + ", ".join(known), lambda v: v in known, known)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(low: float, high: float) -> Domain:
    """Accept numbers from the low to the high one."""
    return Domain(
        f"a number from {low:,g} to {high:,}", lambda v: _is_number(v) and low <= v <= high
    )


def above_zero(most: int) -> Domain:
    """Accept numbers above zero."""
    return Domain(f"a number above 0, at most {most:,}", lambda v: _is_number(v) and 0 < v <= most)


def sized(most: int, expected: str, pattern: str, *words: str) -> Domain:
    """Accept texts of a pattern whose numbers are at most so much."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    digits = len(str(most))

    def accepts(value: object) -> bool:
        return (
            isinstance(value, str)
            and matches(value) is not None
            and all(
                len(number) <= digits and int(number) <= most
                for number in re.findall(r"\d+", value)
            )
        )

    return Domain(f"{expected}, each number from 1 to {most:,}", accepts, words)


FLAG = Domain("true or false", lambda v: isinstance(v, bool))
TEXT = Domain("a text", lambda v: isinstance(v, str))
TABLE = Domain("a table", lambda v: isinstance(v, dict))


def table_faults(
    path: str,
    table: Mapping[str, object],
    known: Mapping[str, Domain],
    needed: Collection[str] = (),
) -> list[Fault]:
    """Return what is wrong with the keys of a table that stands at a dotted path."""
    unknown = [Fault(f"{path}.{key}", unknown_key(key, known)) for key in table if key not in known]
    missing = [
        Fault(f"{path}.{key}", f"expected {known[key].expected}, got nothing")
        for key in needed
        if key not in table
    ]
    refused = [
        Fault(f"{path}.{key}", domain.error_message(table[key]))
        for key, domain in known.items()
        if key in table and not domain.accepts(table[key])
    ]
    return unknown + missing + refused
