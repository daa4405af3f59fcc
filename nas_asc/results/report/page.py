"""`front.html`: one page with the front as interactive charts and tables.

The page is complete in itself: plotly's script stands in it (about 4.8 MB, the one bundle that the
plotly package ships), and its content security policy forbids every request. It fits windows of any
width: charts go below one another, and what is wider than the window scrolls in a box of its own.
"""

import json
from pathlib import Path

from nas_asc.results.figures import palette
from nas_asc.results.figures.front_chart import chart
from nas_asc.results.formatting import choices_in_words
from nas_asc.results.front_table import COLUMNS, header, notes, sections
from nas_asc.results.pareto import Point
from nas_asc.results.report.charts import chart_figure
from nas_asc.results.summary import Summary

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
        palette=palette,
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
