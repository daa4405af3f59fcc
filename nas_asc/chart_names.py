"""Names of the report models on a chart, beside their markers and clear of everything else.

Where markers are so crowded that names would stand far off, the number of the trial stands beside
the marker, and a key in an empty part of the panel says which model it is.

Conventions: lengths are in units of the page that the caller draws on (points or pixels), x to the
right and y upwards.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from nas_asc.captions import shorten_name
from nas_asc.chart import Chart, Panel, steps
from nas_asc.label_placement import Box, Label, Mark, leader, overlap, place

Place = tuple[float, float]
OnPage = Callable[[float, float], Place]

# Width and height that a text takes, with some room around it; its lines end in "\n".
Extent = Callable[[str], Place]

LONGEST_NAME = 32
# As a share of the panel's sides.
_SAME_PLACE = 0.01
_SHORTEST_LEADER = 12.0
_ALONG = 6.0
# Where a name would stand farther off, it and those of markers so near to its own are numbers.
_TOO_FAR, _CROWD = 45.0, 32.0
_IN_A_LINE = 3
_KEY_TITLE = "trial: report model"
_INSET = 8.0  # from the key to the sides of the panel
_KEY_STEPS = 12  # places for the key along each side of the panel
# From a name to the line of the budget, which it never crosses where there is room elsewhere.
_CLEAR = 2.0


@dataclass(frozen=True)
class NamedMarker:
    """A marker with names: report models that lie on one another share it."""

    names: tuple[str, ...]
    trials: tuple[int, ...]
    size_bytes: int
    value: float

    @property
    def text(self) -> str:
        """What stands beside it, a line each."""
        return "\n".join(shorten_name(name, LONGEST_NAME) for name in self.names)

    @property
    def numbers(self) -> str:
        """What stands beside it where it is crowded, a few numbers a line."""
        numbers = [str(trial) for trial in sorted(self.trials)]
        rows = [numbers[i : i + _IN_A_LINE] for i in range(0, len(numbers), _IN_A_LINE)]
        return ",\n".join(", ".join(row) for row in rows)

    @property
    def key(self) -> list[tuple[int, str]]:
        """What the key says of it then: trials, each with a name."""
        return list(zip(self.trials, self.text.split("\n"), strict=True))


@dataclass(frozen=True)
class PlacedName:
    """Where a name goes, relative to its marker.

    Attributes:
        text: the name, or the number of its trial where the key has the name.
        anchor: the side of the text that faces the marker, in its middle.
        align: which side that is, "left" or "right"; "center" for a text above or below.
        far: whether a line from the marker to the text is needed; a number has one unless it stands
            right beside its marker.
    """

    marker: NamedMarker
    text: str
    anchor: Place
    align: Literal["left", "right", "center"]
    far: bool

    @property
    def is_number(self) -> bool:
        """Whether the key has the name."""
        return self.text != self.marker.text


@dataclass(frozen=True)
class Key:
    """Which trial is which report model: a text, and the box on the page that it goes into."""

    text: str
    box: Box


def named_markers(shown: Chart, panel: Panel) -> list[NamedMarker]:
    """Give the trained report models of a chart, with one marker where they coincide."""
    models = [(p.model or "", p.trial, p.size_bytes, panel.shown(p)) for p in shown.reference]
    octaves = math.log2(shown.x_limits[1] / shown.x_limits[0])
    height = panel.limits[1] - panel.limits[0]
    markers: list[NamedMarker] = []
    for name, trial, size, value in models:
        for i, other in enumerate(markers):
            aside = math.log2(size / other.size_bytes) / octaves
            if math.hypot(aside, (value - other.value) / height) < _SAME_PLACE:
                trials = (*other.trials, trial)
                markers[i] = replace(other, names=(*other.names, name), trials=trials)
                break
        else:
            markers.append(NamedMarker((name,), (trial,), size, value))
    return markers


def place_names(
    shown: Chart,
    panel: Panel,
    on_page: OnPage,
    extent: Extent,
    bounds: Box,
    taken: Sequence[Box] = (),
) -> tuple[list[PlacedName], Key | None]:
    """Place the names of `named_markers`.

    Args:
        shown: the chart.
        panel: one of its panels.
        on_page: gives the place on the page of a size in bytes and a value.
        extent: gives the room that a text takes.
        bounds: the panel on the page.
        taken: boxes of other text.

    Returns:
        The names, and the key to those that are numbers; None if none is.
    """
    markers = named_markers(shown, panel)
    places = [on_page(marker.size_bytes, marker.value) for marker in markers]
    marks = [Mark(x, y, 6) for x, y in places]
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

    def placed(texts: Sequence[str], taken: Sequence[Box]) -> list[PlacedName]:
        pairs = zip(places, texts, strict=True)
        labels = [Label(*where, *extent(text)) for where, text in pairs]
        boxes = place(labels, bounds, taken, marks)
        return [_placed(*each) for each in zip(markers, texts, labels, boxes, strict=True)]

    names = placed([marker.text for marker in markers], taken)
    too_far = [at for at, name in zip(places, names, strict=True) if _length(name) > _TOO_FAR]
    crowd = [any(math.dist(at, other) <= _CROWD for other in too_far) for at in places]
    entries = [entry for m, inside in zip(markers, crowd, strict=True) if inside for entry in m.key]
    if not entries:
        return names, None
    text = "\n".join([_KEY_TITLE, *(f"{trial}: {name}" for trial, name in sorted(entries))])
    _, chance = on_page(shown.x_limits[0], panel.chance)
    line = (bounds[0], chance - _CLEAR, bounds[2], chance + _CLEAR)
    key = Key(text, _emptiest(extent(text), bounds, [*taken, line], marks))
    texts = [m.numbers if inside else m.text for m, inside in zip(markers, crowd, strict=True)]
    return placed(texts, [*taken, key.box]), key


def _length(name: PlacedName) -> float:
    return math.hypot(*name.anchor)


def _emptiest(extent: Place, bounds: Box, taken: Sequence[Box], marks: Sequence[Mark]) -> Box:
    """Find the box in which the least is covered and from which the nearest mark is farthest."""
    width, height = extent
    left, bottom, right, top = bounds
    left, bottom, right, top = left + _INSET, bottom + _INSET, right - _INSET, top - _INSET

    def fault(box: Box) -> tuple[float, float]:
        covered = sum(overlap(box, other) for other in taken)
        gaps = [
            math.hypot(
                max(box[0] - mark.x, 0, mark.x - box[2]), max(box[1] - mark.y, 0, mark.y - box[3])
            )
            for mark in marks
        ]
        return covered + 100 * gaps.count(0), -min(gaps, default=0.0)

    boxes = []
    for column in range(_KEY_STEPS):
        for row in range(_KEY_STEPS):
            x = left + max(right - left - width, 0) * column / (_KEY_STEPS - 1)
            y = bottom + max(top - bottom - height, 0) * row / (_KEY_STEPS - 1)
            boxes.append((x, y, x + width, y + height))
    return min(boxes, key=fault)


def _placed(marker: NamedMarker, text: str, label: Label, box: Box) -> PlacedName:
    _, _, x, y = leader(label, box)
    anchor = (x - label.x, y - label.y)
    aside = anchor[0] != 0
    return PlacedName(
        marker=marker,
        text=text,
        anchor=anchor,
        align="center" if not aside else "left" if anchor[0] > 0 else "right",
        far=aside
        and (math.hypot(*anchor) > _SHORTEST_LEADER or (text != marker.text and y != label.y)),
    )


def _along(line: Sequence[Place], on_page: OnPage) -> Iterator[Place]:
    """Give places every few units along a line."""
    for (x0, y0), (x1, y1) in pairwise([on_page(*corner) for corner in line]):
        parts = math.ceil(math.hypot(x1 - x0, y1 - y0) / _ALONG)
        for i in range(parts):
            yield x0 + (x1 - x0) * i / parts, y0 + (y1 - y0) * i / parts
