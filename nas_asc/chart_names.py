"""Names of the report models on a chart, beside their markers and clear of everything else.

Conventions: lengths are in units of the page that the caller draws on (points or pixels), x to the
right and y upwards.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from nas_asc.chart import Chart, Panel, steps
from nas_asc.label_placement import Box, Label, Mark, leader, place

Place = tuple[float, float]
OnPage = Callable[[float, float], Place]

LONGEST_NAME = 32
# As a share of the panel's sides.
_SAME_PLACE = 0.01
_SHORTEST_LEADER = 12.0
_ALONG = 6.0
# From a name to the line of the budget, which it never crosses where there is room elsewhere.
_CLEAR = 2.0


@dataclass(frozen=True)
class NamedMarker:
    """A marker with names: report models that lie on one another share it."""

    names: tuple[str, ...]
    size_bytes: int
    value: float


@dataclass(frozen=True)
class PlacedName:
    """Where a name goes, relative to its marker.

    Attributes:
        anchor: the side of the text that faces the marker, in its middle.
        align: which side that is, "left" or "right"; "center" for a text above or below.
        far: whether a line from the marker to the text is needed.
    """

    marker: NamedMarker
    anchor: Place
    align: Literal["left", "right", "center"]
    far: bool


def named_markers(shown: Chart, panel: Panel) -> list[NamedMarker]:
    """Give the trained report models of a chart, with one marker where they coincide."""
    models = [(p.model or "", p.size_bytes, panel.shown(p)) for p in shown.reference]
    octaves = math.log2(shown.x_limits[1] / shown.x_limits[0])
    height = panel.limits[1] - panel.limits[0]
    markers: list[NamedMarker] = []
    for name, size, value in models:
        for i, other in enumerate(markers):
            aside = math.log2(size / other.size_bytes) / octaves
            if math.hypot(aside, (value - other.value) / height) < _SAME_PLACE:
                markers[i] = replace(other, names=(*other.names, name))
                break
        else:
            markers.append(NamedMarker((name,), size, value))
    return markers


def place_names(
    shown: Chart,
    panel: Panel,
    on_page: OnPage,
    extents: Sequence[Place],
    bounds: Box,
    taken: Sequence[Box] = (),
) -> list[PlacedName]:
    """Place the names of `named_markers`.

    Args:
        shown: the chart.
        panel: one of its panels.
        on_page: gives the place on the page of a size in bytes and a value.
        extents: width and height of the text of each marker.
        bounds: the panel on the page.
        taken: boxes of other text.
    """
    markers = named_markers(shown, panel)
    labels = [
        Label(*on_page(marker.size_bytes, marker.value), width, height)
        for marker, (width, height) in zip(markers, extents, strict=True)
    ]
    marks = [Mark(label.x, label.y, 6) for label in labels]
    for points, weight in ((shown.front, 4.0), (shown.dominated, 0.25)):
        marks += [Mark(*on_page(p.size_bytes, panel.shown(p)), weight) for p in points]
    lines = [list(zip(*steps(shown.front, panel, shown.x_limits[1]), strict=True))]
    marks += [Mark(x, y, 0.7) for line in lines for x, y in _along(line, on_page)]
    if shown.budget_bytes is not None:
        x, _ = on_page(shown.budget_bytes, panel.limits[0])
        taken = [*taken, (x - _CLEAR, bounds[1], x + _CLEAR, bounds[3])]
        left, bottom, right, top = bounds
        if x > (left + right) / 2:  # there is room: what is behind the line looks over the budget
            bounds = (left, bottom, min(right, x - _CLEAR), top)
    boxes = place(labels, bounds, taken, marks)
    return [_placed(*each) for each in zip(markers, labels, boxes, strict=True)]


def _placed(marker: NamedMarker, label: Label, box: Box) -> PlacedName:
    _, _, x, y = leader(label, box)
    anchor = (x - label.x, y - label.y)
    aside = anchor[0] != 0
    return PlacedName(
        marker=marker,
        anchor=anchor,
        align="center" if not aside else "left" if anchor[0] > 0 else "right",
        far=aside and math.hypot(*anchor) > _SHORTEST_LEADER,
    )


def _along(line: Sequence[Place], on_page: OnPage) -> Iterator[Place]:
    """Give places every few units along a line."""
    for (x0, y0), (x1, y1) in pairwise([on_page(*corner) for corner in line]):
        parts = math.ceil(math.hypot(x1 - x0, y1 - y0) / _ALONG)
        for i in range(parts):
            yield x0 + (x1 - x0) * i / parts, y0 + (y1 - y0) * i / parts
