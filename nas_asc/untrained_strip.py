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
        right: where the strip ends, which begins at 0.
    """
    rows: list[list[tuple[float, float]]] = []  # what is taken of each
    names = []
    for model, size_bytes in sorted(shown.over_budget, key=lambda pair: (pair[1], pair[0])):
        text = shorten_name(model, LONGEST_NAME)
        x, extent = x_of(size_bytes), aside + character * len(text)
        # First on the left, which leaves the rest of the row to larger models.
        sides: dict[Literal["left", "right"], tuple[float, float]] = {}
        if x - extent >= 0:
            sides["left"] = (x - extent, x + aside)
        if x + extent <= right or not sides:
            sides["right"] = (x - aside, x + extent)
        row, side = next(
            (row, side)
            for row, taken in enumerate([*rows, []])
            for side, (low, high) in sides.items()
            if all(high < start or end < low for start, end in taken)
        )
        if row == len(rows):
            rows.append([])
        rows[row].append(sides[side])
        names.append(StripName(model, text, size_bytes, row, side))
    return names
