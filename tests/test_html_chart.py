from collections.abc import Callable
from typing import Any

import pytest

from nas_asc.chart import chart
from nas_asc.html_chart import charts_json
from nas_asc.pareto import Point
from nas_asc.summary import Summary

SEEDS = ({"model": "srpol-4", "size_bytes": 438_000, "macs": 1, "binds": "size_bytes"},)


def figures_of(summary: Summary) -> dict[str, dict[str, Any]]:
    return charts_json(chart(summary, 1024))


def named_texts(figure: dict[str, Any]) -> list[str]:
    """Give all words on a chart but those of its axes."""
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    return notes + [text for trace in figure["data"] for text in trace.get("text", ())]


@pytest.mark.parametrize("given", [{}, {"points": ()}, {"seeds_over_budget": SEEDS}])
def test_plotly_accepts_the_figure(
    make_summary: Callable[..., Summary], given: dict[str, object]
) -> None:
    import plotly.graph_objects as go

    for figure in figures_of(make_summary(**given)).values():
        go.Figure(data=figure["data"], layout=figure["layout"])


def test_every_kind_of_point_is_drawn_in_both_panels(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (*make_summary().points, make_point(9, 50_000, log_loss=9.0))
    figures = figures_of(make_summary(points=points, seeds_over_budget=SEEDS))
    drawn = {m: {t["name"]: t["x"] for t in figure["data"]} for m, figure in figures.items()}
    assert list(drawn) == ["log_loss", "accuracy"]
    for kinds in drawn.values():
        assert kinds["front of size and log loss"] == [8192, 31_232, 124_692]
        assert kinds["report model"] == [124_308, 124_692]
        assert kinds["report model over the budget, not trained"] == [438_000]
    assert drawn["log_loss"]["worse than the axis shows"] == [50_000]
    assert drawn["accuracy"]["dominated trial"] == [40_000, 50_000]


def test_what_was_not_trained_stands_on_an_axis_of_its_own_above_the_panel(
    make_summary: Callable[..., Summary],
) -> None:
    for figure in figures_of(make_summary(seeds_over_budget=SEEDS)).values():
        axes = {trace["name"]: trace.get("yaxis", "y") for trace in figure["data"]}
        assert axes.pop("report model over the budget, not trained") == "y2"
        assert set(axes.values()) == {"y"}
        layout = figure["layout"]
        assert layout["yaxis"]["domain"][1] < layout["yaxis2"]["domain"][0]
        assert layout["yaxis2"]["ticktext"] == ["not<br>trained"]


def test_the_strip_has_a_ground_of_its_own(make_summary: Callable[..., Summary]) -> None:
    for figure in figures_of(make_summary(seeds_over_budget=SEEDS)).values():
        shapes = [s for s in figure["layout"]["shapes"] if s["yref"] == "y2 domain"]
        (ground,) = shapes
        assert (ground["type"], ground["xref"]) == ("rect", "x domain")
        assert [ground[side] for side in ("x0", "x1", "y0", "y1")] == [0, 1, 0, 1]


def test_a_chart_without_untrained_models_has_no_strip(
    make_summary: Callable[..., Summary],
) -> None:
    for figure in figures_of(make_summary()).values():
        assert "yaxis2" not in figure["layout"]
        assert figure["layout"]["yaxis"]["domain"] == [0, 1]
        assert "y2" not in str(figure)


def test_two_charts_stand_side_by_side_in_a_window_of_1280_pixels(
    make_summary: Callable[..., Summary],
) -> None:
    """A scroll bar takes up to 17 pixels, the page's margins take 16 on each side."""
    widths = [f["layout"]["width"] for f in figures_of(make_summary()).values()]
    assert sum(widths) <= 1280 - 17 - 2 * 16


def test_hover_shows_the_architecture_by_section(make_summary: Callable[..., Summary]) -> None:
    figure = figures_of(make_summary())["log_loss"]
    (front,) = [trace for trace in figure["data"] if trace["name"].startswith("front")]
    lines = front["hovertext"][-1].split("<br>")
    assert lines[:2] == ["<b>trial 1 (deepsound-160)</b>", "accuracy 85.0%, log loss 0.500"]
    assert lines[2] == "124,692 B (121.8 KB), 15,616 parameters, 9.8 M MAC"
    assert "<b>frontend</b> hop 690, n_mels 64" in lines
    assert "<b>stem</b> width 6" in lines


def test_report_models_and_the_budget_are_named_on_the_chart(
    make_summary: Callable[..., Summary],
) -> None:
    for figure in figures_of(make_summary(seeds_over_budget=SEEDS)).values():
        texts = named_texts(figure)
        for name in ("deepsound-64", "deepsound-160", "srpol-4", "budget 128 KB"):
            assert texts.count(name) == 1


def test_there_is_no_button_that_sends_data_away(make_summary: Callable[..., Summary]) -> None:
    for figure in figures_of(make_summary()).values():
        config = figure["config"]
        assert config["showSendToCloud"] is False
        assert config["displaylogo"] is False
        assert "sendChartToCloud" not in config["modeBarButtons"][0]


def test_plotly_takes_no_word_of_a_user_for_markup(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    point = make_point(model="<b>x</b>", choices={"stem.kind": "<a href='http://x'>"})
    seeds = ({**SEEDS[0], "model": "<b>x</b>"},)
    figures = figures_of(make_summary(points=(point,), seeds_over_budget=seeds))
    assert "<b>x" not in str(figures)
    assert "<a" not in str(figures)


def test_hover_shows_the_networks_of_an_ensemble(
    make_summary: Callable[..., Summary], ensemble_points: tuple[Point, ...]
) -> None:
    figure = figures_of(make_summary(points=ensemble_points))["accuracy"]
    lines = [text.split("<br>") for trace in figure["data"] for text in trace.get("hovertext", ())]
    (first, *_, last), *_ = [each for each in lines if "ntu-ensemble" in each[0]]
    assert first == "<b>trial 6 (ntu-ensemble)</b>"
    assert last == "<b>ensemble</b> 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet"


def test_a_crowd_of_models_has_a_key(crowd: Summary) -> None:
    layout = charts_json(chart(crowd, 1024))["log_loss"]["layout"]
    texts = [note["text"] for note in layout["annotations"]]
    (key,) = [note for note in layout["annotations"] if "<br>" in note["text"]]
    assert key["text"].startswith("trial: report model<br>0: a-model-of-the-crowd-0<br>")
    assert 0 <= key["x"] < 1
    assert 0 < key["y"] <= 1
    assert not [text for text in texts if text.startswith("a-model")]
