import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

POINT_KEYS_IN_ORDER = [
    "trial",
    "model",
    "accuracy",
    "log_loss",
    "size_bytes",
    "params",
    "nonzero_params",
    "macs",
    "counted_macs",
    "peak_activation_bytes",
    "precision",
    "sparsity",
    "on_front",
]
POINT_KEYS = {*POINT_KEYS_IN_ORDER, "choices"}


def test_the_dictionary_has_the_keys_that_scripts_rely_on(
    make_summary: Callable[..., Summary],
) -> None:
    summary = make_summary(trials={"completed": 5, "stopped_early": 2, "failed": 1})
    found = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert {
        "run",
        "space",
        "rule",
        "seed",
        "budget",
        "data",
        "trials",
        "front",
        "other_front",
        "hypervolume",
        "seconds",
        "seeds_over_budget",
        "reference",
    } <= set(found)
    assert found["budget"] == {
        "size_bytes": 131_072,
        "params": None,
        "macs": None,
        "peak_activation_bytes": None,
    }
    assert set(found["data"]) == {"name", "clips", "classes", "splits"}
    assert found["trials"] == {
        "completed": 5,
        "stopped_early": 2,
        "failed": 1,
        "duplicates": 0,
        "rejected_over_budget": 0,
    }
    assert all(set(point) == POINT_KEYS for point in found["front"] + found["reference"])


def test_front_and_reference_are_smallest_first(make_summary: Callable[..., Summary]) -> None:
    summary = make_summary()
    assert [point.trial for point in summary.front] == [2, 4, 1]
    assert [point.model for point in summary.reference] == ["deepsound-64", "deepsound-160"]


@pytest.fixture
def two_fronts(make_summary: Callable[..., Summary], make_point: Callable[..., Point]) -> Summary:
    """Trial 1 is smaller and more accurate than trial 2, but surer of what it gets wrong."""
    rows = [(1000, 1.0, 0.5), (2000, 1.1, 0.7), (3000, 0.8, 0.6), (4000, 0.9, 0.6)]
    points = (
        make_point(i, size, log_loss=loss, accuracy=accuracy, choices={"width": i} if i else {})
        for i, (size, loss, accuracy) in enumerate(rows)
    )
    return make_summary(points=tuple(points))


def test_every_point_names_the_fronts_that_it_is_on(two_fronts: Summary) -> None:
    found = [two_fronts.on_front(point) for point in two_fronts.points]
    assert found == [["log_loss", "accuracy"], ["accuracy"], ["log_loss"], []]
    printed = json.loads(json.dumps(two_fronts.to_dict()))
    assert [(p["trial"], p["on_front"]) for p in printed["front"]] == [
        (0, ["log_loss", "accuracy"]),
        (2, ["log_loss"]),
    ]
    assert [(p["trial"], p["on_front"]) for p in printed["other_front"]] == [(1, ["accuracy"])]


def test_the_front_is_that_of_the_objective(two_fronts: Summary) -> None:
    by_accuracy = replace(two_fronts, objective="accuracy")
    assert [point.trial for point in by_accuracy.front] == [0, 1]
    assert [point.trial for point in by_accuracy.other_front] == [2]


def test_a_frame_holds_both_fronts_with_a_column_per_choice(two_fronts: Summary) -> None:
    frame = two_fronts.to_frame()
    assert list(frame["trial"]) == [0, 1, 2]
    assert list(frame["on_front"]) == ["log_loss accuracy", "accuracy", "log_loss"]
    assert frame["width"].isna().tolist() == [True, False, False]
    assert frame["width"].dtype == "Int64"
    assert list(frame.columns) == [*POINT_KEYS_IN_ORDER, "width"]
    assert replace(two_fronts, points=()).to_frame().empty


@pytest.mark.parametrize("budget", [Budget(), Budget(size_bytes=1024), Budget(macs=30_000_000)])
def test_without_a_byte_limit_there_is_no_hypervolume(
    make_summary: Callable[..., Summary], budget: Budget
) -> None:
    assert make_summary(budget=budget).to_dict()["hypervolume"] is None


def test_a_search_that_has_just_begun_has_a_summary(make_summary: Callable[..., Summary]) -> None:
    found = make_summary(points=(), classes=(), data={}, trials={}, seconds=0.0).to_dict()
    assert found["front"] == found["reference"] == []
    assert found["hypervolume"] is None
