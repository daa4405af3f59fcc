"""The report models that were not trained: a strip of rows above a panel of a chart.

They have a size and no result, so they stand outside the axes, each at its size with its name
beside it, in as many rows as keep them apart. Conventions: lengths are in units of the page that
the caller draws on; row 0 is the lowest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nas_asc.captions import shorten_name
from nas_asc.chart import Chart
from nas_asc.chart_names import LONGEST_NAME

LABEL = "report model over the budget, not trained"


@dataclass(frozen=True)
class StripName:
    """A model on the strip.

    Attributes:
        text: its name, shortened where it is too long.
        side: of the marker on which the name stands.
    """

    model: str
    text: str
    size_bytes: int
    row: int
    side: Literal["left", "right"]


def strip_names(
    shown: Chart, x_of: Callable[[float], float], character: float, aside: float, right: float
) -> list[StripName]:
    """Give the models over the budget in rows, smallest first.

    Args:
        shown: the chart.
        x_of: gives the place on the page of a size in bytes.
        character: width of a letter, at most.
        aside: from the middle of a marker to its name.
        right: where the strip ends; a name that would pass it stands on the left.
    """
    ends: list[list[tuple[float, float]]] = []  # what is taken of each row
    names = []
    for model, size_bytes in sorted(shown.over_budget, key=lambda pair: (pair[1], pair[0])):
        text = shorten_name(model, LONGEST_NAME)
        x, extent = x_of(size_bytes), aside + character * len(text)
        on_right = x + extent <= right
        low, high = (x - aside, x + extent) if on_right else (x - extent, x + aside)
        row = next(
            (r for r, taken in enumerate(ends) if all(high < a or b < low for a, b in taken)),
            len(ends),
        )
        if row == len(ends):
            ends.append([])
        ends[row].append((low, high))
        names.append(StripName(model, text, size_bytes, row, "right" if on_right else "left"))
    return names
