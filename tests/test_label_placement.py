from itertools import combinations
from math import hypot

from hypothesis import given, settings
from hypothesis import strategies as st

from nas_asc.label_placement import Box, Label, Mark, leader, overlap, place

BOUNDS = (0.0, 0.0, 400.0, 300.0)

labels_strategy = st.lists(
    st.builds(
        Label,
        x=st.integers(0, 400).map(float),
        y=st.integers(0, 300).map(float),
        width=st.sampled_from([30.0, 80.0]),
        height=st.just(12.0),
    ),
    max_size=6,
)


def inside(box: Box, bounds: Box) -> bool:
    return (
        box[0] >= bounds[0] and box[1] >= bounds[1] and box[2] <= bounds[2] and box[3] <= bounds[3]
    )


def test_the_area_that_boxes_share() -> None:
    assert overlap((0, 0, 4, 3), (2, 1, 6, 5)) == 4
    assert overlap((0, 0, 4, 3), (4, 0, 6, 3)) == 0


def test_a_lone_label_stands_right_beside_its_marker() -> None:
    (box,) = place([Label(100, 100, 50, 12)], BOUNDS)
    assert box == (108, 94, 158, 106)
    assert leader(Label(100, 100, 50, 12), box) == (100, 100, 108, 100)


def test_a_label_at_the_right_border_goes_to_the_left() -> None:
    (box,) = place([Label(395, 100, 50, 12)], BOUNDS)
    assert box == (337, 94, 387, 106)


def test_a_label_gives_way_to_marks_and_to_other_text() -> None:
    label = Label(200, 100, 50, 12)
    beside = (208.0, 94.0, 258.0, 106.0)
    (box,) = place([label], BOUNDS, marks=[Mark(230, 100, 10)])
    assert not (box[0] < 230 < box[2] and box[1] < 100 < box[3])
    (box,) = place([label], BOUNDS, taken=[beside])
    assert overlap(box, beside) == 0


def test_neither_a_label_nor_its_leader_crosses_a_thin_line() -> None:
    label = Label(200, 100, 50, 12)
    line = (210.0, 0.0, 212.0, 300.0)
    crowd = [Mark(170, y, 10) for y in range(0, 300, 10)]
    (box,) = place([label], BOUNDS, taken=[line], marks=crowd)
    assert box[2] <= line[0]


def test_a_leader_does_not_run_over_a_marker() -> None:
    """What is next to the marker is taken, so that its name stands further off."""
    label, around = Label(200, 100, 50, 12), (170.0, 60.0, 230.0, 140.0)
    (box,) = place([label], BOUNDS, taken=[around])
    x0, y0, x1, y1 = leader(label, box)
    middle = Mark((x0 + x1) / 2, (y0 + y1) / 2, 6)
    (moved,) = place([label], BOUNDS, taken=[around], marks=[middle])
    x0, y0, x1, y1 = leader(label, moved)
    beside = abs((middle.x - x0) * (y1 - y0) - (middle.y - y0) * (x1 - x0))
    assert beside > 4 * ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or x1 < x0


def test_a_name_does_not_stand_nearer_to_another_marker() -> None:
    label, other = Label(200, 100, 30, 12), Mark(222, 108, 6)
    (box,) = place([label], BOUNDS, taken=[(160, 60, 212, 140)], marks=[other])
    _, _, x, y = leader(label, box)
    assert hypot(x - 200, y - 100) <= hypot(x - 222, y - 108) + 0.5


def test_eight_labels_of_one_place_are_stacked() -> None:
    boxes = place([Label(390, 150 + i, 80, 12) for i in range(8)], BOUNDS)
    assert all(overlap(a, b) == 0 for a, b in combinations(boxes, 2))
    assert all(inside(box, BOUNDS) for box in boxes)


@given(labels_strategy)
@settings(max_examples=30, deadline=None)
def test_no_label_covers_another_or_leaves_the_page(labels: list[Label]) -> None:
    boxes = place(labels, BOUNDS)
    assert all(overlap(a, b) == 0 for a, b in combinations(boxes, 2))
    assert all(inside(box, BOUNDS) for box in boxes)
    assert boxes == place(labels, BOUNDS)
