"""`front.html`: one page with the front as interactive charts and tables.

The page is complete in itself: plotly's script stands in it (about 4.8 MB, the one bundle that the
plotly package ships), and its content security policy forbids every request. It fits windows of any
width: charts go below one another, and what is wider than the window scrolls in a box of its own.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_asc.results.figures import style
from nas_asc.results.figures.front_chart import UNTRAINED, Chart, Panel, chart
from nas_asc.results.figures.style import (
    BLUE,
    DARK,
    GREY,
    LINE,
    ORANGE,
    PALE_RED,
    RED,
    SOFT,
    STRIP,
)
from nas_asc.results.formatting import (
    COLUMNS,
    choices_in_words,
    fronts_caption,
    header,
    notes,
    sections,
    shorten_name,
    size_caption,
)
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary
from nas_asc.units import format_count

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_PANEL_HEIGHT, _ROW, _ABOVE_PANEL = 400, 17, 26  # pixels
_TOP, _BOTTOM = 56, 160
_HOVER_WIDTH = 72
_GAP = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"  # between a marker and the name beside it
_NEAR = 0.12  # of the panel's sides: report models so near to others have their names on hover
_WHITE = {"color": "white", "width": 1}
_GREY = {"color": GREY, "size": 7, "opacity": 0.6}
_MODEL = {"color": ORANGE, "size": 12, "symbol": "diamond"}
_LOOKS: Mapping[str, Mapping[str, object]] = {
    "dominated": _GREY,
    "beyond": {**_GREY, "symbol": "triangle-up"},
    "front": {"color": BLUE, "size": 11, "line": _WHITE},
    "model": {**_MODEL, "line": _WHITE},
    "front model": {**_MODEL, "line": {"color": BLUE, "width": 2.5}},
}
_UNTRAINED = {**_MODEL, "color": "white", "size": 10, "line": {"color": ORANGE, "width": 2}}


def chart_figure(shown: Chart, panel: Panel, summary: Summary) -> "Figure":
    """Draw a panel of a chart, as wide as the window lets it be."""
    from plotly.graph_objects import Figure

    strip = (_ABOVE_PANEL + _ROW * (1 + len(shown.over_budget))) if shown.over_budget else 0
    height = _PANEL_HEIGHT + strip
    grid = {"showgrid": True, "gridcolor": LINE, "zeroline": False, "linecolor": SOFT}
    figure = Figure(
        layout={
            "template": "none",
            "height": _TOP + height + _BOTTOM,
            "margin": {"l": 60, "r": 16, "t": _TOP, "b": _BOTTOM},
            "font": {"family": "system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif", "size": 13},
            "hovermode": "closest",
            "hoverlabel": {"bgcolor": "white", "font": {"color": DARK}, "align": "left"},
            "showlegend": True,
            "legend": {"orientation": "h", "y": -72 / height, "yanchor": "top"},
            "xaxis": grid
            | {
                "type": "log",
                "range": [log10(limit) for limit in shown.x_limits],
                "tickvals": [size for size, _ in shown.x_ticks],
                "ticktext": [label for _, label in shown.x_ticks],
                "title": {
                    "text": escape(shown.x_label).replace(", ", ",<br>", 1),
                    "font": {"size": 13},
                },
                "anchor": "y",
            },
            "yaxis": grid
            | {
                "range": panel.limits,
                "title": {"text": panel.label, "font": {"size": 13}},
                "domain": [0, _PANEL_HEIGHT / height],
            },
        }
    )
    _draw_frame(figure, shown, panel)
    _draw_points(figure, shown, panel, summary)
    if shown.over_budget:
        _draw_strip(figure, shown, summary, 1 - (strip - _ABOVE_PANEL) / height)
    return figure


def _draw_frame(figure: "Figure", shown: Chart, panel: Panel) -> None:
    dotted = {"color": SOFT, "width": 1.5, "dash": "dot"}
    figure.add_shape(
        type="line", xref="x domain", x0=0, x1=1, y0=panel.chance, y1=panel.chance, line=dotted
    )
    figure.add_annotation(
        text=panel.chance_label,
        showarrow=False,
        font={"color": SOFT},
        xref="x domain",
        x=0,
        y=panel.chance,
        xanchor="left",
        yanchor="bottom",
    )
    if shown.budget_bytes is None:
        return
    side: dict[str, Any] = {"yref": "y domain", "y0": 0, "y1": 1, "x0": shown.budget_bytes}
    beyond = {"fillcolor": PALE_RED, "line": {"width": 0}, "layer": "below"}
    figure.add_shape(type="rect", **side, x1=shown.x_limits[1], **beyond)
    dashed = {"color": RED, "width": 1.5, "dash": "dash"}
    figure.add_shape(type="line", **side, x1=shown.budget_bytes, line=dashed)
    figure.add_annotation(
        text=shown.budget_label,
        showarrow=False,
        font={"color": RED},
        yref="y domain",
        x=log10(shown.budget_bytes),
        y=1,
        xanchor="left" if shown.across(shown.budget_bytes) < 0.25 else "right",
        yanchor="bottom",
    )


def _draw_points(figure: "Figure", shown: Chart, panel: Panel, summary: Summary) -> None:
    if panel.front:
        sizes = [point.size_bytes for point in panel.front]
        values = [panel.shown(point) for point in panel.front]
        figure.add_scatter(
            mode="lines",
            x=[*sizes, max(shown.budget_bytes or shown.x_limits[1], sizes[-1])],
            y=[*values, values[-1]],
            line={"color": BLUE, "width": 2, "shape": "hv"},
            hoverinfo="skip",
            showlegend=False,
        )
    alone = _alone(shown, panel)
    for kind, (label, points) in panel.series().items():
        figure.add_scatter(
            mode="markers+text" if kind.endswith("model") else "markers",
            name=label,
            x=[point.size_bytes for point in points],
            y=[panel.shown(point) for point in points],
            text=[escape(point.model or "") if point in alone else "" for point in points],
            textposition=[
                f"top {'right' if shown.across(point.size_bytes) < 0.5 else 'left'}"
                for point in points
            ],
            textfont={"color": DARK, "size": 12},
            marker=_LOOKS[kind],
            hovertext=[_hover(point, summary) for point in points],
            hoverinfo="text",
            cliponaxis=False,
        )


def _alone(shown: Chart, panel: Panel) -> set[Point]:
    """Return the report models that are so far from all others that their names have room."""
    models = [point for point in (*panel.front, *panel.others) if point.model is not None]
    height = panel.limits[1] - panel.limits[0]

    def near(one: Point, other: Point) -> bool:
        aside = shown.across(one.size_bytes) - shown.across(other.size_bytes)
        up = (panel.shown(one) - panel.shown(other)) / height
        return abs(aside) < 3 * _NEAR and abs(up) < _NEAR / 2

    return {one for one in models if not any(near(one, other) for other in models if other != one)}


def _draw_strip(figure: "Figure", shown: Chart, summary: Summary, bottom: float) -> None:
    """Draw the models that were not trained above the panel: each at its size, in its own row."""
    rows = list(range(len(shown.over_budget)))
    sizes = [size for _, size in shown.over_budget]
    figure.update_layout(
        yaxis2={
            "range": [-1, len(rows)],
            "domain": [bottom, 1],
            "tickvals": [(len(rows) - 1) / 2],
            "ticktext": ["not<br>trained"],
            "tickfont": {"color": SOFT, "size": 12},
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "anchor": "x",
        }
    )
    corners = {"x0": 0, "x1": 1, "y0": 0, "y1": 1}
    ground = {"fillcolor": STRIP, "line": {"width": 0}, "layer": "below"}
    figure.add_shape(type="rect", xref="x domain", yref="y2 domain", **corners, **ground)
    figure.add_scatter(
        mode="markers+text",
        name=UNTRAINED,
        x=sizes,
        y=rows,
        yaxis="y2",
        text=[f"{_GAP}{escape(shorten_name(model, 32))}{_GAP}" for model, _ in shown.over_budget],
        textposition=[
            f"middle {'right' if shown.across(size) < 0.5 else 'left'}" for size in sizes
        ],
        textfont={"color": DARK, "size": 12},
        marker=_UNTRAINED,
        hovertext=[
            f"<b>{escape(model)}</b><br>{size:,} B ({size_caption(size, summary.kb)}): "
            "over the budget, not trained"
            for model, size in shown.over_budget
        ],
        hoverinfo="text",
        cliponaxis=False,
    )


def _hover(point: Point, summary: Summary) -> str:
    """Return results and costs of a point, then its architecture by section."""
    name = f"trial {point.trial}" + (f" ({point.model})" if point.model else "")
    fronts = fronts_caption(summary.on_front(point))
    lines = [
        f"<b>{escape(name)}</b>",
        f"accuracy {point.accuracy:.1%}, log loss {point.log_loss:.3f}, on front: {fronts}",
        f"{point.size_bytes:,} B ({size_caption(point.size_bytes, summary.kb)}), "
        f"{point.params:,} parameters, {format_count(point.counted_macs)} MAC",
        f"peak activation memory {size_caption(point.peak_activation_bytes, summary.kb)}, "
        f"{escape(point.precision)}, {point.sparsity:.0%} zeros",
    ]
    for section, text in choices_in_words(point.choices, summary.reference, summary.kb):
        lines += _folded(section, text)
    return "<br>".join(lines)


def _folded(section: str, text: str) -> Sequence[str]:
    first, *rest = textwrap.wrap(text, _HOVER_WIDTH) or [""]
    return [f"<b>{escape(section)}</b> {escape(first)}", *("   " + escape(line) for line in rest)]


_TEMPLATE = Path(__file__).with_name("front_page.html.jinja")
# The buttons one by one: by default there is one that sends the data to a server.
_BUTTONS = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]


def front_html(summary: Summary) -> str:
    """Write the page."""
    from jinja2 import Environment, StrictUndefined
    from plotly.offline.offline import get_plotlyjs

    shown = chart(summary)
    charts = {
        panel.measure: {
            **json.loads(chart_figure(shown, panel, summary).to_json()),
            "config": {
                "responsive": True,
                "displaylogo": False,
                "showSendToCloud": False,
                "modeBarButtons": [_BUTTONS],
                "toImageButtonOptions": {"format": "svg", "filename": f"front-{panel.measure}"},
            },
        }
        for panel in shown.panels
    }
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        title=shown.title,
        subtitle=shown.subtitle,
        header=header(summary),
        charts=charts,
        columns=COLUMNS,
        tables=[(title, _rows(points, summary)) for title, points in sections(summary) if points],
        notes=notes(summary),
        palette=style,
        plotly_script=get_plotlyjs(),
    )


def _rows(points: tuple[Point, ...], summary: Summary) -> list[dict[str, object]]:
    return [
        {
            "cells": [column.cell(point, summary) for column in COLUMNS],
            "choices": choices_in_words(point.choices, summary.reference, summary.kb),
        }
        for point in points
    ]
