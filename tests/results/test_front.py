"""The chart of a front: what it shows, how it is drawn, and where names stand."""

import io
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest
from matplotlib.text import Text

from nas_asc.complexity.budget import Budget
from nas_asc.results.figures.front import front_figure, front_pictures
from nas_asc.results.figures.front_chart import binary_size, chart

SEEDS = (
    {"model": "srpol-4", "size_bytes": 438_000, "macs": 36_422_400, "binds": "size_bytes"},
    {"model": "imt-d", "size_bytes": 478_000, "macs": 794_690_944, "binds": "size_bytes"},
)


@pytest.fixture
def points(make_summary, make_point):
    """Give points of which trial 5 is on the front of accuracy alone."""
    return (*make_summary().points, make_point(5, 20_000, log_loss=1.3, accuracy=0.7))


def test_each_panel_shows_its_own_front_and_the_other_trials(make_summary, points):
    found = [
        {kind: [point.trial for point in points] for kind, (_, points) in panel.series().items()}
        for panel in chart(make_summary(points=points)).panels
    ]
    assert found == [
        {"dominated": [3, 5], "front": [2, 4], "model": [0], "front model": [1]},
        {"dominated": [3], "front": [2, 5, 4], "model": [0], "front model": [1]},
    ]


def test_each_panel_draws_its_own_front(make_summary, points):
    summary = make_summary(points=points, objective="accuracy")
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


def test_titles_say_what_is_shown(make_summary):
    shown = chart(make_summary())
    assert shown.title == "Size against error on esc10, space mbconv, rule plain"
    counts = "5 trained, 2 stopped early, 1 failed; 3 on the front of log loss, 3 on that of"
    assert shown.subtitle.startswith(f"8 trials: {counts}")
    shown = chart(make_summary(data={"name": "synthetic scenes"}))
    assert "synthetic scenes (not recordings)" in shown.title


def test_the_size_axis_holds_everything_and_is_marked_in_powers_of_two(make_summary):
    seeds = ({"model": "m", "size_bytes": 1_000_000, "macs": 5, "binds": "size_bytes"},)
    shown = chart(make_summary(seeds_over_budget=seeds))
    low, high = shown.x_limits
    assert low < 8192
    assert high > 1_000_000
    assert " ".join(label for _, label in shown.x_ticks) == (
        "8 KiB 16 KiB 32 KiB 64 KiB 128 KiB 256 KiB 512 KiB 1 MiB"
    )


@pytest.mark.parametrize("sizes", [[], [5000], [0, 1], [1000, 2**33]])
def test_the_size_axis_is_never_empty_nor_crowded(make_summary, make_point, sizes):
    points = tuple(make_point(i, size) for i, size in enumerate(sizes))
    shown = chart(make_summary(points=points, budget=Budget()))
    assert 2 <= len(shown.x_ticks) <= 10
    assert shown.x_limits[1] >= 7.99 * shown.x_limits[0]
    assert shown.budget_label == ""


def test_chance_is_on_both_axes(make_summary):
    log_loss, accuracy = chart(make_summary()).panels
    assert log_loss.chance == pytest.approx(math.log(10))
    assert log_loss.limits[1] > log_loss.chance
    assert log_loss.chance_label == "chance 2.30"
    assert accuracy.chance == pytest.approx(10)
    assert accuracy.limits == (0, 100)


def test_a_useless_trial_does_not_squeeze_the_rest_but_a_front_is_shown(make_summary, make_point):
    poor, useless = make_point(log_loss=9.0), make_point(9, 50_000, log_loss=30.0)
    panel, _ = chart(make_summary(points=(make_point(), useless))).panels
    assert panel.limits[1] < 3
    assert panel.shown(useless) == panel.limits[1]
    assert panel.series()["beyond"][1] == [useless]
    panel, _ = chart(make_summary(points=(poor,))).panels
    assert panel.shown(poor) == panel.value(poor) == 9.0


def test_ticks_are_written_in_binary_units():
    sizes = {1: "1 B", 512: "512 B", 4096: "4 KiB", 2**20: "1 MiB", 2**31: "2 GiB"}
    assert {size: binary_size(size) for size in sizes} == sizes


