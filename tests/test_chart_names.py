from collections.abc import Callable
from dataclasses import replace
from math import hypot, log2

from nas_asc.chart import chart
from nas_asc.chart_names import NamedMarker, named_markers, place_names
from nas_asc.pareto import Point
from nas_asc.summary import Summary


def test_models_at_one_place_share_a_marker(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = tuple(
        make_point(i, size, model=f"deepsound-{mels}")
        for i, (mels, size) in enumerate(((32, 124_180), (64, 124_308), (128, 124_564)))
    )
    shown = chart(make_summary(points=points), 1024)
    (marker,) = named_markers(shown, shown.panels[0])
    assert marker.names == ("deepsound-32", "deepsound-64", "deepsound-128")
    assert marker.value == 0.625


def test_numbers_at_one_place_are_in_order_and_three_a_line() -> None:
    marker = NamedMarker(tuple("abcde"), (4, 10, 12, 7, 9), 60_000, 2.3)
    assert marker.numbers == "4, 7, 9,\n10, 12"
    assert sorted(marker.key) == [(4, "a"), (7, "d"), (9, "e"), (10, "b"), (12, "c")]


def test_models_that_were_not_trained_have_no_place_on_an_axis(
    make_summary: Callable[..., Summary],
) -> None:
    seeds = ({"model": "srpol-4", "size_bytes": 438_000, "macs": 5, "binds": "size_bytes"},)
    shown = chart(make_summary(points=(), seeds_over_budget=seeds), 1024)
    assert named_markers(shown, shown.panels[0]) == []


def test_models_that_differ_have_their_own_markers(make_summary: Callable[..., Summary]) -> None:
    shown = chart(make_summary(), 1024)
    log_loss, accuracy = (named_markers(shown, panel) for panel in shown.panels)
    assert [(m.names, m.value) for m in log_loss] == [
        (("deepsound-64",), 0.75),
        (("deepsound-160",), 0.5),
    ]
    assert [m.value for m in accuracy] == [77.5, 85.0]


def test_names_at_the_budget_stand_to_the_left_of_their_markers(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    points = (make_point(0, 8192), *make_summary().points[:2])
    shown = chart(make_summary(points=points), 1024)
    low, high = shown.x_limits
    panel = replace(shown.panels[0], limits=(0.0, 2.0))
    names, key = place_names(
        shown,
        panel,
        on_page=lambda size, value: (400 * (size - low) / (high - low), 150 * value),
        extent=lambda _: (90, 12),
        bounds=(0, 0, 400, 300),
    )
    assert key is None
    assert [name.align for name in names] == ["right", "right"]
    assert all(name.anchor[0] < 0 for name in names)


def test_where_markers_are_crowded_numbers_of_trials_stand_for_names(
    crowd: Summary,
) -> None:
    shown = chart(crowd, 1024)
    panel = replace(shown.panels[0], limits=(0.0, 2.5))
    bounds = (0.0, 0.0, 360.0, 250.0)

    def on_page(size: float, value: float) -> tuple[float, float]:
        octaves = log2(shown.x_limits[1] / shown.x_limits[0])
        return 360 * log2(size / shown.x_limits[0]) / octaves, 100 * value

    def extent(text: str) -> tuple[float, float]:
        lines = text.split("\n")
        return 6.0 * max(map(len, lines)), 13.0 * len(lines)

    names, key = place_names(shown, panel, on_page, extent, bounds)
    assert key is not None
    told = dict(line.split(": ") for line in key.text.splitlines())
    for name in names:
        at = on_page(name.marker.size_bytes, name.marker.value)
        assert not (key.box[0] < at[0] < key.box[2] and key.box[1] < at[1] < key.box[3])
        if name.is_number:
            numbers = name.text.replace("\n", " ").split(", ")
            assert sorted(told[number] for number in numbers) == sorted(name.marker.names)
            assert hypot(*name.anchor) < 45
    assert [name.text for name in names if not name.is_number] == ["alone"]
    assert key.box[0] >= 0
    assert key.box[3] <= 250
