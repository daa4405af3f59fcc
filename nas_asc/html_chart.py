"""The interactive charts of a front, one per panel, as plain data for plotly's script.

Conventions: what a plotly figure is made of, see plotly's own reference; widths in pixels. Words
that users chose are escaped, since plotly reads a little HTML in them.
"""

import math
from collections.abc import Sequence
from html import escape

from nas_asc.chart import Chart, Panel, steps
from nas_asc.chart_names import Key, PlacedName, place_names
from nas_asc.hover_text import point_hover, untrained_hover
from nas_asc.palette import BLUE, DARK, DEEP_ORANGE, GREY, LINE, ORANGE, PALE_RED, RED, SOFT, STRIP
from nas_asc.untrained_strip import LABEL, StripName, strip_names

Json = dict[str, object]

_WIDTH, _PANEL_HEIGHT = 600, 416
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 54, 120
_NAME_SIZE, _CHARACTER, _LINE, _ASIDE = 12, 7.0, 15.0, 10.0
_STRIP_ROW, _FEWEST_ROWS, _ABOVE_PANEL = 17.0, 2.0, 26.0
_WHITE: Json = {"color": "white", "width": 1}
_WORDS: Json = {"bgcolor": "rgba(255, 255, 255, 0.6)", "borderpad": 0}
_REPORT: Json = {"color": ORANGE, "size": 12, "symbol": "diamond", "line": _WHITE}


def charts_json(shown: Chart) -> dict[str, Json]:
    """Give the arguments of `Plotly.newPlot` - data, layout and config - of each panel."""
    return {
        panel.measure: {
            "data": [*_traces(shown, panel), *_strip_traces(shown)],
            "layout": _layout(shown, panel),
            "config": _config(panel),
        }
        for panel in shown.panels
    }


def _config(panel: Panel) -> Json:
    """Name the buttons one by one: by default there is one that sends the data to a server."""
    return {
        "displaylogo": False,
        "showSendToCloud": False,
        "modeBarButtons": [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
        "toImageButtonOptions": {"format": "svg", "filename": f"front-{panel.measure}"},
    }


def _traces(shown: Chart, panel: Panel) -> list[Json]:
    inside = [point for point in shown.dominated if panel.inside(point)]
    beyond = [point for point in shown.dominated if not panel.inside(point)]
    grey = {"color": GREY, "size": 7, "opacity": 0.6}
    blue = {"color": BLUE, "size": 11, "line": _WHITE}
    sizes, values = steps(shown.front, panel, shown.budget_bytes or shown.x_limits[1])
    line = {"line": {"color": BLUE, "width": 2}, "hoverinfo": "skip", "showlegend": False}
    traces = [_trace("lines", "", sizes, values) | line]
    for name, points, marker in (
        ("dominated trial", inside, grey),
        ("worse than the axis shows", beyond, {**grey, "symbol": "triangle-up"}),
        (shown.front_label, shown.front, blue),
        ("report model", shown.reference, _REPORT),
    ):
        x, y = [p.size_bytes for p in points], [panel.shown(p) for p in points]
        hover = [point_hover(point, shown) for point in points]
        traces.append(
            _trace("markers", name, x, y)
            | {"marker": marker, "hovertext": hover, "hoverinfo": "text"}
        )
    return [trace for trace in traces if trace["x"]]


def _trace(mode: str, name: str, x: Sequence[float], y: Sequence[float]) -> Json:
    return {"type": "scatter", "mode": mode, "name": name, "x": x, "y": y, "cliponaxis": False}


def _strip_traces(shown: Chart) -> list[Json]:
    names = _strip(shown)
    if not names:
        return []
    trace = _trace("markers+text", LABEL, [n.size_bytes for n in names], [n.row for n in names])
    words = {
        "text": [escape(name.text) for name in names],
        "textposition": [f"middle {name.side}" for name in names],
        "textfont": {"size": _NAME_SIZE, "color": DARK},
        "hovertext": [untrained_hover(name.model, name.size_bytes, shown.kb) for name in names],
        "hoverinfo": "text",
    }
    hollow = _REPORT | {"color": "white", "size": 10, "line": {"color": ORANGE, "width": 2}}
    return [trace | words | {"yaxis": "y2", "marker": hollow, "showlegend": False}]


def _strip(shown: Chart) -> list[StripName]:
    low, high = (math.log2(limit) for limit in shown.x_limits)
    width = _WIDTH - _LEFT - _RIGHT

    def x_of(size_bytes: float) -> float:
        return width * (math.log2(size_bytes) - low) / (high - low)

    return strip_names(shown, x_of, _CHARACTER, _ASIDE, width)


def _strip_rows(names: Sequence[StripName]) -> float:
    return max(_FEWEST_ROWS, 1 + max(name.row for name in names)) if names else 0.0


def _layout(shown: Chart, panel: Panel) -> Json:
    names = _strip(shown)
    height = _PANEL_HEIGHT + (_ABOVE_PANEL + _STRIP_ROW * _strip_rows(names) if names else 0)
    line: Json = {"showgrid": True, "gridcolor": LINE, "zeroline": False, "linecolor": SOFT}
    layout: Json = {
        "width": _WIDTH,
        "height": _TOP + height + _BOTTOM,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif", "size": 13},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "font": {"color": DARK, "size": 12}, "align": "left"},
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "x": 0.5,
            "xanchor": "center",
            "y": -60 / height,
            "yanchor": "top",
        },
        "xaxis": line
        | {
            "type": "log",
            "range": [math.log10(limit) for limit in shown.x_limits],
            "tickvals": [size for size, _ in shown.x_ticks],
            "ticktext": [label for _, label in shown.x_ticks],
            "title": {"text": escape(shown.x_label), "font": {"size": 14}},
            "anchor": "y",
        },
        "yaxis": line
        | {
            "range": list(panel.limits),
            "title": {"text": panel.label, "font": {"size": 14}},
            "domain": [0, _PANEL_HEIGHT / height],
        },
        "shapes": _shapes(shown, panel),
        "annotations": [*_notes(shown, panel), *_names(shown, panel)],
    }
    return layout | _strip_layout(names, (_PANEL_HEIGHT + _ABOVE_PANEL) / height)


