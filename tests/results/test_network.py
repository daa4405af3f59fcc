"""What the drawing of a network shows and how; expected numbers are the reports' tables."""

import io
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from random import Random

import pytest
from shipped_models import MODELS

from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import counting_rule
from nas_asc.reports.lookup import report_model
from nas_asc.reports.verification import verify
from nas_asc.results.figures.network import network_figure, network_picture
from nas_asc.results.figures.network_rows import (
    ENTRY,
    Diagram,
    DrawnBlock,
    Row,
    connections,
    diagram,
)
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

SVG_TEXT = "{http://www.w3.org/2000/svg}text"
# Table 6 of the Deepsound report, block by block (its last three rows are the head).
DEEPSOUND = (320, 108, 1801, 6219, 2655, 4216, 4216, 5092, 7158, 7158, 8466, 10627, 4310)


def shown(model_id):
    model = report_model(model_id)
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, model_id, "subtitle")


def block(model_id, name):
    return next(b for b in shown(model_id).blocks if b.name == name)


def check_rows_are_fed_from_above(found):
    for drawn in found.blocks:
        for number, row in enumerate(drawn.rows):
            assert all(ENTRY <= source < number for source in row.sources)
            assert row.sources or row.kind == "input"


@pytest.mark.parametrize("model_id", MODELS)
def test_nothing_is_lost(model_id):
    complexity = verify(report_model(model_id)).complexity
    found = shown(model_id)
    assert found.params == complexity.counted_params
    assert found.macs == complexity.macs
    assert found.blocks[-1].rows[-1].shape == (complexity.n_classes,)
    check_rows_are_fed_from_above(found)


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_random_networks_are_drawn_whole(name):
    space, rng = load_space(name), Random(0)
    for _ in range(10):
        architecture = space.random(rng)
        complexity = count(architecture, 10, 2.0, "plain")
        found = diagram(architecture, 10, 2.0, complexity.rule, "", "")
        assert (found.params, found.macs) == (complexity.params, complexity.macs)
        check_rows_are_fed_from_above(found)


def test_the_blocks_are_those_of_the_reports():
    assert tuple(b.params for b in shown("deepsound-160").blocks) == DEEPSOUND
    srpol = {b.name: b.params for b in shown("srpol-3").blocks if b.params}
    assert srpol == {"stage1": 2000, "stage2": 27_936, "stage3": 79_232, "head": 1731}


def test_every_block_is_drawn_for_itself():
    stages = [b.name for b in shown("ntu-inceptionnet").blocks if b.name.startswith("stage")]
    numbers = ["1", "2", "3.1", "3.2", "4", "5.1", "5.2"]
    assert stages == [f"stage{number}" for number in numbers]


def test_squeeze_and_excitation_is_one_row_and_the_input_is_added():
    rows = block("deepsound-160", "stage2.2").rows
    assert [row.kind for row in rows] == ["conv", "conv", "gate", "conv", "add"]
    assert (rows[2].text, rows[2].params) == ("squeeze-excite 72→4→72", 292 + 360)
    assert rows[-1].sources == (3, ENTRY)


def test_a_shortcut_or_second_input_stands_beside_the_path_where_it_is_needed():
    drawn = block("imt-c", "stage1.1")
    assert [drawn.beside(row) for row in range(len(drawn.rows))] == [False, False, True, False]
    assert drawn.rows[2].text == "shortcut: conv 1/4 32→32"
    drawn = block("srpol-c3multi", "head")
    texts = ["global average", "second input: mean spectrum", "concatenate", "linear 320→3"]
    assert [row.text for row in drawn.rows] == texts
    assert drawn.beside(1)


def test_branches_start_from_the_same_place_and_meet():
    rows = block("ntu-inceptionnet", "stage3.1").rows
    assert [number for number, row in enumerate(rows) if ENTRY in row.sources] == [0, 2, 4]
    assert rows[-1].sources == (1, 3, 5)


def test_normalisation_goes_with_its_convolution_and_what_comes_first_is_named_first():
    rows = block("imt-c", "stage1.2").rows
    assert [(row.text, row.detail) for row in rows] == [
        ("conv 3 32→32", "norm, relu"),
        ("conv 3 32→32", "norm"),
        ("add", "relu"),
    ]
    assert block("netease-student", "stage1").rows[0].text == "norm, relu, depthwise 3x3 18"


