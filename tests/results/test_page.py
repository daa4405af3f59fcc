import json
import re
from html.parser import HTMLParser

import pytest

from nas_asc.results.page import front_html

HOSTILE = "</script><script>alert(1)</script><b>x</b><img src=http://example.com/x>"
SEEDS = ({"model": "srpol-4", "size_bytes": 438_000, "macs": 1, "binds": "size_bytes"},)


class Page(HTMLParser):
    def __init__(self, summary):
        super().__init__()
        self.tags = []
        self.words = ""
        self.text = front_html(summary)
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.words += data + " "

    @property
    def charts(self):
        return json.loads(re.search(r"^const charts = (.*);$", self.text, re.MULTILINE)[1])


def traces(chart):
    return {trace.get("name", ""): trace for trace in chart["data"]}


def test_the_page_loads_nothing_and_forbids_every_request(make_summary):
    page = Page(make_summary())
    loading = {"src", "href", "srcset", "data", "action", "poster", "background"}
    assert not [attributes for _, attributes in page.tags if loading & set(attributes)]
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object", "base")]
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "http" not in policy
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src"}
    for chart in page.charts.values():
        assert chart["config"]["showSendToCloud"] is False
        assert "sendChartToCloud" not in chart["config"]["modeBarButtons"][0]
        assert "width" not in chart["layout"]
        assert chart["config"]["responsive"] is True
    assert len(page.text.encode()) < 6e6
    assert front_html(make_summary()) == page.text


def test_a_table_that_is_too_wide_can_be_scrolled(make_summary):
    tags = Page(make_summary()).tags
    before = [tags[number - 1] for number, (tag, _) in enumerate(tags) if tag == "table"]
    assert before
    assert all(tag == ("div", {"class": "scroll", "tabindex": "0"}) for tag in before)


def test_words_of_users_cannot_become_markup(make_summary, make_point):
    def tags(word):
        point = make_point(model=word, choices={"stem.kind": word})
        data = {"name": word}
        seeds = ({**SEEDS[0], "model": word},)
        page = Page(make_summary(points=(point,), data=data, space=word, seeds_over_budget=seeds))
        # plotly reads a little HTML in what it writes
        assert "<b>x" not in str(page.charts)
        assert "<img" not in str(page.charts)
        return [tag for tag, _ in page.tags]

    assert tags(HOSTILE) == tags("plain")


def test_the_page_lists_both_fronts_and_what_they_mean(make_summary, make_point):
    surer = make_point(5, 20_000, log_loss=1.3, accuracy=0.7)
    page = Page(make_summary(points=(*make_summary().points, surer), seeds_over_budget=SEEDS))
    for words in (
        "128 KB (131,072 B); KB = 1024 bytes",
        "Front of size and log loss",
        "Only on the front of size and accuracy",
        "Report models on neither front",
        "deepsound-160",
        "124,692",
        "block mbconv, width 24",
        "438,000 B",
    ):
        assert words in page.words
    assert "<dt></dt>" not in page.text


def test_every_chart_draws_its_own_front_and_every_kind_of_point(make_summary, make_point):
    surer = make_point(5, 20_000, log_loss=1.3, accuracy=0.7)
    useless = make_point(9, 50_000, log_loss=9.0)
    points = (*make_summary().points, surer, useless)
    page = Page(make_summary(points=points, seeds_over_budget=SEEDS))
    drawn = {
        measure: {name: trace["x"] for name, trace in traces(chart).items() if name}
        for measure, chart in page.charts.items()
    }
    shared = {
        "report model": [124_308],
        "report model on the front": [124_692],
        "report model over the budget, not trained": [438_000],
    }
    assert drawn == {
        "log_loss": {
            "trial not on the front": [40_000, 20_000],
            "worse than the axis shows": [50_000],
            "front of size and the error shown": [8192, 31_232],
            **shared,
        },
        "accuracy": {
            "trial not on the front": [40_000, 50_000],
            "front of size and the error shown": [8192, 20_000, 31_232],
            **shared,
        },
    }


def test_what_stands_under_the_pointer(make_summary, ensemble_points):
    chart = Page(make_summary(points=(*make_summary().points, *ensemble_points))).charts["log_loss"]
    first, second = traces(chart)["report model on the front"]["hovertext"]
    assert first.split("<br>")[:3] == [
        "<b>trial 5 (ntu-vggnet)</b>",
        "accuracy 81.2%, log loss 0.875, on front: both",
        "10,240 B (10 KB), 15,616 parameters, 9.8 M MAC",
    ]
    assert "<b>frontend</b> hop 690, n_mels 64" in first.split("<br>")
    networks = "<b>ensemble</b> 2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet"
    assert second.split("<br>")[-1] == networks


@pytest.mark.parametrize("seeds", [(), SEEDS])
def test_the_page_of_an_empty_front(make_summary, seeds):
    page = Page(make_summary(points=(), seeds_over_budget=seeds))
    assert "No trial was trained to the end" in page.words