def _strip_layout(names: Sequence[StripName], bottom: float) -> Json:
    if not names:
        return {}
    rows, middle = _strip_rows(names), max(name.row for name in names) / 2
    return {
        "yaxis2": {
            "range": [middle - rows / 2, middle + rows / 2],
            "domain": [bottom, 1],
            "tickvals": [middle],
            "ticktext": ["not<br>trained"],
            "tickfont": {"color": SOFT, "size": 12},
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "anchor": "x",
        }
    }


def _shapes(shown: Chart, panel: Panel) -> list[Json]:
    chance: Json = {"type": "line", "xref": "x domain", "yref": "y", "layer": "below"}
    chance |= {"x0": 0, "x1": 1, "y0": panel.chance, "y1": panel.chance}
    chance |= {"line": {"color": SOFT, "width": 1.5, "dash": "dot"}}
    shapes = [chance]
    if shown.over_budget:
        strip: Json = {"type": "rect", "xref": "x domain", "yref": "y2 domain", "layer": "below"}
        strip |= {"x0": 0, "x1": 1, "y0": 0, "y1": 1, "fillcolor": STRIP, "line": {"width": 0}}
        shapes.append(strip)
    if shown.budget_bytes is None:
        return shapes
    height: Json = {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1, "layer": "below"}
    over = height | {"type": "rect", "x0": shown.budget_bytes, "x1": shown.x_limits[1]}
    over |= {"fillcolor": PALE_RED, "line": {"width": 0}}
    budget = height | {"type": "line", "x0": shown.budget_bytes, "x1": shown.budget_bytes}
    budget |= {"line": {"color": RED, "width": 1.5, "dash": "dash"}, "layer": "above"}
    return [over, *shapes, budget]


def _notes(shown: Chart, panel: Panel) -> list[Json]:
    chance: Json = {"text": panel.chance_label, "showarrow": False, "font": {"color": SOFT}}
    chance |= {"xref": "x domain", "yref": "y", "x": 0, "y": panel.chance}
    chance |= {"xanchor": "left", "yanchor": "bottom"}
    if shown.budget_bytes is None:
        return [chance]
    budget: Json = {"text": shown.budget_label, "showarrow": False, "font": {"color": RED}}
    budget |= {"xref": "x", "yref": "y domain", "y": 1, "yanchor": "bottom"}
    budget |= {"x": math.log10(shown.budget_bytes), "xanchor": "right"}
    return [chance, budget]


def _placed(shown: Chart, panel: Panel) -> tuple[list[PlacedName], Key | None]:
    """Place the names as on a page of the size of a panel; letters have about the same width."""
    width, height = _WIDTH - _LEFT - _RIGHT, _PANEL_HEIGHT
    low, high = (math.log2(limit) for limit in shown.x_limits)
    bottom, top = panel.limits

    def on_page(size_bytes: float, value: float) -> tuple[float, float]:
        return (
            width * (math.log2(size_bytes) - low) / (high - low),
            height * (value - bottom) / (top - bottom),
        )

    def extent(text: str) -> tuple[float, float]:
        lines = text.split("\n")
        return _CHARACTER * max(map(len, lines)), _LINE * len(lines)

    _, chance = on_page(shown.x_limits[0], panel.chance)
    note = (0.0, chance, _CHARACTER * len(panel.chance_label), chance + _LINE)
    return place_names(shown, panel, on_page, extent, (0, 0, width, height), [note])


def _names(shown: Chart, panel: Panel) -> list[Json]:
    names, key = _placed(shown, panel)
    return [*map(_name, names), *([_key(key)] if key else [])]


def _name(name: PlacedName) -> Json:
    note: Json = _WORDS | {
        "text": _lines(name.text),
        "x": math.log10(name.marker.size_bytes),
        "y": name.marker.value,
        "xref": "x",
        "yref": "y",
        "font": {"size": _NAME_SIZE, "color": DEEP_ORANGE if name.is_number else DARK},
        "align": name.align,
    }
    x, y = name.anchor
    note |= {"xanchor": name.align, "yanchor": "middle"}
    if not name.far:
        return note | {"showarrow": False, "xshift": x, "yshift": y}
    arrow: Json = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": ORANGE, "standoff": 4}
    return note | arrow | {"showarrow": True, "ax": x, "ay": -y}


def _key(key: Key) -> Json:
    left, _, _, top = key.box
    width, height = _WIDTH - _LEFT - _RIGHT, _PANEL_HEIGHT
    return _WORDS | {
        "text": _lines(key.text),
        "x": left / width,
        "y": top / height,
        "xref": "x domain",
        "yref": "y domain",
        "xanchor": "left",
        "yanchor": "top",
        "align": "left",
        "font": {"size": _NAME_SIZE, "color": DEEP_ORANGE},
        "showarrow": False,
    }


def _lines(text: str) -> str:
    return "<br>".join(map(escape, text.split("\n")))
