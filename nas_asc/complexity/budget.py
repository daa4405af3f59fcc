"""The budget: limits that no architecture on a front exceeds, and how people write them.

Conventions: limits are inclusive. Size and parameters are those that the counting rule counts,
MACs those that it judges (`counted_macs`), peak activation memory is in bytes at the stored
precision. None means no such limit. `B`; `kB` = 1000 bytes; `KiB`, `MiB` = 1024, 1024 x 1024; `KB`
and `MB` are the counting rule's K and its square. Counts take the decimal prefixes K, M and G.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from nas_asc.complexity.counting import Complexity, Costs
from nas_asc.complexity.rules import BYTES_PER_VALUE, CountingRule
from nas_asc.errors import ConfigError, nearest

Counted = Complexity | Costs


class CostMeasure(NamedTuple):
    """What a budget can limit.

    Attributes:
        attribute: of a complexity, which a limit bounds.
        noun: what a limit is on.
        unit: what follows a number of it in a sentence.
        short: what it is called in a table.
    """

    attribute: str
    noun: str
    unit: str
    short: str


_PEAK = "peak activation memory"
MEASURES: Mapping[str, CostMeasure] = {
    "size_bytes": CostMeasure("size_bytes", "size", "bytes", "bytes"),
    "params": CostMeasure("counted_params", "parameters", "parameters", "parameters"),
    "macs": CostMeasure("counted_macs", "multiply-accumulates", "multiply-accumulates", "MACs"),
    "peak_activation_bytes": CostMeasure(
        "peak_activation_bytes", _PEAK, f"bytes of {_PEAK}", "peak activation bytes"
    ),
}
_MOST = 2**63 - 1  # what counts are stored in holds no more
_LIMIT = re.compile(r"([0-9]{1,1000}(?:\.[0-9]{1,1000})?)\s*([A-Za-z\s]*)", re.ASCII)
_UNITS = (
    "a number and one of B, kB, KB, MB, KiB, MiB (the size), params, MAC (with K, M or G before "
    "it), or a size followed by ram"
)


@dataclass(frozen=True)
class Budget:
    """Limits on size, parameters, multiply-accumulates and peak activation memory."""

    size_bytes: int | None = None
    params: int | None = None
    macs: int | None = None
    peak_activation_bytes: int | None = None
    precisions: tuple[str, ...] | None = None

    def exceeded(self, counted: Counted) -> str | None:
        """Return the name of the first limit that `counted` exceeds; None if it fits."""
        return next(self.all_exceeded(counted), None)

    def all_exceeded(self, counted: Counted) -> Iterator[str]:
        """Yield the name of every limit that `counted` exceeds.

        Peak memory comes last since it is the only one that has to be worked out on demand.
        """
        if self.size_bytes is not None and counted.size_bytes > self.size_bytes:
            yield "size_bytes"
        if self.params is not None and counted.counted_params > self.params:
            yield "params"
        if self.macs is not None and counted.counted_macs > self.macs:
            yield "macs"
        allowed = self.precisions  # an ensemble's may be several, joined by "+"
        if allowed is not None and not set(counted.precision.split("+")) <= {*allowed}:
            yield "precision"
        peak = self.peak_activation_bytes
        if peak is not None and counted.peak_activation_bytes > peak:
            yield "peak_activation_bytes"

    def limits(self) -> dict[str, int]:
        """Return the limits that are set, by name."""
        return {name: value for name, value in self.to_dict().items() if value is not None}

    def to_dict(self) -> dict[str, int | None]:
        """Return the four limits as JSON; a limit that is not set is null."""
        return {name: getattr(self, name) for name in MEASURES}

    def __str__(self) -> str:
        """Echo the budget as understood: "131,072 bytes, 30,000,000 multiply-accumulates"."""
        limits = [f"{value:,} {MEASURES[name].unit}" for name, value in self.limits().items()]
        if self.precisions is not None:
            limits.append(f"stored as {' or '.join(self.precisions)}")
        return ", ".join(limits)


def parse_budget(text: str | None, rule: CountingRule, with_limits: bool = False) -> Budget:
    """Read a budget such as "128KB,30MMAC,64KiBram".

    Args:
        text: limits joined by commas; None for the rule's own limits alone.
        rule: says what a KB is.
        with_limits: the rule's limits hold too, and the tighter of two wins.

    Raises:
        ConfigError: a limit is not understood, is given twice or is zero, or nothing is limited.
    """
    limits: dict[str, int] = {}
    given: dict[str, str] = {}
    for part in map(str.strip, text.split(",")) if text is not None else ():
        name, value = _parse_limit(part, rule.kb)
        if name in limits:
            raise ConfigError(
                f"budget: expected one limit on {MEASURES[name].noun}, "
                f"got {given[name]!r} and {part!r} - keep one"
            )
        limits[name], given[name] = value, part
    if with_limits:
        own = {"size_bytes": rule.max_bytes, "params": rule.max_params, "macs": rule.max_macs}
        for name, limit in own.items():
            if limit is not None:
                limits[name] = min(limit, limits.get(name, limit))
    if not limits:
        raise ConfigError(
            f"budget: expected a limit such as 128KB; rule {rule.id!r} has none of its own, "
            "give --budget"
        )
    restricted = with_limits and len(rule.precisions) < len(BYTES_PER_VALUE)
    return Budget(**limits, precisions=rule.precisions if restricted else None)


def _units(kb: int) -> dict[str, tuple[str, int]]:
    """Return every unit with what it limits, and how much of that one is."""
    sizes = {"B": 1, "kB": 1000, "KiB": 1024, "MiB": 1024**2, "KB": kb, "MB": kb**2}
    counts = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
    return {
        **{unit: ("size_bytes", factor) for unit, factor in sizes.items()},
        **{f"{unit}ram": ("peak_activation_bytes", factor) for unit, factor in sizes.items()},
        **{f"{prefix}params": ("params", factor) for prefix, factor in counts.items()},
        **{f"{prefix}MAC": ("macs", factor) for prefix, factor in counts.items()},
    }


def _unit(spelling: str, units: Mapping[str, tuple[str, int]]) -> tuple[str, int] | None:
    """Look up a unit; with spaces, in other letter case, or as MACs, where only one is meant.

    `kB` is 1000 bytes in this very spelling alone: `kb` and `Kb` are the rule's KB.
    """
    spelling = "".join(spelling.split())
    if spelling in units:
        return units[spelling]
    lower = re.sub("macs$", "mac", spelling.lower())
    fitting = [unit for unit in units if unit.lower() == lower and not unit.startswith("kB")]
    return units[fitting[0]] if len(fitting) == 1 else None


def _parse_limit(part: str, kb: int) -> tuple[str, int]:
    units = _units(kb)
    match = _LIMIT.fullmatch(part)
    unit = _unit(match[2], units) if match else None
    if match is None or unit is None:
        hint = nearest(match[2], units) if match and match[2] else ""
        raise ConfigError(f"budget: expected {_UNITS}; got {part!r}{hint}")
    name, factor = unit
    value = int(Fraction(match[1]) * factor)
    if value == 0:
        raise ConfigError(f"budget: expected a limit above zero, got {part!r}")
    if value > _MOST:
        raise ConfigError(f"budget: expected a limit of at most {_MOST:,}, got {part!r}")
    return name, value
