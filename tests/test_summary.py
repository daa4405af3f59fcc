import json
from collections.abc import Callable

import pytest

from nas_asc.budget import Budget
from nas_asc.pareto import Point
from nas_asc.summary import Summary

POINT_KEYS = {
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
    "choices",
}


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


def test_the_front_follows_the_objective(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (
        make_point(0, 1000, log_loss=1.0, accuracy=0.5),
        make_point(1, 2000, log_loss=1.1, accuracy=0.6),
    )
    assert len(make_summary(points=points).front) == 1
    assert len(make_summary(points=points, objective="accuracy").front) == 2


@pytest.mark.parametrize("budget", [Budget(), Budget(size_bytes=1024), Budget(macs=30_000_000)])
def test_without_a_byte_limit_there_is_no_hypervolume(
    make_summary: Callable[..., Summary], budget: Budget
) -> None:
    assert make_summary(budget=budget).to_dict()["hypervolume"] is None


def test_a_search_that_has_just_begun_has_a_summary(make_summary: Callable[..., Summary]) -> None:
    found = make_summary(points=(), classes=(), data={}, trials={}, seconds=0.0).to_dict()
    assert found["front"] == found["reference"] == []
    assert found["hypervolume"] is None
