"""What stands under the pointer on an interactive chart, as the little HTML that plotly reads."""

import textwrap
from html import escape

from nas_asc.captions import choices_in_words, size_caption
from nas_asc.chart import Chart
from nas_asc.pareto import Point
from nas_asc.units import format_count

_WIDTH = 72


def point_hover(point: Point, shown: Chart) -> str:
    """Write results and costs of a point, then its architecture by section."""
    kb = shown.kb
    name = f"trial {point.trial}" + (f" ({point.model})" if point.model else "")
    lines = [
        f"<b>{escape(name)}</b>",
        f"accuracy {point.accuracy:.1%}, log loss {point.log_loss:.3f}",
        f"{point.size_bytes:,} B ({size_caption(point.size_bytes, kb)}), {point.params:,} "
        f"parameters, {format_count(point.counted_macs)} MAC",
        f"peak activation memory {size_caption(point.peak_activation_bytes, kb)}, "
        f"{escape(point.precision)}, {point.sparsity:.0%} zeros",
    ]
    for section, text in choices_in_words(point.choices, shown.reference, kb):
        first, *rest = textwrap.wrap(text, _WIDTH) or [""]
        lines.append(f"<b>{escape(section)}</b> {escape(first)}")
        lines += ["   " + escape(line) for line in rest]
    return "<br>".join(lines)


def untrained_hover(model: str, size_bytes: int, kb: int) -> str:
    """Write what is known of a report model that was not trained."""
    size = f"{size_bytes:,} B ({size_caption(size_bytes, kb)})"
    return f"<b>{escape(model)}</b><br>{size}: over the budget, not trained"
