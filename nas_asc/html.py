"""`front.html`: one page with the front as interactive charts and a table.

The page is complete in itself: plotly's script stands in it (about 4.8 MB, the one bundle that the
plotly package ships), and its content security policy forbids every request. The charts are written
as plain data for that script, so that the same front gives the same bytes. What is wider than the
window - charts side by side, a table - is put below one another or scrolls in a box of its own.
"""

import json
from collections.abc import Sequence
from html import escape

from nas_asc.captions import (
    architecture_caption,
    budget_caption,
    choices_in_words,
    data_caption,
    seed_captions,
)
from nas_asc.chart import chart
from nas_asc.html_chart import charts_json
from nas_asc.palette import DARK, DEEP_ORANGE, LINE, SOFT
from nas_asc.pareto import Point
from nas_asc.summary import Summary

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_COLOURS = (
    f":root {{ color-scheme: light; --dark: {DARK}; --soft: {SOFT}; --line: {LINE}; "
    f"--report: {DEEP_ORANGE}; }}"
)
_STYLE = """
body { margin: 24px auto; max-width: 1240px; padding: 0 16px; background: #fff; color: var(--dark);
       font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 28px 0 6px; }
p { margin: 2px 0; color: var(--soft); }
.charts { display: flex; flex-wrap: wrap; justify-content: space-between; margin-top: 12px; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
        font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px; border-bottom: 1px solid var(--line); text-align: right;
         vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
.word { text-align: left; }
.model { color: var(--report); font-weight: 600; }
summary, th, .model { white-space: nowrap; }
summary { cursor: pointer; }
dl { margin: 6px 0; display: grid; grid-template-columns: max-content 1fr; gap: 0 12px; }
dt { color: var(--soft); } dd { margin: 0; }
"""

_HEADS = (
    "trial",
    "report model",
    "accuracy %",
    "log loss",
    "bytes",
    "KB",
    "parameters",
    "M MAC",
    "RAM KB",
    "stored",
    "zeros %",
    "architecture: mel | depth x width",
)
_WORDS = {_HEADS[1], _HEADS[9], _HEADS[11]}


def front_html(summary: Summary, kb: int) -> str:
    """Write the page.

    Args:
        summary: what to show.
        kb: bytes in a KB, by the counting rule.
    """
    from plotly.offline.offline import get_plotlyjs

    script = get_plotlyjs()  # type: ignore[no-untyped-call]  # plotly 7 has no types
    shown = chart(summary, kb)
    limit = summary.budget.size_bytes
    budget = "no byte limit" if limit is None else f"budget {budget_caption(limit, kb)}"
    others = [point for point in summary.reference if point not in summary.front]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(shown.title)}</title>",
        f"<style>{_COLOURS}{_STYLE}</style>",
        f"<script>{script}</script></head><body>",
        f"<h1>{escape(shown.title)}</h1>",
        f"<p>{escape(shown.subtitle)}</p>",
        f"<p>{escape(data_caption(summary))}; {escape(budget)}, KB = {kb} bytes</p>",
        '<div class="charts">',
        *(f'<div class="scroll" id="{panel.measure}"></div>' for panel in shown.panels),
        f"</div><script>const charts = {_in_script(charts_json(shown))};",
        "for (const [id, chart] of Object.entries(charts))",
        "  Plotly.newPlot(id, chart.data, chart.layout, chart.config);</script>",
        "<h2>Front, smallest first</h2>",
        _table(summary.front, summary, kb),
    ]
    if others:
        parts += ["<h2>Report models that are not on the front</h2>", _table(others, summary, kb)]
    if shown.over_budget:
        names = ", ".join(f"{escape(name)} ({size:,} B)" for name, size in shown.over_budget)
        parts += ["<h2>Report models over the budget, not trained</h2>", f"<p>{names}</p>"]
    notes = seed_captions(summary.seeds_adapted, summary.ensembles_skipped, summary.seeds_skipped)
    if notes:
        parts += ["<h2>Report models and these data</h2>", *(f"<p>{escape(n)}</p>" for n in notes)]
    return "\n".join([*parts, "</body></html>", ""])


def _in_script(value: object) -> str:
    """Write JSON that cannot end the script that it stands in."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _table(points: Sequence[Point], summary: Summary, kb: int) -> str:
    if not points:
        return "<p>No trial was trained to the end.</p>"
    rows = []
    for point in points:
        sections = "".join(
            f"<dt>{escape(section)}</dt><dd>{escape(text)}</dd>"
            for section, text in choices_in_words(point.choices, summary.reference, kb)
        )
        caption = escape(architecture_caption(point.choices, 48))
        cells = (
            f"{point.trial}",
            f'<span class="model">{escape(point.model or "")}</span>',
            f"{100 * point.accuracy:.1f}",
            f"{point.log_loss:.3f}",
            f"{point.size_bytes:,}",
            f"{point.size_bytes / kb:,.1f}",
            f"{point.params:,}",
            f"{point.counted_macs / 1e6:,.2f}",
            f"{point.peak_activation_bytes / kb:,.1f}",
            escape(point.precision),
            f"{100 * point.sparsity:.0f}",
            f"<details><summary>{caption}</summary><dl>{sections}</dl></details>",
        )
        rows.append("".join(map(_cell, _HEADS, cells)))
    head = "".join(
        f'<th class="word">{name}</th>' if name in _WORDS else f"<th>{name}</th>" for name in _HEADS
    )
    table = f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
    # In reach of the keyboard, so that its arrows scroll.
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _cell(head: str, content: str) -> str:
    return f'<td class="word">{content}</td>' if head in _WORDS else f"<td>{content}</td>"
