from collections.abc import Callable
from dataclasses import replace

import pytest

from nas_asc.budget import Budget
from nas_asc.pareto import Point
from nas_asc.summary import Summary
from nas_asc.tables import front_text

SEEDS = (
    {"model": "deepsound-64", "size_bytes": 124_308, "macs": 158_677_288, "binds": "size_bytes"},
)


def test_the_front_is_listed_smallest_first_then_the_other_report_models(
    make_summary: Callable[..., Summary],
) -> None:
    lines = front_text(make_summary(), 1024, 100).splitlines()
    rows = [line.split()[:5] for line in lines if line.strip()[:1].isdigit()]
    assert rows == [
        ["2", "57.5", "1.250", "8,192", "8.0"],
        ["4", "81.2", "0.625", "31,232", "30.5"],
        ["1", "deepsound-160", "85.0", "0.500", "124,692"],
        ["0", "deepsound-64", "77.5", "0.750", "124,308"],
    ]
    assert "report models that are not on the front" in lines


def test_the_head_says_what_is_needed_to_read_the_table(
    make_summary: Callable[..., Summary],
) -> None:
    text = front_text(make_summary(), 1024, 140)
    assert "esc10, 400 clips of 10 classes (train 240, validation 80, test 80)" in text
    assert "128 KB (131,072 B); KB = 1024 bytes, rule plain" in text
    assert "accuracy 10.0 %, log loss 2.303" in text
    assert "8 trials: 5 trained, 2 stopped early, 1 failed" in text


def test_every_limit_is_in_the_head(make_summary: Callable[..., Summary]) -> None:
    budget = Budget(128_000, macs=30_000_000, peak_activation_bytes=65_536, precisions=("int8",))
    text = front_text(make_summary(budget=budget, rule="dcase2024-1"), 1000, 140)
    assert (
        "128 KB (128,000 B), 30,000,000 MACs, 65,536 peak activation bytes, stored as int8"
    ) in text


def test_synthetic_data_are_named_so(make_summary: Callable[..., Summary]) -> None:
    assert "synthetic" in front_text(make_summary(data={"name": "synthetic scenes"}), 1024)


def test_at_140_columns_every_measure_and_the_architecture_are_shown(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (make_point(sparsity=0.5, model="deepsound-64"),)
    text = front_text(make_summary(points=points), 1024, 140)
    for word in ("params", "M MAC", "RAM KB", "stored", "zeros %", "64 mel | 6 2x24"):
        assert word in text
    for value in ("15,616", "9.80", "63.8", "float16", "50"):
        assert value in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal_and_none_is_cut(
    make_summary: Callable[..., Summary], width: int
) -> None:
    summary = make_summary(
        points=tuple(
            replace(point, model=point.model and "an-exceedingly-long-name-of-" + point.model)
            for point in make_summary().points
        ),
        data={"name": "a data set of " + "very " * 30 + "many words", "clips": 1},
        seeds_over_budget=SEEDS * 4,
    )
    text = front_text(summary, 1024, width)
    assert max(map(len, text.splitlines())) <= width
    if width >= 60:
        assert "…" not in text
        assert "124,692" in text


def test_a_file_gets_no_colours_and_a_terminal_does(make_summary: Callable[..., Summary]) -> None:
    assert "\x1b" not in front_text(make_summary(), 1024)
    assert "\x1b[" in front_text(make_summary(), 1024, colour=True)


def test_the_text_is_plain_ascii(make_summary: Callable[..., Summary]) -> None:
    assert front_text(make_summary(seeds_over_budget=SEEDS), 1024).isascii()


def test_words_in_brackets_are_not_taken_for_styles(make_summary: Callable[..., Summary]) -> None:
    assert "[red]x[/red]" in front_text(make_summary(data={"name": "[red]x[/red]"}), 1024)


def test_report_models_over_the_budget_are_named_with_what_binds(
    make_summary: Callable[..., Summary],
) -> None:
    text = front_text(make_summary(points=(), seeds_over_budget=SEEDS), 1024, 140)
    assert "no trial was trained to the end" in text
    assert "over the budget by size, so not trained: deepsound-64 124,308 B 159 M MAC" in text


def test_a_search_that_has_just_begun_has_a_table(make_summary: Callable[..., Summary]) -> None:
    assert "no trial" in front_text(make_summary(points=(), classes=(), data={}, trials={}), 1024)


def test_what_was_adapted_or_skipped_stands_below_the_table(
    make_summary: Callable[..., Summary],
) -> None:
    summary = make_summary(
        seeds_adapted=[{"model": "deepsound-64", "changes": ["clips of 5 s, not 10 s"]}],
        ensembles_skipped=[{"ensemble": "srpol-1", "reason": "clips have one label"}],
    )
    lines = front_text(summary, 1024, 100).splitlines()
    assert "report models adapted to the data: deepsound-64: clips of 5 s, not 10 s" in lines
    assert "ensemble srpol-1 is skipped: clips have one label" in lines


@pytest.mark.parametrize("width", range(60, 90))
def test_no_name_is_broken_at_its_hyphen(make_summary: Callable[..., Summary], width: int) -> None:
    adapted = [{"model": f"netease-student-{n}", "changes": ["no change"]} for n in range(9)]
    text = front_text(make_summary(seeds_adapted=adapted), 1024, width)
    assert all(f"netease-student-{n}" in text for n in range(9))


@pytest.mark.parametrize("width", [80, 140])
def test_an_ensemble_is_named_with_its_networks_and_their_sizes(
    make_summary: Callable[..., Summary], ensemble_points: tuple[Point, ...], width: int
) -> None:
    lines = front_text(make_summary(points=ensemble_points), 1024, width).splitlines()
    assert "ntu-ensemble: 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet" in lines
    (row,) = [line for line in lines if line.split()[:2] == ["6", "ntu-ensemble"]]
    assert "40,960" in row
    assert "2 x ntu-vggnet" in row
