"""Where the names of report models stand on a panel of a picture: beside their markers.

`adjustText` moves them off one another. Where a name still has no room, the number of its trial
stands there. Conventions: lengths are in points, x to the right and y upwards from the panel's left
bottom corner. The same markers always give the same places.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.transforms import Bbox

Place = tuple[float, float]

NAME_SIZE = 9.5  # of letters
_HALF, _CLEAR = 4.5, 7.0  # from the middle of a marker to its edge, and to its name
_FARTHEST = 45.0  # from a marker to its name
_ITERATIONS = 40  # of adjustText, and no limit of time


@dataclass(frozen=True)
class Label:
    """What is to stand beside a marker: a name or, where there is no room, a number."""

    name: str
    number: str
    marker: Place


@dataclass(frozen=True)
class PlacedLabel:
    """Where a label stands.

    Attributes:
        text: the name or the number.
        middle: the middle of the text, from its marker.
        far: whether a line from the marker to the text is needed.
    """

    text: str
    is_number: bool
    middle: Place
    far: bool


@dataclass(frozen=True)
class Surroundings:
    """What is on a panel besides labels and their markers.

    Attributes:
        size: the panel's width and height.
        points: other markers that a name should not stand on.
        line: corners of the line of the front.
        budget: where the line of the budget stands, or None.
        words: a box that is taken by other words: left, bottom, right, top.
    """

    size: Place
    points: tuple[Place, ...]
    line: tuple[Place, ...]
    budget: float | None
    words: tuple[float, float, float, float]


@lru_cache(maxsize=4)  # the same picture is often drawn twice, as SVG and as PNG
def place_labels(labels: tuple[Label, ...], around: Surroundings) -> list[PlacedLabel]:
    """Place labels; those that would cover one another or stand far off become numbers."""
    if not labels:
        return []
    right = around.budget or around.size[0]
    inwards = [1 if label.marker[0] < right / 2 else -1 for label in labels]
    # Where names stand before they are moved apart: at the same height, above, below, or in turn.
    starts = [[(side, up) for side in inwards] for up in (0, 1, -1)]
    starts.append([(side, 1 - 2 * (number % 2)) for number, side in enumerate(inwards)])
    numbered = [False] * len(labels)
    while True:
        texts = [
            label.number if as_number else label.name
            for label, as_number in zip(labels, numbered, strict=True)
        ]
        faults, boxes = [math.inf], list["Bbox"]()
        for start in starts:
            found = _moved_apart(texts, labels, start, around)
            faults_found = _faults(found, labels, around)
            if sum(faults_found) < sum(faults):
                faults, boxes = faults_found, found
            if sum(faults) == 0:
                break
        more = [was or fault >= 1 for was, fault in zip(numbered, faults, strict=True)]
        if more == numbered:
            return [
                _placed(text, as_number, box, label.marker)
                for text, as_number, box, label in zip(texts, numbered, boxes, labels, strict=True)
            ]
        numbered = more


def _moved_apart(
    texts: Sequence[str],
    labels: Sequence[Label],
    start: Sequence[tuple[int, int]],
    around: Surroundings,
) -> "list[Bbox]":
    """Let adjustText move texts off each other and the markers, on an empty sheet."""
    from adjustText import adjust_text
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    width, height = around.size
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)  # one pixel is one point
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axis.set_axis_off()
    markers = [label.marker for label in labels]
    written = [
        axis.text(
            x + side * _CLEAR,
            y + up * _CLEAR,
            text,
            size=NAME_SIZE,
            ha="left" if side > 0 else "right",
            va=("top", "center", "bottom")[up + 1],
        )
        for text, (x, y), (side, up) in zip(texts, markers, start, strict=True)
    ]
    left, bottom, right, top = around.words
    taken = [Bbox([[left, bottom], [right, top]])]
    taken += [Bbox([[x - _HALF, y - _HALF], [x + _HALF, y + _HALF]]) for x, y in markers]
    adjust_text(
        written,
        x=[x for x, _ in around.points],
        y=[y for _, y in around.points],
        objects=taken,
        target_x=[x for x, _ in markers],
        target_y=[y for _, y in markers],
        avoid_self=False,
        ax=axis,
        force_explode=(0, 0),
        expand=(1.05, 1.1),
        max_move=5,
        pull_threshold=5,
        iter_lim=_ITERATIONS,
    )
    return [text.get_window_extent() for text in written]


def _faults(boxes: "Sequence[Bbox]", labels: Sequence[Label], around: Surroundings) -> list[float]:
    """Count what is wrong with each label.

    It is on another, outside, far off, on the budget, on a marker, or nearer to that of another.
    One that is on the line of the front, or on another point, can be read, and counts less.
    """
    from matplotlib.path import Path
    from matplotlib.transforms import Bbox

    width, _ = around.size
    left, bottom, right, top = around.words
    words = Bbox([[left, bottom], [right, top]])
    markers = [label.marker for label in labels]
    line = Path(around.line or [(-1, -1)])
    return [
        sum(box.overlaps(other) for other in (*boxes, words) if other is not box)
        + (box.x0 < 0 or box.x1 > width or box.y0 < 0)
        + (around.budget is not None and box.x0 < around.budget < box.x1)
        + (_distance(box, own) > _FARTHEST)
        + any(_distance(box, marker) < _HALF / 2 for marker in markers)
        + any(_distance(box, marker) < _distance(box, own) - 0.5 for marker in markers)
        + 0.01 * any(_distance(box, place) == 0 for place in around.points)
        + 0.01 * line.intersects_bbox(box, filled=False)
        for box, own in zip(boxes, markers, strict=True)
    ]


def _distance(box: "Bbox", place: Place) -> float:
    aside = max(box.x0 - place[0], 0, place[0] - box.x1)
    return math.hypot(aside, max(box.y0 - place[1], 0, place[1] - box.y1))


def _placed(text: str, is_number: bool, box: "Bbox", marker: Place) -> PlacedLabel:
    middle = ((box.x0 + box.x1) / 2 - marker[0], (box.y0 + box.y1) / 2 - marker[1])
    return PlacedLabel(text, is_number, middle, _distance(box, marker) > _CLEAR + 3)
