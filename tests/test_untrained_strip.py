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


def test_names_that_have_room_stand_in_one_row_on_the_right(strip: Strip) -> None:
    """From 10 the name of five letters ends at 25; the next marker begins at 30 - 5."""
    assert strip(b_net=310, a_net=100) == [("a_net", 0, "right"), ("b_net", 0, "right")]


def test_a_name_that_would_cover_the_next_marker_takes_a_row_of_its_own(strip: Strip) -> None:
    assert strip(a_net=100, b_net=290) == [("a_net", 0, "right"), ("b_net", 1, "right")]


def test_models_of_one_size_stand_on_top_of_one_another(strip: Strip) -> None:
    assert [row for _, row, _ in strip(a=100, b=100, c=100)] == [0, 1, 2]


def test_a_name_at_the_end_stands_on_the_left(strip: Strip) -> None:
    assert strip(a_net=900) == [("a_net", 0, "left")]


def test_a_name_on_the_left_does_not_cover_the_one_before(strip: Strip) -> None:
    """The second name begins at 90 - 15, where the first has ended at 75 only if it is shorter."""
    assert strip(a_net=700, b_net=900) == [("a_net", 0, "right"), ("b_net", 1, "left")]
    assert strip(a_net=500, b_net=900) == [("a_net", 0, "right"), ("b_net", 0, "left")]


def test_a_long_name_is_shortened(strip: Strip) -> None:
    ((text, _, _),) = strip(**{"x" * 90: 100})
    assert len(text) == 32


def test_without_models_over_the_budget_the_strip_is_empty(strip: Strip) -> None:
    assert strip() == []
