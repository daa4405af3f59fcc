"""The interactive chart of a front, as plain data for plotly's script.

Conventions: what a plotly figure is made of, see plotly's own reference; widths in pixels. Words
that users chose are escaped, since plotly reads a little HTML in them.
"""

import math
import textwrap
from collections.abc import Sequence
from html import escape

from nas_asc.captions import choices_in_words, shorten_name, size_caption
from nas_asc.chart import Chart, Panel, steps
from nas_asc.chart_names import LONGEST_NAME, PlacedName, named_markers, place_names
from nas_asc.pareto import Point
from nas_asc.units import format_count

Json = dict[str, object]

_BLUE, _ORANGE, _GREY, _RED, _DARK = "#0072B2", "#D55E00", "#9AA0A6", "#B3261E", "#202124"
_WIDTH, _HEIGHT = 1240, 590
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 64, 110
_DOMAINS = ((0.0, 0.465), (0.535, 1.0))
_NAME_SIZE, _CHARACTER, _LINE = 12, 7.0, 15.0
_HOVER_WIDTH = 72

# The buttons are named one by one: by default there is one that sends the data to a server.
_CONFIG: Json = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtons": [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "front"},
}


def chart_json(shown: Chart) -> Json:
    """Give the arguments of `Plotly.newPlot`: data, layout and config."""
    return {"data": _traces(shown), "layout": _layout(shown), "config": _CONFIG}


def _traces(shown: Chart) -> list[Json]:
    traces: list[Json] = []
    for number, panel in enumerate(shown.panels, 1):
        inside = [point for point in shown.dominated if panel.inside(point)]
        beyond = [point for point in shown.dominated if not panel.inside(point)]
        grey = {"color": _GREY, "size": 7, "opacity": 0.6}
        white = {"color": "white", "width": 1}
        blue = {"color": _BLUE, "size": 11, "line": white}
        full = {"color": _ORANGE, "size": 12, "symbol": "diamond", "line": white}
        hollow = {**full, "color": "white", "line": {"color": _ORANGE, "width": 2}}
        end = shown.budget_bytes or shown.x_limits[1]
        sizes, values = steps(shown.front, panel, end)
        traces.append(
            _trace(number, "lines", "", sizes, values)
            | {"line": {"color": _BLUE, "width": 2}, "hoverinfo": "skip", "showlegend": False}
        )
        for name, points, marker in (
            ("dominated trial", inside, grey),
            ("worse than the axis shows", beyond, {**grey, "symbol": "triangle-up"}),
            (shown.front_label, shown.front, blue),
            ("report model", shown.reference, full),
        ):
            x, y = [p.size_bytes for p in points], [panel.shown(p) for p in points]
            hover = {
                "hovertext": [_hover(point, shown) for point in points],
                "hoverinfo": "text",
            }
            traces.append(_trace(number, "markers", name, x, y) | {"marker": marker} | hover)
        traces.append(
            _trace(
                number,
                "markers",
                "report model over the budget, not trained",
                [size for _, size in shown.over_budget],
                [panel.bad_end] * len(shown.over_budget),
            )
            | {
                "marker": hollow,
                "hovertext": [
                    f"<b>{escape(name)}</b><br>{size:,} B ({size_caption(size, shown.kb)}): "
                    "over the budget, not trained"
                    for name, size in shown.over_budget
                ],
                "hoverinfo": "text",
            }
        )
    return [trace for trace in traces if trace["x"]]


def _trace(number: int, mode: str, name: str, x: Sequence[float], y: Sequence[float]) -> Json:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": x,
        "y": y,
        "xaxis": "x" if number == 1 else "x2",
        "yaxis": "y" if number == 1 else "y2",
        "legendgroup": name,
        "showlegend": number == 1,
        "cliponaxis": False,
    }


def _layout(shown: Chart) -> Json:
    layout: Json = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif", "size": 13},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "font": {"color": _DARK, "size": 12}, "align": "left"},
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.16, "yanchor": "top"},
    }
    shapes: list[Json] = []
    annotations: list[Json] = []
    line: Json = {
        "showgrid": True,
        "gridcolor": "#E8EAED",
        "zeroline": False,
        "linecolor": "#5F6368",
    }
    for number, (panel, domain) in enumerate(zip(shown.panels, _DOMAINS, strict=True), 1):
        suffix = "" if number == 1 else "2"
        layout[f"xaxis{suffix}"] = line | {
            "type": "log",
            "range": [math.log10(limit) for limit in shown.x_limits],
            "tickvals": [size for size, _ in shown.x_ticks],
            "ticktext": [label for _, label in shown.x_ticks],
            "title": {"text": escape(shown.x_label), "font": {"size": 14}},
            "domain": list(domain),
            "anchor": f"y{suffix}",
        }
        layout[f"yaxis{suffix}"] = line | {
            "range": list(panel.limits),
            "title": {"text": panel.label, "font": {"size": 14}},
            "anchor": f"x{suffix}",
        }
        shapes += _shapes(shown, panel, suffix)
        annotations += _notes(shown, panel, suffix)
        annotations += [_name(name, suffix) for name in _placed(shown, panel)]
    return layout | {"shapes": shapes, "annotations": annotations}


