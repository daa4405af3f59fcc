"""`front.html`: one page with the front as interactive charts and tables.

The page is complete in itself: plotly's script stands in it (about 4.8 MB, the one bundle that the
plotly package ships), and its content security policy forbids every request. It fits windows of any
width: charts go below one another, and what is wider than the window scrolls in a box of its own.
"""

import json
import textwrap
from collections.abc import Mapping
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
)
from nas_asc.results.finals import SPLITS
from nas_asc.results.formatting import (
    choices_in_words,
    columns,
    fronts_caption,
    header,
    notes,
    sections,
    size_caption,
    spread_caption,
)
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary
from nas_asc.units import format_count

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_HOVER_WIDTH = 72
_WHITE = {"color": "white", "width": 1}
_GREY = {"color": GREY, "size": 7, "opacity": 0.6}
_MODEL = {"color": ORANGE, "size": 12, "symbol": "diamond"}
_LOOKS: Mapping[str, Mapping[str, object]] = {
    "resting": {**_GREY, "symbol": "circle-open"},
    "resting model": {**_MODEL, "symbol": "diamond-open", "size": 8},
    "dominated": _GREY,
    "beyond": {**_GREY, "symbol": "triangle-up"},
    "front": {"color": BLUE, "size": 11, "line": _WHITE},
    "model": {**_MODEL, "line": _WHITE},
    "front model": {**_MODEL, "line": {"color": BLUE, "width": 2.5}},
    "ensemble": {"color": GREY, "size": 10, "symbol": "square"},
    "front ensemble": {"color": BLUE, "size": 11, "symbol": "square", "line": _WHITE},
}
# By whether they are tied.
_BARS: Mapping[bool, Mapping[str, object]] = {
    False: {"color": DARK, "size": 11, "symbol": "line-ew", "line": {"color": DARK, "width": 2}},
    True: {"color": "white", "size": 7, "symbol": "square", "line": {"color": DARK, "width": 1.5}},
}
_UNTRAINED = {**_MODEL, "color": "white", "size": 10, "line": {"color": ORANGE, "width": 2}}


def chart_figure(shown: Chart, panel: Panel, summary: Summary) -> "Figure":
    """Draw a panel of a chart, as wide as the window lets it be; names are told on hover.

    Report models that were not trained are at the bad end of the axis of errors.
    """
    from plotly.graph_objects import Figure

    grid = {"showgrid": True, "gridcolor": LINE, "zeroline": False, "linecolor": SOFT}
    x_title = {"text": escape(shown.x_label).replace(", ", ",<br>", 1), "font": {"size": 13}}
    figure = Figure(
        layout={
            "template": "none",
            "height": 600,
            "margin": {"l": 60, "r": 16, "t": 40, "b": 160},
            "font": {"family": "system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif", "size": 13},
            "hovermode": "closest",
            "hoverlabel": {"bgcolor": "white", "font": {"color": DARK}, "align": "left"},
            "showlegend": True,
            "legend": {"orientation": "h", "y": -0.18, "yanchor": "top"},
            "xaxis": {
                **grid,
                "type": "log",
                "range": [log10(limit) for limit in shown.x_limits],
                "tickvals": [size for size, _ in shown.x_ticks],
                "ticktext": [label for _, label in shown.x_ticks],
                "title": x_title,
            },
            "yaxis": {
                **grid,
                "range": panel.limits,
                "title": {"text": panel.label, "font": {"size": 13}},
            },
        }
    )
    dotted = {"color": SOFT, "width": 1.5, "dash": "dot"}
    words: dict[str, Any] = {"text": panel.chance_label, "font": {"color": SOFT}, "xanchor": "left"}
    figure.add_hline(panel.chance, line=dotted, annotation={**words, "x": 0, "yanchor": "bottom"})
    if shown.budget_bytes is not None:
        on_left = shown.across(shown.budget_bytes) < 0.25
        words = {"text": shown.budget_label, "font": {"color": RED}, "y": 1, "yanchor": "bottom"}
        words |= {"x": log10(shown.budget_bytes), "xanchor": "left" if on_left else "right"}
        beyond = (shown.budget_bytes, shown.x_limits[1])
        figure.add_vrect(*beyond, fillcolor=PALE_RED, line={"width": 0}, layer="below")
        dashed = {"color": RED, "width": 1.5, "dash": "dash"}
        figure.add_vline(shown.budget_bytes, line=dashed, annotation=words)
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

    def add_markers(
        name: str, look: Mapping[str, object], x: list[int], y: list[float], texts: list[str]
    ) -> None:
        figure.add_scatter(
            mode="markers", name=name, marker=look, x=x, y=y, hovertext=texts, hoverinfo="text",
            cliponaxis=False,
        )  # fmt: skip

    for kind, (label, points) in panel.series().items():
        sizes, values = [p.size_bytes for p in points], [panel.shown(p) for p in points]
        add_markers(label, _LOOKS[kind], sizes, values, [_hover(p, summary) for p in points])
    for tied, (label, bars) in panel.bar_series().items():
        figure.add_scatter(
            mode="markers",
            name=label,
            marker=_BARS[tied],
            x=[bar.size_bytes for bar in bars],
            y=[bar.mean for bar in bars],
            error_y={
                "array": [bar.sd for bar in bars],
                "color": DARK,
                "thickness": 1.2,
                "width": 4,
            },
            hoverinfo="skip",
        )
    if shown.over_budget:
        worst = panel.limits[0 if panel.measure == "accuracy" else 1]
        sizes = [size for _, size in shown.over_budget]
        texts = [
            f"<b>{escape(model)}</b><br>{size:,} B ({size_caption(size, summary.kb)}): "
            "over the budget, not trained"
            for model, size in shown.over_budget
        ]
        add_markers(UNTRAINED, _UNTRAINED, sizes, [worst] * len(sizes), texts)
    return figure