@pytest.mark.parametrize(
    ("sources", "kinds", "lanes", "skips"),
    [
        ([(ENTRY,), (0,), (1,)], "conv conv conv", {}, False),
        ([(ENTRY,), (0,), (1, ENTRY)], "conv conv add", {(ENTRY, 2, None): 1}, True),
        ([(ENTRY,), (ENTRY,), (0, 1)], "conv conv add", {(ENTRY, 2, 1): 1}, True),
        ([(ENTRY,), (), (0, 1)], "global_pool input concat", {(1, 2, 1): 1}, False),
        (  # two branches and a third: from the entry, and meeting in the concatenation
            [(ENTRY,), (ENTRY,), (ENTRY,), (0, 1, 2)],
            "conv conv conv concat",
            {(ENTRY, 1, None): 1, (1, 3, None): 1, (ENTRY, 2, None): 2, (0, 3, None): 3},
            False,
        ),
    ],
)
def test_what_the_main_path_does_not_show_runs_in_lanes(sources, kinds, lanes, skips):
    rows = zip(kinds.split(), sources, strict=True)
    drawn = DrawnBlock("", "", tuple(Row(k, "", "", (1,), 1, 1, of) for k, of in rows), 1, 1)
    found = connections(drawn)
    assert {(c.source, c.target, c.via): c.lane for c in found} == lanes
    assert any(c.skips for c in found) == skips


def written_on(figure):
    (axis,) = figure.axes
    legend = axis.get_legend()
    return [*axis.texts, *(legend.get_texts() if legend else [])]


def texts(figure):
    return [text.get_text() for text in written_on(figure)]


def test_an_svg_is_complete_in_itself_and_its_text_can_be_searched():
    root = ElementTree.fromstring(network_picture("svg", shown("deepsound-160")))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith(("href", "src"))]
    assert all(link.startswith("#") for link in links)
    written = list(root.iter(SVG_TEXT))
    assert {"deepsound-160", "conv 3x3 12→48", "48x80x320"} <= {text.text for text in written}
    assert all(text.attrib["style"].count("sans-serif") == 1 for text in written)


def test_blocks_shapes_and_shares_are_named():
    """The fused block of 6,219 of 62,346 parameters and 147 of 397 million MACs."""
    found = set(texts(network_figure(shown("deepsound-160"))))
    assert {"stage1.2", "fused_mbconv", "conv 3x3 12→48", "48x80x320"} <= found
    assert "10.0 %" not in found
    assert {"parameters", "MACs", "10 %", "37 %"} <= found


@pytest.mark.parametrize(
    ("model_id", "named"),
    [
        ("srpol-3", set()),
        ("netease-student", {"sum", "skip connection"}),
        ("deepsound-32", {"sum", "skip connection", "squeeze-excite"}),
        ("ntu-inceptionnet", {"branch"}),
    ],
)
def test_the_legend_names_what_is_drawn_and_nothing_else(model_id, named):
    always = {"input", "convolution or linear layer", "other layer"}
    words = always | {"sum", "skip connection", "squeeze-excite", "branch"}
    assert words & set(texts(network_figure(shown(model_id)))) == always | named


@pytest.mark.parametrize("title", ["", "a b " + 200 * "y", "srpol-3: " + 6 * "a factorised VGG, "])
def test_any_title_is_drawn_whole_and_makes_the_drawing_no_wider(title):
    plain = shown("srpol-3")
    figure = network_figure(replace(plain, title=title))
    assert "".join(title.split()) in "".join("".join(texts(figure)).split())
    assert figure.get_figwidth() == network_figure(plain).get_figwidth()


def test_words_are_broken_behind_a_sign():
    long = replace(shown("srpol-3"), subtitle=12 * "clips of 10 s; ")
    clips = [text for text in texts(network_figure(long)) if "clips" in text]
    assert len(clips) > 1
    assert all(text.startswith("clips of") and text.endswith("10 s;") for text in clips)


@pytest.mark.parametrize(
    "model_id", ["deepsound-160", "imt-c", "netease-teacher", "ntu-inceptionnet", "srpol-c3multi"]
)
def test_no_text_lies_on_another(model_id):
    drawn = replace(
        shown(model_id), title=f"{model_id}: {report_model(model_id).title}", subtitle=90 * "a "
    )
    assert_apart(network_figure(drawn))


def assert_apart(figure):
    """Check that all text stands on the page and none on another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    page = figure.bbox
    written = [text for text in written_on(figure) if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in written]
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 for b in boxes)
    boxes.sort(key=lambda box: box.y0)
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            if other.y0 > box.y1 - 2:
                break
            assert other.x0 > box.x1 - 1 or box.x0 > other.x1 - 1


def test_networks_of_an_ensemble_are_drawn_one_below_the_other():
    titles = ["srpol-1", "srpol-c3multi", "srpol-c10separable"]
    drawn = [Diagram("srpol-1", "a heading"), *map(shown, titles[1:])]
    root = ElementTree.fromstring(network_picture("svg", *drawn))
    found = [text for text in root.iter(SVG_TEXT) if text.text in titles]
    assert [text.text for text in found] == titles
    y = [float(text.attrib["y"]) for text in found]
    assert y == sorted(set(y))
    assert_apart(network_figure(*drawn))


def test_the_png_of_the_largest_is_of_a_size_to_look_at():
    import matplotlib.image

    high, wide, _ = matplotlib.image.imread(
        io.BytesIO(network_picture("png", shown("deepsound-160")))
    ).shape
    assert 1000 < wide < high < 3000
