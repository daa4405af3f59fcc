import math
from collections.abc import Callable

import pytest

from nas_asc.results.formatting import (
    architecture_caption,
    budget_caption,
    chance_accuracy,
    chance_log_loss,
    choices_by_section,
    choices_in_words,
    data_caption,
    fronts_caption,
    networks_caption,
    seed_captions,
    shorten,
    shorten_name,
    size_caption,
    trials_caption,
)
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

CHOICES = {
    "frontend.hop": 690,
    "frontend.n_mels": 64,
    "stem.width": 6,
    "stage1.depth": 2,
    "stage1.block": "fused_mbconv",
    "stage1.width": 12,
    "stage1.expand": 4,
    "stage1.kernel": "3x5",
    "stage1.squeeze_excite": 0.25,
    "stage2.depth": 0,
    "stage3.depth": 3,
    "stage3.width": 24,
    "head.conv": 100,
    "head.pooling": "avg",
    "compression.precision": "int8",
}


@pytest.mark.parametrize(
    ("size_bytes", "kb", "text"),
    [
        (131_072, 1024, "128 KB"),
        (128_000, 1000, "128 KB"),
        (128_000, 1024, "125 KB"),
        (124_692, 1024, "121.8 KB"),
    ],
)
def test_sizes_are_in_the_kb_of_the_rule(size_bytes: int, kb: int, text: str) -> None:
    assert size_caption(size_bytes, kb) == text


def test_a_budget_echoes_its_bytes() -> None:
    assert budget_caption(131_072, 1024) == "128 KB (131,072 B)"


def test_data_are_described(make_summary: Callable[..., Summary]) -> None:
    assert data_caption(make_summary()) == (
        "esc10, 400 clips of 10 classes (train 240, validation 80, test 80)"
    )


def test_synthetic_data_are_said_not_to_be_recorded(make_summary: Callable[..., Summary]) -> None:
    text = data_caption(make_summary(data={"name": "synthetic scenes", "clips": 1200}))
    assert text == ("synthetic scenes (made by a program, not recorded), 1,200 clips of 10 classes")


def test_trials_are_counted_by_how_they_ended(make_summary: Callable[..., Summary]) -> None:
    assert trials_caption(make_summary()) == "8 trials: 5 trained, 2 stopped early, 1 failed"
    assert trials_caption(make_summary(trials={"completed": 1})) == "1 trial: 1 trained"


def test_chance_is_that_of_guessing(make_summary: Callable[..., Summary]) -> None:
    assert chance_accuracy(make_summary()) == 0.1
    assert chance_log_loss(make_summary()) == pytest.approx(math.log(10))


def test_choices_are_grouped_by_section_with_a_family_before_it() -> None:
    assert choices_by_section({"mbconv.stem.width": 6, "mbconv.stem.kernel": "3x5", "x": 1}) == {
        "mbconv.stem": {"width": 6, "kernel": "3x5"},
        "": {"x": 1},
    }


def test_choices_are_put_into_words_and_each_has_a_title() -> None:
    choices = {"family": "vgg", "vgg.stem.width": 6, "vgg.stem.kernel": "3x5"}
    assert choices_in_words(choices, (), 1024) == [
        ("family", "vgg"),
        ("vgg.stem", "width 6, kernel 3x5"),
    ]


def test_an_ensemble_is_its_networks_with_the_sizes_of_those_that_were_trained(
    ensemble_points: tuple[Point, ...],
) -> None:
    choices = ensemble_points[1].choices
    assert choices_in_words(choices, ensemble_points, 1024) == [
        ("ensemble", "2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet")
    ]


def test_the_size_of_a_single_network_is_not_said_to_be_of_each(
    make_point: Callable[..., Point],
) -> None:
    trained = [make_point(model="imt-a", size_bytes=2000), make_point(model="imt-b", size_bytes=1)]
    choices = {"ensemble": "1 x imt-a, 3 x imt-c"}
    assert networks_caption(choices, trained, 1000) == "1 x imt-a (2 KB), 3 x imt-c"


def test_votes_are_said_where_networks_weigh_differently(make_point: Callable[..., Point]) -> None:
    """Weights 2 and 1: of 2 + 3 x 1 each of the three has a fifth."""
    trained = [make_point(model="imt-c", size_bytes=3000)]
    choices = {"ensemble": "1 x imt-a, 3 x imt-c", "votes": "0.4, 0.2"}
    assert networks_caption(choices, trained, 1000) == (
        "1 x imt-a (40 % of the vote), 3 x imt-c (3 KB, 20 % of the vote each)"
    )


def test_models_that_are_adapted_alike_share_a_line() -> None:
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
        ({"stem.width": 6}, "6"),
        ({"ensemble": "1 x a, 2 x b"}, "1 x a, 2 x b"),
        ({"net.size": 3, "net.kind": "x"}, "net.size=3, net.kind=x"),
        ({}, ""),
    ],
)
def test_an_architecture_is_described(choices: dict[str, object], text: str) -> None:
    assert architecture_caption(choices) == text


@pytest.mark.parametrize(
    ("measures", "text"),
    [(["log_loss"], "log loss"), (["accuracy"], "accuracy"), (["a", "b"], "both"), ([], "-")],
)
def test_fronts_are_named(measures: list[str], text: str) -> None:
    assert fronts_caption(measures) == text


@pytest.mark.parametrize("width", range(8))
def test_shortened_texts_are_never_wider_than_asked(width: int) -> None:
    assert len(shorten("abcdefghij", width)) == width
    assert len(shorten_name("abcdefghij", width)) == width


def test_a_short_name_keeps_both_ends() -> None:
    assert shorten_name("deepsound-with-a-long-name-160", 14) == "deepso..me-160"
    assert shorten_name("imt-a", 14) == "imt-a"
