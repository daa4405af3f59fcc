"""The layers as a report prints them, each of its rows beside what is counted of our layers.

Conventions: a row stands for our layers from the one that it names `first` up to the next row that
names one; a row without `first`, such as a softmax, has none of ours. Inputs may stand in front of
the first row. Counts follow the rule of the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from nas_asc.architectures import Shape
from nas_asc.complexity import BYTES_PER_VALUE, LayerRow, counting_rule, layer_table
from nas_asc.reports.report import Report
from nas_asc.spaces import ReportModel


@dataclass(frozen=True)
class ReportRow:
    """One row of a report's layer table.

    Attributes:
        name: as the report calls it.
        window: kernel and stride as the report prints them; empty if it does not.
        printed_output: as the report prints it, in its own order of axes; empty if it does not.
        output: shape of the last of our layers; None where there are none.
        printed_params: None if the report prints none, and so for the other printed ones.
        size_bytes: of the parameters at the precision that the report stores.
        summed: whether the rule's non-zero count has this row.
        layers: names of our layers.
    """

    name: str
    window: str
    printed_output: str
    output: Shape | None
    printed_params: int | None
    params: int
    printed_nonzero: int | None
    nonzero: int
    printed_bytes: int | None
    size_bytes: int
    summed: bool
    macs: int
    layers: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the row as JSON."""
        return {
            "name": self.name,
            "window": self.window or None,
            "printed_output": self.printed_output or None,
            "output": None if self.output is None else list(self.output),
            "printed_params": self.printed_params,
            "counted_params": self.params,
            "printed_nonzero": self.printed_nonzero,
            "counted_nonzero": self.nonzero,
            "in_nonzero_count": self.summed,
            "printed_bytes": self.printed_bytes,
            "counted_bytes": self.size_bytes,
            "macs": self.macs,
            "layers": list(self.layers),
        }


def layers_source(report: Report, model_id: str) -> str | None:
    """Say where the report prints the layers, or why it does not; None if that is not known."""
    table = report.layers.get(model_id, {})
    words = table.get("none", table.get("source"))
    return None if words is None else str(words)


def report_rows(report: Report, model: ReportModel) -> list[ReportRow]:
    """Give the rows of the report's layer table; none if there is none, or of other layers."""
    table = report.layers.get(model.id, {})
    if "rows" not in table:
        return []
    layers = layer_table(model.architecture, model.classes, model.clip_s, counting_rule(model.rule))
    width = BYTES_PER_VALUE[str(model.architecture.sections["compression"]["precision"])]
    place = {layer.name: number for number, layer in enumerate(layers)}
    rows = table["rows"]
    firsts = [row["first"] for row in rows if "first" in row]
    if not place.keys() >= set(firsts):
        return []  # of one's own space, with other layers
    spans = pairwise([*(place[first] for first in firsts), len(layers)])
    unprinted = table.get("unprinted", ())
    found = []
    for row in rows:
        start, end = next(spans) if "first" in row else (0, 0)
        printed = {} if row["name"] in unprinted or "*" in unprinted else row
        found.append(_row(row, printed, layers[start:end], width))
    return found


def _row(
    row: Mapping[str, object], printed: Mapping[str, object], layers: list[LayerRow], width: int
) -> ReportRow:
    params = sum(layer.counted for layer in layers)
    return ReportRow(
        name=str(row["name"]),
        window=str(row.get("window", "")),
        printed_output=str(printed.get("output", "")),
        output=layers[-1].shape if layers else None,
        printed_params=printed.get("params"),  # type: ignore[arg-type]  # an int in the TOML
        params=params,
        printed_nonzero=printed.get("nonzero"),  # type: ignore[arg-type]  # an int in the TOML
        nonzero=sum(layer.nonzero for layer in layers),
        printed_bytes=printed.get("bytes"),  # type: ignore[arg-type]  # an int in the TOML
        size_bytes=params * width,
        summed=all(layer.summed for layer in layers),
        macs=sum(layer.macs for layer in layers),
        layers=tuple(layer.name for layer in layers),
    )
