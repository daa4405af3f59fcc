"""Durations and counts as people write them."""

import re
from collections.abc import Iterable
from fractions import Fraction

from nas_asc.errors import ConfigError

_NUMBER = r"(?P<number>[0-9]{1,1000}(?:\.[0-9]{1,1000})?)"
_DURATION = re.compile(_NUMBER + r"(?P<unit>ms|s|m|h)")
_SECONDS: dict[str, int | Fraction] = {"ms": Fraction(1, 1000), "s": 1, "m": 60, "h": 3600}
_MOST_HOURS = 10_000

MOST_S = _MOST_HOURS * 3600  # of a duration


def parse_duration(text: str) -> float:
    """Read a duration such as "500ms", "90s", "10m" or "1.5h", in seconds.

    Raises:
        ConfigError: it is no duration above zero, or one of more than a year.
    """
    match = _DURATION.fullmatch(text)
    seconds = Fraction(match["number"]) * _SECONDS[match["unit"]] if match else Fraction(0)
    if seconds == 0:
        raise ConfigError(f"expected a duration such as 90s, 10m or 1.5h, got {text!r}")
    if seconds > MOST_S:
        raise ConfigError(f"expected a duration of at most {_MOST_HOURS}h, got {text!r}")
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Write a duration for people: "45 s", "12 min" or "1 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_count(count: float) -> str:
    """Write a count with three digits and a decimal prefix: "61.1 K", "29.4 M"."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if count >= 0.9995 * factor:
            return f"{count / factor:.3g} {prefix}"
    return f"{count:.0f}"


def number_of(count: int, noun: str) -> str:
    """Write how many there are of something: "1 clip", "1,500 classes"."""
    plural = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{plural}"


def format_shape(shape: Iterable[int]) -> str:
    """Write a shape or a window: "1x160x640"."""
    return "x".join(map(str, shape))
