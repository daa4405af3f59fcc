from collections.abc import Callable
from typing import Any

import pytest

from nas_asc.chart import chart
from nas_asc.html_chart import chart_json
from nas_asc.pareto import Point
from nas_asc.summary import Summary

SEEDS = ({"model": "srpol-4", "size_bytes": 438_000, "macs": 1, "binds": "size_bytes"},)


def figure_of(summary: Summary) -> dict[str, Any]:
    return chart_json(chart(summary, 1024))


@pytest.mark.parametrize("given", [{}, {"points": ()}, {"seeds_over_budget": SEEDS}])
def test_plotly_accepts_the_figure(
    make_summary: Callable[..., Summary], given: dict[str, object]
) -> None:
    import plotly.graph_objects as go

    figure = figure_of(make_summary(**given))
    go.Figure(data=figure["data"], layout=figure["layout"])


def test_every_kind_of_point_is_drawn_in_both_panels(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (*make_summary().points, make_point(9, 50_000, log_loss=9.0))
    figure = figure_of(make_summary(points=points, seeds_over_budget=SEEDS))
    drawn = {(trace["name"], trace["xaxis"]): trace["x"] for trace in figure["data"]}
    for axis in ("x", "x2"):
        assert drawn["front of size and log loss", axis] == [8192, 31_232, 124_692]
        assert drawn["report model", axis] == [124_308, 124_692]
        assert drawn["report model over the budget, not trained", axis] == [438_000]
    assert drawn["worse than the axis shows", "x"] == [50_000]
    assert drawn["dominated trial", "x2"] == [40_000, 50_000]


def test_hover_shows_the_architecture_by_section(make_summary: Callable[..., Summary]) -> None:
    figure = figure_of(make_summary())
    (front,) = [
        trace
        for trace in figure["data"]
        if trace["name"].startswith("front") and trace["xaxis"] == "x"
    ]
    lines = front["hovertext"][-1].split("<br>")
    assert lines[:2] == ["<b>trial 1 (deepsound-160)</b>", "accuracy 85.0%, log loss 0.500"]
    assert lines[2] == "124,692 B (121.8 KB), 15,616 parameters, 9.8 M MAC"
    assert "<b>frontend</b> hop 690, n_mels 64" in lines
    assert "<b>stem</b> width 6" in lines


def test_report_models_and_the_budget_are_named_on_the_chart(
    make_summary: Callable[..., Summary],
) -> None:
    figure = figure_of(make_summary(seeds_over_budget=SEEDS))
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    for name in ("deepsound-64", "deepsound-160", "srpol-4", "budget 128 KB"):
        assert notes.count(name) == 2


def test_there_is_no_button_that_sends_data_away(make_summary: Callable[..., Summary]) -> None:
    config = figure_of(make_summary())["config"]
    assert config["showSendToCloud"] is False
    assert config["displaylogo"] is False
    assert "sendChartToCloud" not in config["modeBarButtons"][0]


def test_plotly_takes_no_word_of_a_user_for_markup(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    point = make_point(model="<b>x</b>", choices={"stem.kind": "<a href='http://x'>"})
    figure = figure_of(make_summary(points=(point,), rule="plain"))
    assert "<b>x" not in str(figure)
    assert "<a" not in str(figure)


def test_hover_shows_the_networks_of_an_ensemble(
    make_summary: Callable[..., Summary], ensemble_points: tuple[Point, ...]
) -> None:
    figure = figure_of(make_summary(points=ensemble_points))
    lines = [text.split("<br>") for trace in figure["data"] for text in trace.get("hovertext", ())]
    (first, *_, last), *_ = [each for each in lines if "ntu-ensemble" in each[0]]
    assert first == "<b>trial 6 (ntu-ensemble)</b>"
    assert last == "<b>ensemble</b> 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet"
