from collections.abc import Callable

import pytest

from nas_asc.chart import Chart, chart
from nas_asc.summary import Summary
from nas_asc.untrained_strip import strip_names

Strip = Callable[..., list[tuple[str, int, str]]]


@pytest.fixture
def strip(make_summary: Callable[..., Summary]) -> Strip:
    """Put models on a strip of 100 units for 1000 bytes, a letter 2 wide, names 5 aside."""

    def of(**sizes: int) -> list[tuple[str, int, str]]:
        seeds = tuple(
            {"model": model, "size_bytes": size, "macs": 1, "binds": "size_bytes"}
            for model, size in sizes.items()
        )
        shown: Chart = chart(make_summary(points=(), seeds_over_budget=seeds), 1024)
        names = strip_names(shown, lambda size: size / 10, character=2, aside=5, right=100)
        return [(name.text, name.row, name.side) for name in names]

    return of


def test_a_name_stands_on_the_left_of_its_marker_where_there_is_room(strip: Strip) -> None:
    """A name of five letters takes 15 with its distance: from 16 down to 1."""
    assert strip(a_net=160) == [("a_net", 0, "left")]
    assert strip(a_net=140) == [("a_net", 0, "right")]


def test_a_name_does_not_stand_beyond_the_end_of_the_strip(strip: Strip) -> None:
    """A name takes 3 x 2 + 5 = 11: from 90 it would end at 101, from 89 at 100."""
    assert strip(a_n=790, b_n=900) == [("a_n", 0, "left"), ("b_n", 1, "left")]
    assert strip(a_n=780, b_n=890) == [("a_n", 0, "left"), ("b_n", 0, "right")]


def test_a_name_that_has_room_on_neither_side_stands_on_the_right(strip: Strip) -> None:
    """32 letters, to which a name is shortened, take 69."""
    ((_, _, side),) = strip(**{"x" * 90: 500})
    assert side == "right"


def test_two_models_share_a_row_with_their_names_on_the_outside(strip: Strip) -> None:
    assert strip(b_net=620, a_net=500) == [("a_net", 0, "left"), ("b_net", 0, "right")]


def test_names_that_have_room_stand_in_one_row(strip: Strip) -> None:
    assert [row for _, row, _ in strip(a_net=200, b_net=500, c_net=800)] == [0, 0, 0]


def test_a_name_that_would_cover_another_takes_a_row_of_its_own(strip: Strip) -> None:
    """The third name takes 64 - 15 to 64 + 5, or 64 - 5 to 64 + 15; 49 to 51 and 57 to 77 are not
    free."""
    assert strip(a_net=460, b_net=620, c_net=640) == [
        ("a_net", 0, "left"),
        ("b_net", 0, "right"),
        ("c_net", 1, "left"),
    ]


def test_models_of_one_size_stand_on_top_of_one_another(strip: Strip) -> None:
    assert [row for _, row, _ in strip(a=500, b=500, c=500)] == [0, 1, 2]


def test_a_long_name_is_shortened(strip: Strip) -> None:
    ((text, _, _),) = strip(**{"x" * 90: 100})
    assert len(text) == 32


def test_without_models_over_the_budget_the_strip_is_empty(strip: Strip) -> None:
    assert strip() == []
