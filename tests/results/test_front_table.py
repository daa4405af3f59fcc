"""The words that results are put into, and the table that they stand in."""

import math
from dataclasses import replace

import pytest

from nas_asc.commands.front import print_front
from nas_asc.complexity.budget import Budget
from nas_asc.results.formatting import (
    architecture_caption,
    chance_accuracy,
    chance_log_loss,
    choices_in_words,
    data_caption,
    fronts_caption,
    networks_caption,
    sections,
    seed_captions,
    shorten,
    shorten_name,
    size_caption,
    trials_caption,
)

SEEDS = (
    {"model": "deepsound-64", "size_bytes": 124_308, "macs": 158_677_288, "binds": "size_bytes"},
)
CHOICES = {
    "frontend.n_mels": 64,
    "stem.width": 6,
    "stage1.depth": 2,
    "stage1.block": "fused_mbconv",
    "stage1.width": 12,
    "stage2.depth": 0,
    "stage3.depth": 3,
    "stage3.width": 24,
    "head.conv": 100,
    "compression.precision": "int8",
}


@pytest.mark.parametrize(
    ("size_bytes", "kb", "text"),
    [(131_072, 1024, "128 KB"), (128_000, 1000, "128 KB"), (124_692, 1024, "121.8 KB")],
)
def test_sizes_are_in_the_kb_of_the_rule(size_bytes, kb, text, front_text):
    assert size_caption(size_bytes, kb) == text


def test_data_are_described_and_synthetic_ones_said_to_be(make_summary):
    assert data_caption(make_summary()) == (
        "esc10, 400 clips of 10 classes (train 240, validation 80, test 80)"
    )
    text = data_caption(make_summary(data={"name": "synthetic scenes", "clips": 1200}))
    assert text == "synthetic scenes (made by a program, not recorded), 1,200 clips of 10 classes"


def test_trials_are_counted_by_how_they_ended(make_summary):
    assert trials_caption(make_summary()) == "8 trials: 5 trained, 2 stopped early, 1 failed"
    assert trials_caption(make_summary(trials={"completed": 1})) == "1 trial: 1 trained"


def test_chance_is_that_of_guessing(make_summary):
    assert chance_accuracy(make_summary()) == 0.1
    assert chance_log_loss(make_summary()) == pytest.approx(math.log(10))


def test_choices_are_put_into_words_and_each_has_a_title(ensemble_points):
    choices = {"family": "vgg", "vgg.stem.width": 6, "vgg.stem.kernel": "3x5"}
    assert choices_in_words(choices, (), 1024) == [
        ("family", "vgg"),
        ("vgg.stem", "width 6, kernel 3x5"),
    ]
    assert choices_in_words(ensemble_points[1].choices, ensemble_points, 1024) == [
        ("ensemble", "2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet")
    ]


def test_networks_have_the_sizes_of_those_that_were_trained_and_their_votes(make_point):
    """Weights 2 and 1: of 2 + 3 x 1 each of the three has a fifth."""
    trained = [make_point(model="imt-a", size_bytes=2000), make_point(model="imt-b", size_bytes=1)]
    choices = {"ensemble": "1 x imt-a, 3 x imt-c"}
    assert networks_caption(choices, trained, 1000) == "1 x imt-a (2 KB), 3 x imt-c"
    weighed = {**choices, "votes": "0.4, 0.2"}
    assert networks_caption(weighed, [make_point(model="imt-c", size_bytes=3000)], 1000) == (
        "1 x imt-a (40 % of the vote), 3 x imt-c (3 KB, 20 % of the vote each)"
    )


def test_models_that_are_adapted_alike_share_a_line():
    adapted = [
        {"model": "a", "changes": ["10 classes, not 3"]},
        {"model": "b", "changes": ["clips of 5 s, not 10 s", "classifier not pruned"]},
        {"model": "c", "changes": ["10 classes, not 3"]},
    ]
    skipped = [{"model": name, "reason": "no time"} for name in "ef"]
    assert seed_captions(adapted, [{"ensemble": "d", "reason": "they have others"}], skipped) == [
        "report models adapted to the data: a, c: 10 classes, not 3",
        "report models adapted to the data: b: clips of 5 s, not 10 s; classifier not pruned",
        "ensemble d is skipped: they have others",
        "report models not trained: e, f: no time",
    ]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        (CHOICES, "64 mel | 6 2x12 3x24"),
        (
            {**CHOICES, "recipe.l2": "none", "recipe.augmentations.time_shift.width": 0.1},
            "64 mel | 6 2x12 3x24",
        ),
        ({"ensemble": "1 x a, 2 x b"}, "1 x a, 2 x b"),
        ({"net.size": 3, "net.kind": "x"}, "net.size=3, net.kind=x"),
        ({}, ""),
    ],
)
def test_an_architecture_is_described(choices, text):
    assert architecture_caption(choices) == text


def test_fronts_are_named():
    named = [fronts_caption(measures) for measures in (["log_loss"], ["accuracy"], ["a", "b"], [])]
    assert named == ["log loss", "accuracy", "both", "-"]


@pytest.mark.parametrize("width", range(8))
def test_shortened_texts_are_never_wider_than_asked(width):
    assert len(shorten("abcdefghij", width)) == width
    assert len(shorten_name("abcdefghij", width)) == width


def test_a_short_name_keeps_both_ends():
    assert shorten_name("deepsound-with-a-long-name-160", 14) == "deepso..me-160"
    assert shorten_name("imt-a", 14) == "imt-a"


@pytest.fixture
def front_text(monkeypatch, capsys):
    """What is printed of a summary on a terminal of a width."""

    def show(summary, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        print_front(summary)
        return capsys.readouterr().out

    return show


def rows(text):
    return [line.split() for line in text.splitlines() if line.strip()[:1].isdigit()]


def test_both_fronts_are_listed_smallest_first_then_the_other_report_models(
    make_summary, make_point, front_text
):
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


def test_the_head_says_what_is_needed_to_read_the_table(make_summary, front_text):
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


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(
    make_summary, width, front_text
):
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
    words = ("124,692", "121.8", "15,616", "9.80", "63.8", "float16", "50", "64 mel | 6 2x24")
    assert all(word in text for word in words)
    assert "…" not in text


def test_a_file_gets_plain_ascii(make_summary, front_text):
    plain = front_text(make_summary(seeds_over_budget=SEEDS))
    assert plain.isascii()
    assert "\x1b" not in plain
    assert "[red]x[/red]" in front_text(make_summary(data={"name": "[red]x[/red]"}))


def test_what_was_not_trained_adapted_or_skipped_stands_below_the_table(make_summary, front_text):
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
def test_no_name_is_broken_at_its_hyphen(make_summary, width, front_text):
    adapted = [{"model": f"netease-student-{n}", "changes": ["no change"]} for n in range(9)]
    text = front_text(make_summary(seeds_adapted=adapted), width)
    assert all(f"netease-student-{n}" in text for n in range(9))


def test_an_ensemble_is_named_with_its_networks_and_their_sizes(
    make_summary, ensemble_points, front_text
):
    text = front_text(make_summary(points=ensemble_points), 140)
    assert "\nntu-ensemble: 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet\n" in text
    (row,) = [row for row in rows(text) if row[:2] == ["6", "ntu-ensemble"]]
    assert "40,960" in row
    assert "ntu-vggnet," in row