def _hover(point: Point, summary: Summary) -> str:
    """Return results and costs of a point, then its architecture by section."""
    of_what = point.model or ("an ensemble of trials" if point.is_of_trials else "")
    name = f"trial {point.trial}" + (f" ({of_what})" if of_what else "")
    fronts = fronts_caption(summary.on_front(point))
    if point.epochs is not None:
        fronts = f"none: trained for {point.epochs} of {summary.epochs} epochs"
    lines = [
        f"<b>{escape(name)}</b>",
        f"accuracy {point.accuracy:.1%}, log loss {point.log_loss:.3f}, on front: {fronts}",
        f"{point.size_bytes:,} B ({size_caption(point.size_bytes, summary.kb)}), "
        f"{point.params:,} parameters, {format_count(point.counted_macs)} MAC",
        f"peak activation memory {size_caption(point.peak_activation_bytes, summary.kb)}, "
        f"{escape(point.precision)}, {point.sparsity:.0%} zeros",
    ]
    for kind, of_trial in summary.final_figures.items():
        if figures := of_trial.get(point.trial):
            for split in SPLITS:
                accuracy, log_loss = (
                    spread_caption(figures.spreads[split, measure], measure)
                    for measure in ("accuracy", "log_loss")
                )
                said = f"{split}: accuracy {accuracy} %, log loss {log_loss}"
                lines.append(f"{figures.trainings} {kind}, {said}")
    for section, text in choices_in_words(point.choices, summary.points, summary.kb):
        first, *rest = textwrap.wrap(text, _HOVER_WIDTH) or [""]
        lines += [f"<b>{escape(section)}</b> {escape(first)}", *("   " + escape(r) for r in rest)]
    return "<br>".join(lines)


_TEMPLATE = Path(__file__).with_name("front_page.html.jinja")
# The buttons one by one: by default there is one that sends the data to a server.
_BUTTONS = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]


def front_html(summary: Summary) -> str:
    """Write the page."""
    from jinja2 import Environment, StrictUndefined
    from plotly.offline.offline import get_plotlyjs

    shown, shown_columns = chart(summary), columns(summary)
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
        columns=shown_columns,
        tables=[
            (
                title,
                [
                    {
                        "is_model": point.model is not None or point.is_of_trials,
                        "cells": [column.cell(point, summary) for column in shown_columns],
                        "choices": choices_in_words(point.choices, summary.points, summary.kb),
                    }
                    for point in points
                ],
            )
            for title, points in sections(summary)
            if points
        ],
        notes=notes(summary),
        palette=style,
        plotly_script=get_plotlyjs(),
    )
