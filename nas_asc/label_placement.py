"""Where to write names beside crowded markers, so that none covers another.

Conventions: lengths are in points of the page, x to the right and y upwards; a box is (left,
bottom, right, top). The search goes greedily over a fixed list of places and improves each name in
turn, so that the same markers always give the same picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
Line = tuple[float, float, float, float]

_ASIDE = (8, 18, 32, 50, 72, 100, 135, 175)
_ROWS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8, 10, -10)
_ROW_HEIGHT = 7.0
_ROUNDS = 3
# Half the size of a marker, at least.
_CLEAR = 4.0
# Marks at one place are this near to each other, in spite of rounding.
_SAME = 0.5


@dataclass(frozen=True)
class Label:
    """A name to place: the marker that it belongs to and the room that it takes."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Mark:
    """Something drawn that a name should not cover; a higher weight is a greater fault."""

    x: float
    y: float
    weight: float = 1.0


def place(
    labels: Sequence[Label],
    bounds: Box,
    taken: Sequence[Box] = (),
    marks: Sequence[Mark] = (),
) -> list[Box]:
    """Choose a box for each label.

    Args:
        labels: what to place.
        bounds: what every box has to lie in, as far as any can.
        taken: boxes that may not be covered, such as other text.
        marks: what should not be covered.

    Returns:
        The box of each label, in the order given.
    """
    # What a place costs by itself is the same in every round, and no place costs less than that.
    places = [
        sorted(
            ((_alone(label, box, bounds, taken, marks), box) for box in _places(label)),
            key=lambda priced: priced[0],
        )
        for label in labels
    ]
    downwards = sorted(range(len(labels)), key=lambda i: (-labels[i].y, labels[i].x, i))
    attempts = [_settled(labels, places, order) for order in (downwards, downwards[::-1])]
    _, boxes = min(attempts, key=lambda attempt: attempt[0])
    return boxes


def _settled(
    labels: Sequence[Label], places: Sequence[Sequence[tuple[float, Box]]], order: Sequence[int]
) -> tuple[float, list[Box]]:
    """Let each label choose, in an order, until none gains much; give the cost and the boxes."""
    chosen: dict[int, Box] = {}
    costs: dict[int, float] = {}
    for _ in range(_ROUNDS):
        for i in order:
            others = [(box, leader(labels[j], box)) for j, box in chosen.items() if j != i]
            least = math.inf
            for alone, box in places[i]:
                if alone >= least:
                    break
                cost = alone + _together(labels[i], box, others)
                if cost < least:
                    least, chosen[i], costs[i] = cost, box, cost
    return sum(costs.values()), [chosen[i] for i in range(len(labels))]


def leader(label: Label, box: Box) -> Line:
    """Give the line from the marker of a label to the side of its box that faces it."""
    left, bottom, right, top = box
    middle = (bottom + top) / 2
    return label.x, label.y, min(max(label.x, left), right), middle


def overlap(a: Box, b: Box) -> float:
    """Give the area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _places(label: Label) -> list[Box]:
    """Give the boxes to the right and left of a marker, in rows; then above and below."""
    boxes = []
    for aside in _ASIDE:
        for row in _ROWS:
            bottom = label.y + row * _ROW_HEIGHT - label.height / 2
            for left in (label.x + aside, label.x - aside - label.width):
                boxes.append((left, bottom, left + label.width, bottom + label.height))
    for bottom in (label.y + _ASIDE[0], label.y - _ASIDE[0] - label.height):
        left = label.x - label.width / 2
        boxes.append((left, bottom, left + label.width, bottom + label.height))
    return boxes


def _alone(
    label: Label, box: Box, bounds: Box, taken: Sequence[Box], marks: Sequence[Mark]
) -> float:
    line = leader(label, box)
    area = label.width * label.height
    outside = (area - overlap(box, bounds)) / area
    left, bottom, right, top = box
    aside, up = abs(line[2] - line[0]), abs(line[3] - line[1])
    return (
        # Steep lines side by side are hard to tell apart.
        math.hypot(aside, up)
        + max(up - aside, 0)
        + 2000 * outside
        + 1000 * sum(overlap(box, other) > 0 for other in taken)
        + 150 * sum(_enters(line, other) for other in taken)
        + 40 * sum(mark.weight > 1 and _passes(line, mark) for mark in marks)
        + 60 * sum(mark.weight > 1 and _is_nearer(mark, line) for mark in marks)
        + 12
        * sum(
            mark.weight
            for mark in marks
            if left - _CLEAR < mark.x < right + _CLEAR and bottom - _CLEAR < mark.y < top + _CLEAR
        )
    )


def _together(label: Label, box: Box, others: Sequence[tuple[Box, Line]]) -> float:
    line = leader(label, box)
    cost = 0.0
    for other, other_line in others:
        cost += 1000 * (overlap(box, other) > 0)
        cost += 150 * (_enters(line, other) + _enters(other_line, box) + _cross(line, other_line))
    return cost


def _enters(line: Line, box: Box) -> bool:
    x0, y0, x1, y1 = line
    left, bottom, right, top = box
    first, last = 0.0, 1.0  # the part of the line that is inside
    for start, step, low, high in ((x0, x1 - x0, left, right), (y0, y1 - y0, bottom, top)):
        if step == 0:
            if not low < start < high:
                return False
            continue
        a, b = (low - start) / step, (high - start) / step
        first, last = max(first, min(a, b)), min(last, max(a, b))
    return first < last


def _is_nearer(mark: Mark, line: Line) -> bool:
    """Say whether a name seems to belong to a marker that its line does not start at."""
    x0, y0, x1, y1 = line
    return math.hypot(mark.x - x1, mark.y - y1) < math.hypot(x0 - x1, y0 - y1) - _SAME


def _passes(line: Line, mark: Mark) -> bool:
    """Say whether a line runs over a marker that it does not start at."""
    x0, y0, x1, y1 = line
    along, up = x1 - x0, y1 - y0
    length = math.hypot(along, up)
    if length == 0:
        return False
    share = ((mark.x - x0) * along + (mark.y - y0) * up) / length**2
    beside = abs((mark.x - x0) * up - (mark.y - y0) * along) / length
    return 2 * _CLEAR < share * length < length and beside < 2 * _CLEAR


def _cross(a: Line, b: Line) -> bool:
    def side(line: Line, x: float, y: float) -> float:
        return (line[2] - line[0]) * (y - line[1]) - (line[3] - line[1]) * (x - line[0])

    return (
        side(a, b[0], b[1]) * side(a, b[2], b[3]) < 0
        and side(b, a[0], a[1]) * side(b, a[2], a[3]) < 0
    )
