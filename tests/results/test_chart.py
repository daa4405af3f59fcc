import math
from collections.abc import Callable

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.results.figures.front_chart import binary_size, chart
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary


def test_each_panel_shows_its_own_front_and_the_other_trials(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    surer = make_point(5, 20_000, log_loss=1.3, accuracy=0.7)
    shown = chart(make_summary(points=(*make_summary().points, surer)))
    found = [
        {kind: [point.trial for point in points] for kind, (_, points) in panel.series().items()}
        for panel in shown.panels
    ]
    assert found == [
        {"dominated": [3, 5], "front": [2, 4], "model": [0], "front model": [1]},
        {"dominated": [3], "front": [2, 5, 4], "model": [0], "front model": [1]},
    ]
    assert [[point.trial for point in panel.front] for panel in shown.panels] == [
        [2, 4, 1],
        [2, 5, 4, 1],
    ]


def test_the_title_names_data_space_and_rule_and_the_subtitle_the_trials(
    make_summary: Callable[..., Summary],
) -> None:
    shown = chart(make_summary())
    assert shown.title == "Size against error on esc10, space mbconv, rule plain"
    assert shown.subtitle.startswith(
        "8 trials: 5 trained, 2 stopped early, 1 failed; 3 on the front of log loss, 3 on that of"
    )
    assert shown.budget_label == "budget 128 KB"


def test_synthetic_data_are_named_so_in_the_title(make_summary: Callable[..., Summary]) -> None:
    shown = chart(make_summary(data={"name": "synthetic scenes"}))
    assert "synthetic scenes (not recordings)" in shown.title


def test_the_size_axis_holds_everything_and_is_marked_in_powers_of_two(
    make_summary: Callable[..., Summary],
) -> None:
    seeds = ({"model": "m", "size_bytes": 1_000_000, "macs": 5, "binds": "size_bytes"},)
    shown = chart(make_summary(seeds_over_budget=seeds))
    low, high = shown.x_limits
    assert low < 8192
    assert high > 1_000_000
    assert [label for _, label in shown.x_ticks] == [
        "8 KiB",
        "16 KiB",
        "32 KiB",
        "64 KiB",
        "128 KiB",
        "256 KiB",
        "512 KiB",
        "1 MiB",
    ]


@pytest.mark.parametrize("sizes", [[], [5000], [0, 1], [1000, 2**33]])
def test_the_size_axis_is_never_empty_nor_crowded(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point], sizes: list[int]
) -> None:
    points = tuple(make_point(i, size) for i, size in enumerate(sizes))
    shown = chart(make_summary(points=points, budget=Budget()))
    assert 2 <= len(shown.x_ticks) <= 10
    assert shown.x_limits[1] >= 7.99 * shown.x_limits[0]
    assert shown.budget_label == ""


def test_chance_is_on_both_axes(make_summary: Callable[..., Summary]) -> None:
    log_loss, accuracy = chart(make_summary()).panels
    assert log_loss.chance == pytest.approx(math.log(10))
    assert log_loss.limits[1] > log_loss.chance
    assert log_loss.chance_label == "chance 2.30"
    assert accuracy.chance == pytest.approx(10)
    assert accuracy.limits == (0, 100)


def test_a_useless_trial_does_not_squeeze_the_rest(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    useless = make_point(9, 50_000, log_loss=30.0)
    panel, _ = chart(make_summary(points=(make_point(), useless))).panels
    assert panel.limits[1] < 3
    assert panel.shown(useless) == panel.limits[1]
    assert panel.series()["beyond"][1] == [useless]


def test_a_front_worse_than_guessing_is_still_shown(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    poor = make_point(log_loss=9.0)
    panel, _ = chart(make_summary(points=(poor,))).panels
    assert panel.shown(poor) == panel.value(poor) == 9.0


def test_a_search_that_has_just_begun_has_a_chart(make_summary: Callable[..., Summary]) -> None:
    shown = chart(make_summary(points=(), classes=(), data={}, trials={}))
    assert all(panel.limits[1] > panel.limits[0] for panel in shown.panels)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(1, "1 B"), (512, "512 B"), (4096, "4 KiB"), (2**20, "1 MiB"), (2**31, "2 GiB")],
)
def test_ticks_are_written_in_binary_units(size_bytes: int, text: str) -> None:
    assert binary_size(size_bytes) == text
