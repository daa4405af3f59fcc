from collections.abc import Callable
from dataclasses import replace

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.results.front_table import front_text, sections
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

SEEDS = (
    {"model": "deepsound-64", "size_bytes": 124_308, "macs": 158_677_288, "binds": "size_bytes"},
)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()[:1].isdigit()]


def test_both_fronts_are_listed_smallest_first_then_the_other_report_models(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    surer = make_point(5, 20_000, log_loss=1.3, accuracy=0.7)
    summary = make_summary(points=(*make_summary().points, surer))
    assert [row[:6] for row in rows(front_text(summary, 140))] == [
        ["2", "57.5", "1.250", "8,192", "8.0", "both"],
        ["4", "81.2", "0.625", "31,232", "30.5", "both"],
        ["1", "deepsound-160", "85.0", "0.500", "124,692", "121.8"],
        ["5", "70.0", "1.300", "20,000", "19.5", "accuracy"],
        ["0", "deepsound-64", "77.5", "0.750", "124,308", "121.4"],
    ]
    assert [[p.trial for p in points] for _, points in sections(summary)] == [[2, 4, 1], [5], [0]]
    by_accuracy = sections(replace(summary, objective="accuracy"))
    assert [[p.trial for p in points] for _, points in by_accuracy] == [[2, 5, 4, 1], [], [0]]


def test_the_head_says_what_is_needed_to_read_the_table(
    make_summary: Callable[..., Summary],
) -> None:
    budget = Budget(128_000, macs=30_000_000, peak_activation_bytes=65_536, precisions=("int8",))
    summary = make_summary(budget=budget, rule="dcase2024-1", data={"name": "synthetic scenes"})
    text = front_text(summary, 140)
    for words in (
        "synthetic scenes (made by a program, not recorded)",
        "128 KB (128,000 B), 30,000,000 MACs, 65,536 peak activation bytes, stored as int8",
        "KB = 1000 bytes, rule dcase2024-1",
        "accuracy 10.0 %, log loss 2.303",
        "8 trials: 5 trained, 2 stopped early, 1 failed",
    ):
        assert words in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(
    make_summary: Callable[..., Summary], width: int
) -> None:
    summary = make_summary(
        points=tuple(
            replace(p, sparsity=0.5, model=p.model and "an-exceedingly-long-name-of-" + p.model)
            for p in make_summary().points
        ),
        data={"name": "a data set of " + "very " * 30 + "many words", "clips": 1},
        seeds_over_budget=SEEDS * 4,
    )
    text = front_text(summary, width)
    assert max(map(len, text.splitlines())) <= width
    if width >= 60:
        words = ("124,692", "121.8", "15,616", "9.80", "63.8", "float16", "50", "64 mel | 6 2x24")
        assert all(word in text for word in words)
        assert "…" not in text


def test_a_file_gets_plain_ascii_and_a_terminal_colours(
    make_summary: Callable[..., Summary],
) -> None:
    plain = front_text(make_summary(seeds_over_budget=SEEDS))
    assert plain.isascii()
    assert "\x1b" not in plain
    assert "\x1b[" in front_text(make_summary(), colour=True)


def test_words_in_brackets_are_not_taken_for_styles(make_summary: Callable[..., Summary]) -> None:
    assert "[red]x[/red]" in front_text(make_summary(data={"name": "[red]x[/red]"}))


def test_what_was_not_trained_adapted_or_skipped_stands_below_the_table(
    make_summary: Callable[..., Summary],
) -> None:
    summary = make_summary(
        points=(),
        seeds_over_budget=SEEDS,
        seeds_adapted=[{"model": "deepsound-64", "changes": ["clips of 5 s, not 10 s"]}],
        ensembles_skipped=[{"ensemble": "srpol-1", "reason": "clips have one label"}],
    )
    lines = front_text(summary, 100).splitlines()
    assert "no trial was trained to the end" in lines
    assert "over the budget by size, so not trained: deepsound-64 124,308 B 159 M MAC" in lines
    assert "report models adapted to the data: deepsound-64: clips of 5 s, not 10 s" in lines
    assert "ensemble srpol-1 is skipped: clips have one label" in lines
    assert "no trial" in front_text(make_summary(points=(), classes=(), data={}, trials={}))


@pytest.mark.parametrize("width", range(60, 90))
def test_no_name_is_broken_at_its_hyphen(make_summary: Callable[..., Summary], width: int) -> None:
    adapted = [{"model": f"netease-student-{n}", "changes": ["no change"]} for n in range(9)]
    text = front_text(make_summary(seeds_adapted=adapted), width)
    assert all(f"netease-student-{n}" in text for n in range(9))


def test_an_ensemble_is_named_with_its_networks_and_their_sizes(
    make_summary: Callable[..., Summary], ensemble_points: tuple[Point, ...]
) -> None:
    text = front_text(make_summary(points=ensemble_points), 140)
    assert "\nntu-ensemble: 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet\n" in text
    (row,) = [row for row in rows(text) if row[:2] == ["6", "ntu-ensemble"]]
    assert "40,960" in row
    assert "ntu-vggnet," in row