def test_pictures_are_complete_in_themselves_and_the_same_every_time(make_summary):
    import matplotlib.image

    settings = dict(matplotlib.rcParams)
    pictures = front_pictures(make_summary())
    assert pictures == front_pictures(make_summary())
    assert dict(matplotlib.rcParams) == settings
    root = ElementTree.fromstring(pictures["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith(("href", "src"))]
    assert all(link.startswith("#") for link in links)
    assert not list(root.iter("{http://purl.org/dc/elements/1.1/}date"))
    picture = matplotlib.image.imread(io.BytesIO(pictures["png"]))
    assert picture.shape == (896, 1920, 4)
    assert (picture[0, 0] == 1).all()


def test_everything_that_is_drawn_is_named_with_units(make_summary, make_point):
    points = (*make_summary().points, make_point(9, 50_000, log_loss=9.0))
    figure = front_figure(chart(make_summary(points=points, seeds_over_budget=SEEDS)))
    drawn = [*figure.texts, *figure.legends[0].get_texts()]
    found = {
        text.get_text() for texts in (drawn, *(a.texts for a in figure.axes)) for text in texts
    }
    assert {"deepsound-64", "deepsound-160", "srpol-4", "imt-d"} <= found
    assert {"budget 128 KB", "chance 2.30", "chance 10 %"} <= found
    assert {"front of size and the error shown", "trial not on the front", "report model"} <= found
    assert {"report model on the front", "report model over the budget, not trained"} <= found
    assert {"worse than the axis shows", chart(make_summary()).title} <= found
    left, right = figure.axes[::2]
    assert "bytes" in left.get_xlabel()
    assert "nats" in left.get_ylabel()
    assert "%" in right.get_ylabel()
    assert "32 KiB" in [label.get_text() for label in left.get_xticklabels()]


def test_what_was_not_trained_stands_above_the_panels(make_summary):
    axes = front_figure(chart(make_summary(seeds_over_budget=SEEDS))).axes
    for panel, strip in zip(axes[::2], axes[1::2], strict=True):
        assert {text.get_text() for text in strip.texts} == {"srpol-4", "imt-d"}
        assert [tick.get_text() for tick in strip.get_yticklabels()] == ["not\ntrained"]
        assert strip.get_position().y0 > panel.get_position().y1
        assert strip.get_xlim() == panel.get_xlim()
        drawn = {x for line in panel.lines for x in line.get_xdata()}
        assert not drawn & {438_000, 478_000}


def test_no_name_crosses_the_line_of_the_budget(make_summary, make_point):
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


def test_names_that_have_no_room_are_numbers_with_a_key(crowd):
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
def test_the_odd_front_is_drawn_too(make_summary, given):
    assert front_pictures(make_summary(**given))["png"].startswith(b"\x89PNG")


def test_no_drawing_library_is_loaded_before_it_is_needed():
    program = (
        "import sys, nas_asc.results, nas_asc.results.figures.network\n"
        "heavy = {'matplotlib', 'plotly', 'torch', 'optuna', 'pandas', 'jinja2', 'adjustText'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("sizes", "losses"),
    [
        ([int(20_000 * 1.04**n) for n in range(5)], [1 + 0.03 * n for n in range(5)]),
        ([20_000] * 6, [0.1 + 0.2 * n for n in range(6)]),
        ([int(9000 * 1.3**n) for n in range(8)], [0.1] * 8),
    ],
    ids=["heap", "column", "row"],
)
def test_names_and_numbers_are_apart(make_summary, make_point, sizes, losses):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    points = tuple(
        make_point(n, size, model=f"report-model-{n}", log_loss=loss, accuracy=loss / 3)
        for n, (size, loss) in enumerate(zip(sizes, losses, strict=True))
    )
    figure = front_figure(chart(make_summary(points=points)))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    for axis in figure.axes:
        texts = [text for text in axis.texts if not text.get_text().startswith(("bud", "cha"))]
        found = [text.get_text().removeprefix("report-model-") for text in texts]
        assert found == [str(n) for n in range(len(points))]
        boxes = [Text.get_window_extent(text, renderer) for text in texts]  # without its line
        assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))