def _shapes(shown: Chart, panel: Panel, suffix: str) -> list[Json]:
    x_axis, y_axis = f"x{suffix}", f"y{suffix}"
    chance: Json = {"type": "line", "xref": f"{x_axis} domain", "yref": y_axis, "layer": "below"}
    chance |= {"x0": 0, "x1": 1, "y0": panel.chance, "y1": panel.chance}
    chance |= {"line": {"color": "#5F6368", "width": 1.5, "dash": "dot"}}
    if shown.budget_bytes is None:
        return [chance]
    height: Json = {"xref": x_axis, "yref": f"{y_axis} domain", "y0": 0, "y1": 1, "layer": "below"}
    over = height | {"type": "rect", "x0": shown.budget_bytes, "x1": shown.x_limits[1]}
    over |= {"fillcolor": "#FBE9E7", "line": {"width": 0}}
    budget = height | {"type": "line", "x0": shown.budget_bytes, "x1": shown.budget_bytes}
    budget |= {"line": {"color": _RED, "width": 1.5, "dash": "dash"}, "layer": "above"}
    return [over, chance, budget]


def _notes(shown: Chart, panel: Panel, suffix: str) -> list[Json]:
    chance: Json = {"text": panel.chance_label, "showarrow": False, "font": {"color": "#5F6368"}}
    chance |= {"xref": f"x{suffix} domain", "yref": f"y{suffix}", "x": 0, "y": panel.chance}
    chance |= {"xanchor": "left", "yanchor": "bottom"}
    if shown.budget_bytes is None:
        return [chance]
    budget: Json = {"text": shown.budget_label, "showarrow": False, "font": {"color": _RED}}
    budget |= {"xref": f"x{suffix}", "yref": f"y{suffix} domain", "y": 1, "yanchor": "bottom"}
    budget |= {"x": math.log10(shown.budget_bytes), "xanchor": "right"}
    return [chance, budget]


def _placed(shown: Chart, panel: Panel) -> list[PlacedName]:
    """Place the names as on a page of the size of a panel; letters have about the same width."""
    start, end = _DOMAINS[0]
    width = (end - start) * (_WIDTH - _LEFT - _RIGHT)
    height = _HEIGHT - _TOP - _BOTTOM
    low, high = (math.log2(limit) for limit in shown.x_limits)
    bottom, top = panel.limits

    def on_page(size_bytes: float, value: float) -> tuple[float, float]:
        return (
            width * (math.log2(size_bytes) - low) / (high - low),
            height * (value - bottom) / (top - bottom),
        )

    extents = [
        (
            _CHARACTER * max(len(shorten_name(name, LONGEST_NAME)) for name in marker.names),
            _LINE * len(marker.names),
        )
        for marker in named_markers(shown, panel)
    ]
    _, chance = on_page(shown.x_limits[0], panel.chance)
    note = (0.0, chance, _CHARACTER * len(panel.chance_label), chance + _LINE)
    return place_names(shown, panel, on_page, extents, (0, 0, width, height), [note])


def _name(name: PlacedName, suffix: str) -> Json:
    text = "<br>".join(escape(shorten_name(n, LONGEST_NAME)) for n in name.marker.names)
    note: Json = {
        "text": text,
        "x": math.log10(name.marker.size_bytes),
        "y": name.marker.value,
        "xref": f"x{suffix}",
        "yref": f"y{suffix}",
        "font": {"size": _NAME_SIZE, "color": _DARK},
        "align": name.align,
        "bgcolor": "rgba(255, 255, 255, 0.6)",
        "borderpad": 0,
    }
    x, y = name.anchor
    note |= {"xanchor": name.align, "yanchor": "middle"}
    if not name.far:
        return note | {"showarrow": False, "xshift": x, "yshift": y}
    arrow: Json = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": _ORANGE, "standoff": 4}
    return note | arrow | {"showarrow": True, "ax": x, "ay": -y}


def _hover(point: Point, shown: Chart) -> str:
    """Write what stands under the pointer: results, costs, then the architecture by section."""
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
        first, *rest = textwrap.wrap(text, _HOVER_WIDTH) or [""]
        lines.append(f"<b>{escape(section)}</b> {escape(first)}")
        lines += ["   " + escape(line) for line in rest]
    return "<br>".join(lines)
