import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from nas_asc.complexity.rules import counting_rule
from nas_asc.reports.lookup import report_model
from nas_asc.results.figures.network import network_figure, network_png, network_svg
from nas_asc.results.figures.network_rows import Diagram, diagram


def shown(model_id):
    model = report_model(model_id)
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, model_id, "subtitle")


def written_on(figure):
    (axis,) = figure.axes
    legend = axis.get_legend()
    return [*axis.texts, *(legend.get_texts() if legend else [])]


def texts(figure):
    return [text.get_text() for text in written_on(figure)]


def test_an_svg_is_complete_in_itself_and_its_text_can_be_searched():
    root = ElementTree.fromstring(network_svg(shown("deepsound-160")))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith(("href", "src"))]
    assert all(link.startswith("#") for link in links)
    written = list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert {"deepsound-160", "conv 3x3 12→48", "48x80x320"} <= {text.text for text in written}
    assert all(text.attrib["style"].count("sans-serif") == 1 for text in written)


def test_blocks_shapes_and_shares_are_named():
    """The fused block of 6,219 of 62,346 parameters and 147 of 397 million MACs."""
    found = texts(network_figure(shown("deepsound-160")))
    assert {"stage1.2", "fused_mbconv", "conv 3x3 12→48", "48x80x320", "parameters", "MACs"} <= set(
        found
    )
    assert "10.0 %" not in found
    assert {"10 %", "37 %", "squeeze-excite", "sum", "skip connection"} <= set(found)


@pytest.mark.parametrize(
    ("model_id", "named"),
    [
        ("srpol-3", set()),
        ("srpol-c3multi", set()),
        ("netease-student", {"sum", "skip connection"}),
        ("deepsound-32", {"sum", "skip connection", "squeeze-excite"}),
        ("ntu-inceptionnet", {"branch"}),
    ],
)
def test_the_legend_names_what_is_drawn_and_nothing_else(model_id, named):
    always = {"input", "convolution or linear layer", "other layer"}
    words = always | {"sum", "skip connection", "squeeze-excite", "branch"}
    assert words & set(texts(network_figure(shown(model_id)))) == always | named


@pytest.mark.parametrize(
    "title", ["", 200 * "x", "a b " + 100 * "y", "srpol-3: " + 6 * "a factorised VGG, "]
)
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


def of_srpol_1():
    """Give the heading of the ensemble and its two networks."""
    members = [shown("srpol-c3multi"), shown("srpol-c10separable")]
    return [Diagram("srpol-1", "a heading"), *members]


def test_networks_are_drawn_one_below_the_other():
    root = ElementTree.fromstring(network_svg(*of_srpol_1()))
    written = root.iter("{http://www.w3.org/2000/svg}text")
    titles = ["srpol-1", "srpol-c3multi", "srpol-c10separable"]
    found = [text for text in written if text.text in titles]
    assert [text.text for text in found] == titles
    y = [float(text.attrib["y"]) for text in found]
    assert y == sorted(set(y))
    assert_apart(network_figure(*of_srpol_1()))


def test_the_png_of_the_largest_is_of_a_size_to_look_at():
    import matplotlib.image

    high, wide, _ = matplotlib.image.imread(io.BytesIO(network_png(shown("deepsound-160")))).shape
    assert 1000 < wide < high < 3000


def test_matplotlib_is_not_loaded_before_it_is_needed():
    program = (
        "import sys, nas_asc.results.figures.network\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
