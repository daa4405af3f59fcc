import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from nas_asc.diagram import diagram
from nas_asc.library import report_model, report_models
from nas_asc.network_drawing import network_figure, network_png, network_svg
from nas_asc.rules import counting_rule


def shown(model_id):
    model = report_model(model_id)
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, model_id, "subtitle")


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_the_same_network_gives_the_same_bytes():
    assert network_svg(shown("imt-a")) == network_svg(shown("imt-a"))
    assert network_png(shown("imt-a")) == network_png(shown("imt-a"))


def test_the_svg_is_complete_in_itself_and_has_no_date():
    root = ElementTree.fromstring(network_svg(shown("srpol-3")))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith(("href", "src"))]
    assert all(link.startswith("#") for link in links)
    assert not list(root.iter("{http://purl.org/dc/elements/1.1/}date"))


def test_blocks_shapes_and_shares_are_named():
    """The fused block of 6,219 of 62,346 parameters and 147 of 397 million MACs."""
    found = texts(network_figure(shown("deepsound-160")))
    assert {"stage1.2", "fused_mbconv", "conv 3x3 12→48", "48x80x320", "parameters", "MACs"} <= set(
        found
    )
    assert "10.0 %" not in found
    assert {"10 %", "37 %", "squeeze-excite", "sum, with its skip connection"} <= set(found)


def test_the_legend_names_only_what_is_drawn():
    assert "squeeze-excite" not in texts(network_figure(shown("srpol-3")))


@pytest.mark.parametrize("model_id", report_models())
def test_no_text_lies_on_another(model_id):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = network_figure(shown(model_id))
    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    written = [text for axis in figure.axes for text in axis.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in written]
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 for b in boxes)
    boxes.sort(key=lambda box: box.y0)
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            if other.y0 > box.y1 - 2:
                break
            assert other.x0 > box.x1 - 1 or box.x0 > other.x1 - 1


def test_the_png_of_the_largest_is_of_a_size_to_look_at():
    import matplotlib.image

    high, wide, _ = matplotlib.image.imread(io.BytesIO(network_png(shown("deepsound-160")))).shape
    assert 1000 < high < wide < 3000


def test_matplotlib_is_not_loaded_before_it_is_needed():
    program = (
        "import sys, nas_asc.network_drawing\nassert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
