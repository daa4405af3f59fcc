import re
from collections.abc import Callable
from html.parser import HTMLParser

from nas_asc.html import front_html
from nas_asc.pareto import Point
from nas_asc.summary import Summary

HOSTILE = "</script><script>alert(1)</script><img src=http://example.com/x>"
SEEDS = ({"model": HOSTILE, "size_bytes": 438_000, "macs": 1, "binds": "size_bytes"},)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.words += data + " "


def test_the_page_loads_nothing(make_summary: Callable[..., Summary]) -> None:
    page = Page(front_html(make_summary(), 1024))
    loading = {"src", "href", "srcset", "data", "action", "poster", "background"}
    assert not [attributes for _, attributes in page.tags if loading & set(attributes)]
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object", "base")]


def test_the_page_forbids_every_request(make_summary: Callable[..., Summary]) -> None:
    page = Page(front_html(make_summary(), 1024))
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "http" not in policy
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src"}


def test_the_same_front_gives_the_same_page(make_summary: Callable[..., Summary]) -> None:
    assert front_html(make_summary(), 1024) == front_html(make_summary(), 1024)


def test_the_page_is_below_six_megabytes(make_summary: Callable[..., Summary]) -> None:
    assert len(front_html(make_summary(), 1024).encode()) < 6e6


def test_words_of_users_cannot_become_part_of_the_page(
    make_summary: Callable[..., Summary],
) -> None:
    plain = Page(front_html(make_summary(), 1024))
    summary = make_summary(data={"name": HOSTILE}, space=HOSTILE)
    hostile = Page(front_html(summary, 1024))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    named = front_html(make_summary(seeds_over_budget=SEEDS), 1024)
    assert "<script>alert" not in named
    assert "<img" not in re.sub(r"<script>.*?</script>", "", named, count=1, flags=re.DOTALL)


def test_the_page_says_what_was_searched_and_lists_the_front(
    make_summary: Callable[..., Summary],
) -> None:
    words = Page(front_html(make_summary(), 1024)).words
    assert "Size against error on esc10, space mbconv, rule plain" in words
    assert "budget 128 KB (131,072 B), KB = 1024 bytes" in words
    for cell in ("deepsound-160", "124,692", "85.0", "0.500", "64 mel | 6 2x24"):
        assert cell in words
    assert "block mbconv, width 24" in words


def test_the_page_of_an_empty_front(make_summary: Callable[..., Summary]) -> None:
    words = Page(front_html(make_summary(points=(), seeds_over_budget=SEEDS), 1024)).words
    assert "No trial was trained to the end" in words
    assert "438,000 B" in words


def test_an_ensemble_reads_as_its_name_and_its_networks(
    make_summary: Callable[..., Summary], ensemble_points: tuple[Point, ...]
) -> None:
    page = Page(front_html(make_summary(points=ensemble_points), 1024))
    for text in (
        "ntu-ensemble",
        "40,960",
        "2 x ntu-vggnet, 1 x ntu-inceptionnet",
        "2 x ntu-vggnet (10 KB each), 1 x ntu-inceptionnet",
    ):
        assert text in page.words


def test_what_was_adapted_or_skipped_is_said(make_summary: Callable[..., Summary]) -> None:
    adapted = [{"model": HOSTILE, "changes": ["10 classes, not 3"]}]
    skipped = [{"ensemble": "srpol-1", "reason": "clips have one label"}]
    page = Page(front_html(make_summary(seeds_adapted=adapted, ensembles_skipped=skipped), 1024))
    assert f"report models adapted to the data: {HOSTILE}: 10 classes, not 3" in page.words
    assert "ensemble srpol-1 is skipped: clips have one label" in page.words
    assert "Report models and these data" not in Page(front_html(make_summary(), 1024)).words


def test_no_choice_is_without_a_title(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (make_point(choices={"family": "vgg", "vgg.stem.width": 6}),)
    assert "<dt></dt>" not in front_html(make_summary(points=points), 1024)


def test_whatever_is_wide_scrolls_in_a_box_of_its_own(make_summary: Callable[..., Summary]) -> None:
    tags = Page(front_html(make_summary(), 1024)).tags
    boxes = [attributes.get("id") for _, attributes in tags if attributes.get("class") == "scroll"]
    assert boxes == ["log_loss", "accuracy", None, None]
    for number, (tag, _) in enumerate(tags):
        if tag == "table":
            assert tags[number - 1] == ("div", {"class": "scroll", "tabindex": "0"})
