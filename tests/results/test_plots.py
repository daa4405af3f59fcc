import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest

from nas_asc.results.figures.front import front_figure, front_png, front_svg
from nas_asc.results.figures.front_chart import chart
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

SEEDS = (
    {"model": "srpol-4", "size_bytes": 438_000, "macs": 36_422_400, "binds": "size_bytes"},
    {"model": "imt-d", "size_bytes": 478_000, "macs": 794_690_944, "binds": "size_bytes"},
)


def texts(summary: Summary) -> set[str]:
    figure = front_figure(chart(summary))
    axes = [text.get_text() for axis in figure.axes for text in axis.texts]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    return {*(text.get_text() for text in figure.texts), *axes, *legend}


def test_the_same_front_gives_the_same_bytes(make_summary: Callable[..., Summary]) -> None:
    assert front_svg(make_summary()) == front_svg(make_summary())
    assert front_png(make_summary()) == front_png(make_summary())


def test_the_svg_is_complete_in_itself_and_has_no_date(
    make_summary: Callable[..., Summary],
) -> None:
    root = ElementTree.fromstring(front_svg(make_summary()))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    links = [
        value
        for element in root.iter()
        for name, value in element.attrib.items()
        if name.endswith(("href", "src"))
    ]
    assert all(link.startswith("#") for link in links)
    assert not list(root.iter("{http://purl.org/dc/elements/1.1/}date"))


def test_the_png_is_1920_pixels_wide_on_white(make_summary: Callable[..., Summary]) -> None:
    import matplotlib.image

    picture = matplotlib.image.imread(io.BytesIO(front_png(make_summary())))
    assert picture.shape == (896, 1920, 4)
    assert (picture[0, 0] == 1).all()


def test_everything_that_is_drawn_is_named(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    useless = make_point(9, 50_000, log_loss=9.0)
    summary = make_summary()
    found = texts(make_summary(points=(*summary.points, useless), seeds_over_budget=SEEDS))
    assert {
        "deepsound-64",
        "deepsound-160",
        "srpol-4",
        "imt-d",
        "budget 128 KB",
        "chance 2.30",
        "chance 10 %",
        "front of size and the error shown",
        "trial not on the front",
        "report model",
        "report model on the front",
        "report model over the budget, not trained",
        "worse than the axis shows",
        "Size against error on esc10, space mbconv, rule plain",
    } <= found


def test_what_was_not_trained_stands_above_the_panels(
    make_summary: Callable[..., Summary],
) -> None:
    axes = front_figure(chart(make_summary(seeds_over_budget=SEEDS))).axes
    for panel, strip in zip(axes[::2], axes[1::2], strict=True):
        assert {text.get_text() for text in strip.texts} == {"srpol-4", "imt-d"}
        assert [tick.get_text() for tick in strip.get_yticklabels()] == ["not\ntrained"]
        assert strip.get_position().y0 > panel.get_position().y1
        assert strip.get_xlim() == panel.get_xlim()
        drawn = {x for line in panel.lines for x in line.get_xdata()}
        assert not drawn & {438_000, 478_000}


def test_no_name_crosses_the_line_of_the_budget(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    """Wherever a model is, there is room for its name on one side of the line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for size_bytes in (60_000, 90_000, 115_000, 130_000):
        points = (make_point(0, 8192), make_point(1, size_bytes, model="a-network-of-a-report"))
        figure = front_figure(chart(make_summary(points=points, seeds_over_budget=SEEDS)))
        renderer = FigureCanvasAgg(figure).get_renderer()
        for axis in figure.axes[::2]:
            (name,) = [text for text in axis.texts if text.get_text().startswith("a-network")]
            box = name.get_window_extent(renderer)
            budget = axis.transData.transform((131_072, 0.5))[0]
            assert box.x1 < budget or box.x0 > budget


def test_names_that_have_no_room_are_numbers_with_a_key(crowd: Summary) -> None:
    """Each report model is told by its name or by the number of its trial, never twice."""
    figure = front_figure(chart(crowd))
    key = " ".join(text.get_text() for text in figure.texts).replace("\N{NO-BREAK SPACE}", " ")
    told = dict(re.findall(r"(\d+): ([a-z0-9-]+)", key))
    assert told
    for axis in figure.axes:
        found: list[str] = []
        for text in (text.get_text() for text in axis.texts):
            if text[0].isdigit():
                found += (told[number] for number in re.findall(r"\d+", text))
            else:
                found += (line for line in text.splitlines() if line[:2] in ("a-", "al"))
        assert sorted(found) == sorted(point.model or "" for point in crowd.points)


@pytest.mark.parametrize("objective", ["log_loss", "accuracy"])
def test_each_panel_draws_its_own_front(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point], objective: str
) -> None:
    surer = make_point(5, 20_000, log_loss=1.3, accuracy=0.7)
    summary = make_summary(points=(*make_summary().points, surer), objective=objective)
    corners = [
        list(line.get_xdata())
        for axis in front_figure(chart(summary)).axes
        for line in axis.lines
        if line.get_drawstyle() == "steps-post"
    ]
    assert corners == [
        [8192, 31_232, 124_692, 131_072],
        [8192, 20_000, 31_232, 124_692, 131_072],
    ]


def test_axes_carry_their_units(make_summary: Callable[..., Summary]) -> None:
    left, right = front_figure(chart(make_summary())).axes
    assert "bytes" in left.get_xlabel()
    assert "nats" in left.get_ylabel()
    assert "%" in right.get_ylabel()
    assert "32 KiB" in [label.get_text() for label in left.get_xticklabels()]


@pytest.mark.parametrize(
    "given",
    [
        {"points": ()},
        {"points": (), "seeds_over_budget": SEEDS},
        {"points": (), "classes": (), "data": {}, "trials": {}},
        {"data": {"name": "$x_1$ \\frac <b>& \N{SNOWMAN} \N{CJK UNIFIED IDEOGRAPH-97F3}"}},
    ],
    ids=["nothing", "all over budget", "just begun", "odd name"],
)
def test_the_odd_front_is_drawn_too(
    make_summary: Callable[..., Summary], given: dict[str, object]
) -> None:
    assert front_png(make_summary(**given)).startswith(b"\x89PNG")


def test_the_settings_of_the_caller_are_left_alone(make_summary: Callable[..., Summary]) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    front_svg(make_summary())
    assert dict(matplotlib.rcParams) == before


def test_neither_pyplot_nor_matplotlib_is_loaded_before_it_is_needed() -> None:
    program = (
        "import sys, nas_asc.results\n"
        "heavy = {'matplotlib', 'plotly', 'torch', 'optuna', 'pandas', 'jinja2', 'adjustText'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
