import io
import json
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_asc.budget import Budget
from nas_asc.errors import RunError
from nas_asc.front_data import front_csv, front_json, parse_front_csv, parse_front_json
from nas_asc.pareto import Point
from nas_asc.summary import Summary

# Words that a reader could take for numbers, quotes or something missing are among them.
words = st.one_of(
    st.sampled_from(["3", "0.5", "NaN", "null", "true", "", '"', '"3"', "none", "avg+max", "3x5"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
values = st.one_of(
    words, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
paths = st.sampled_from(["frontend.n_mels", "stem.width", "stage1.block", "stage2.depth"])


def typed(point: Point) -> list[object]:
    return [(type(value), value) for value in point.choices.values()]


@pytest.mark.parametrize("budget", [Budget(2048, macs=10), Budget(2048, precisions=("int8",))])
def test_json_gives_back_the_whole_summary(
    make_summary: Callable[..., Summary], budget: Budget
) -> None:
    seeds = ({"model": "m", "size_bytes": 9000, "macs": 5, "binds": "size_bytes"},)
    skipped = ({"model": "n", "reason": "no time"},)
    given = {"seeds_over_budget": seeds, "seeds_skipped": skipped, "objective": "accuracy"}
    summary = make_summary(budget=budget, **given)
    assert parse_front_json(front_json(summary)) == summary


def test_json_is_what_search_prints_and_all_points(make_summary: Callable[..., Summary]) -> None:
    summary = make_summary()
    found = json.loads(front_json(summary))
    printed = json.loads(json.dumps(summary.to_dict()))
    assert {key: found[key] for key in printed} == printed
    assert [point["trial"] for point in found["points"]] == [0, 1, 2, 3, 4]


def test_json_holds_no_nan(make_summary: Callable[..., Summary]) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        front_json(make_summary(seconds=float("nan")))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"run": "x"}'])
def test_json_of_something_else_is_an_error_of_one_line(text: str) -> None:
    with pytest.raises(RunError, match=r"^front\.json: expected the front of a search, got") as e:
        parse_front_json(text)
    assert "\n" not in str(e.value)


def test_csv_has_the_columns_of_a_point_then_one_per_choice(
    make_point: Callable[..., Point],
) -> None:
    points = [
        make_point(7, model="deepsound-64", choices={"stem.width": 6, "head.pooling": "avg"}),
        make_point(8, choices={"stem.width": 8, "stage1.kernel": "3x5", "head.pooling": "max"}),
    ]
    lines = front_csv(points).splitlines()
    assert lines[0] == (
        "trial,model,accuracy,log_loss,size_bytes,params,nonzero_params,macs,counted_macs,"
        "peak_activation_bytes,precision,sparsity,stem.width,stage1.kernel,head.pooling"
    )
    assert lines[1].startswith("7,deepsound-64,0.8125,0.625,31232,")
    assert lines[1].endswith(",float16,0.0,6,,avg")
    assert lines[2].endswith(",float16,0.0,8,3x5,max")


def test_csv_of_an_empty_front_is_a_header() -> None:
    assert front_csv([]).count("\n") == 1
    assert parse_front_csv(front_csv([])) == []


@given(st.lists(st.dictionaries(paths, values, max_size=4), max_size=4))
def test_csv_gives_back_points_with_the_types_of_their_choices(
    make_point: Callable[..., Point], choices: list[dict[str, object]]
) -> None:
    points = [
        make_point(i, model="a,b" if i else None, choices=dict(sorted(each.items())))
        for i, each in enumerate(choices)
    ]
    found = parse_front_csv(front_csv(points))
    assert found == points
    for point, original in zip(found, points, strict=True):
        assert sorted(typed(point), key=repr) == sorted(typed(original), key=repr)


def test_pandas_reads_the_csv(make_summary: Callable[..., Summary]) -> None:
    table = pd.read_csv(io.StringIO(front_csv(make_summary().front)))
    assert list(table["size_bytes"]) == [8192, 31_232, 124_692]
    assert list(table["stage1.kernel"]) == ["3x5"] * 3


@pytest.mark.parametrize("text", ["trial,model\n1,\n", "a\n1\n", '"\n'])
def test_csv_of_something_else_is_an_error(text: str) -> None:
    with pytest.raises(RunError, match=r"^front\.csv: expected"):
        parse_front_csv(text)


def test_numbers_survive_to_the_last_digit(make_point: Callable[..., Point]) -> None:
    point = replace(make_point(), accuracy=1 / 3, log_loss=2 / 3 * 1e-15)
    assert parse_front_csv(front_csv([point])) == [point]


def test_an_ensemble_has_one_choice_in_csv_and_comes_back(
    ensemble_points: tuple[Point, ...],
) -> None:
    text = front_csv(ensemble_points[1:])
    assert text.splitlines()[0].split(",")[-1] == "ensemble"
    assert text.splitlines()[1].endswith(',"2 x ntu-vggnet, 1 x ntu-inceptionnet"')
    assert parse_front_csv(text) == list(ensemble_points[1:])
