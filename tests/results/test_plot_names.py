"""Names beside markers: apart, on the panel, near their own marker, or numbers."""

import pytest

from nas_asc.results.figures.front_names import Label, Surroundings, place_labels

SIZE = (370.0, 252.0)
CHARACTER, LINE = 5.4, 9.0  # about, in points


def placed(*markers, budget=None, name="report-model"):
    labels = tuple(Label(f"{name}-{n}", str(n), at) for n, at in enumerate(markers))
    around = Surroundings(SIZE, (), (), budget, (0.0, 0.0, 40.0, 12.0))
    boxes = []
    for found, (x, y) in zip(place_labels(labels, around), markers, strict=True):
        aside, up = CHARACTER * len(found.text) / 2, LINE / 2
        x, y = x + found.middle[0], y + found.middle[1]
        boxes.append((x - aside, y - up, x + aside, y + up))
    return place_labels(labels, around), boxes


def apart(one, other):
    return one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]


def test_a_name_with_room_stands_beside_its_marker():
    (found,), _ = placed((100.0, 100.0))
    assert (found.text, found.is_number, found.far) == ("report-model-0", False, False)
    assert found.middle[0] > 0
    assert abs(found.middle[1]) < LINE


def test_a_name_at_the_right_side_goes_to_the_left():
    (found,), ((left, _, right, _),) = placed((360.0, 100.0))
    assert found.middle[0] < 0
    assert left > 0
    assert right < 360


@pytest.mark.parametrize("x", [100.0, 150.0, 200.0, 250.0, 290.0])
def test_no_name_crosses_the_budget(x):
    (found,), ((_, _, right, _),) = placed((x, 100.0), budget=300.0)
    assert not found.is_number
    assert right < 301


@pytest.mark.parametrize(
    "markers",
    [
        [(100.0 + 6 * n, 100.0 + 3 * n) for n in range(5)],
        [(100.0, 100.0 + 12 * n) for n in range(6)],
        [(20.0 + 45 * n, 10.0) for n in range(8)],
    ],
    ids=["heap", "column", "row"],
)
def test_names_and_numbers_are_apart(markers):
    found, boxes = placed(*markers)
    assert [label.text.split("-")[-1] for label in found] == [str(n) for n in range(len(markers))]
    assert all(apart(one, other) for n, one in enumerate(boxes) for other in boxes[:n])


def test_a_crowd_gets_numbers():
    found, _ = placed(*((100.0 + 4 * n, 100.0) for n in range(12)), name="a-long-name-of-a-model")
    assert any(label.is_number for label in found)


def test_the_same_markers_give_the_same_places():
    markers = [(100.0 + 6 * n, 100.0 + 3 * n) for n in range(5)]
    first = placed(*markers)
    place_labels.cache_clear()
    assert placed(*markers) == first
    assert placed() == ([], [])
