"""Report models: the numbers and rows of layers that are printed, against what is counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from nas_asc.architectures import FrontEnd, Shape
from nas_asc.complexity import (
    BYTES_PER_VALUE,
    Complexity,
    Costs,
    LayerRow,
    count,
    counting_rule,
    layer_table,
)
from nas_asc.reports.ensemble import Ensemble, count_ensemble, count_members
from nas_asc.reports.report import Report
from nas_asc.spaces import ReportModel
from nas_asc.units import format_count

Counted = Complexity | Costs

# What stands against each number that a report may print.
COUNTED: Mapping[str, Callable[[Counted], float]] = {
    "params": lambda c: c.counted_params,
    "params_with_norms": lambda c: c.params,
    "nonzero_params": lambda c: c.nonzero_params,
    "size_kb": lambda c: c.size_bytes / c.rule.kb,
    "unpruned_size_kb": lambda c: c.unpruned_bytes / c.rule.kb,
    "mmacs": lambda c: c.macs_torchinfo / 1e6,
}


@dataclass(frozen=True)
class Verification:
    """A report model or ensemble with its counts under the report's own rule."""

    model: ReportModel | Ensemble
    complexity: Counted

    @property
    def size_kb(self) -> float:
        """The size in the KB of the rule."""
        return COUNTED["size_kb"](self.complexity)

    @property
    def match(self) -> bool:
        """Whether every number that the report prints agrees to its last digit."""
        return all(map(self.agrees, self.model.printed))

    def agrees(self, name: str) -> bool:
        """Whether a number that the report prints agrees to its last digit."""
        printed = self.model.printed[name]
        return round(COUNTED[name](self.complexity), _decimals(printed)) == printed

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as JSON."""
        model, printed = self.model, self.model.printed
        return {
            "id": model.id,
            "report": model.report,
            "space": "asc" if isinstance(model, Ensemble) else model.architecture.space,
            "rule": model.rule,
            "classes": len(model.classes) if isinstance(model, Ensemble) else model.classes,
            "input_shape": [list(shape) for shape in self.complexity.input_shapes],
            "printed_params": printed.get("params"),
            "counted_params": self.complexity.counted_params,
            "printed_nonzero": printed.get("nonzero_params"),
            "counted_nonzero": self.complexity.nonzero_params,
            "printed_size_kb": printed.get("size_kb"),
            "counted_size_kb": round(self.size_kb, 3),
            "macs": self.complexity.macs,
            "printed_mmacs": printed.get("mmacs"),
            "counted_mmacs": round(COUNTED["mmacs"](self.complexity), 3),
            "match": self.match,
            "note": model.note,
        }


@dataclass(frozen=True)
class MemberCost:
    """What one network of an ensemble's member costs under the ensemble's rule.

    Attributes:
        number: of such networks.
        vote: the share that one of them has in the average.
    """

    id: str
    number: int
    vote: float
    params: int
    nonzero: int
    size_kb: float
    macs: int


def member_costs(found: Verification) -> list[MemberCost]:
    """Return the costs of an ensemble's members, in their order; none of a single network."""
    model, rule = found.model, found.complexity.rule
    if not isinstance(model, Ensemble):
        return []
    counted = zip(model.members, model.votes, count_members(model), strict=True)
    return [
        MemberCost(
            id=member.model.id,
            number=member.number,
            vote=vote,
            params=one.counted_params,
            nonzero=one.nonzero_params,
            size_kb=one.size_bytes / rule.kb,
            macs=one.macs,
        )
        for member, vote, one in counted
    ]


def _decimals(value: float) -> int:
    _, _, fraction = str(value).partition(".")
    return len(fraction)


def verify(model: ReportModel | Ensemble) -> Verification:
    """Count a report model or ensemble as its report did."""
    if isinstance(model, Ensemble):
        return Verification(model, count_ensemble(model))
    return Verification(model, count(model.architecture, model.classes, model.clip_s, model.rule))


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
        """Return the row as JSON."""
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
    """Return where the report prints the layers, or why it does not; None if that is not known."""
    table = report.layers.get(model_id, {})
    words = table.get("none", table.get("source"))
    return None if words is None else str(words)


def report_rows(report: Report, model: ReportModel) -> list[ReportRow]:
    """Return the rows of the report's layer table; none if there is none, or of other layers."""
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


_NORMALISATION: Mapping[str, str] = {
    "none": "not normalised",
    "batch_norm": "normalised by a first batch norm per mel bin",
    "standard": "standardised per mel bin over the training clips",
    "peak": "peak-normalised per clip",
}


def headline(found: Verification) -> str:
    """Return what a model is fed, tells apart and costs, in one line."""
    model, complexity = found.model, found.complexity
    shapes = " and ".join("x".join(map(str, shape)) for shape in complexity.input_shapes)
    classes = len(model.classes) if isinstance(model, Ensemble) else model.classes
    return (
        f"input {shapes}, {classes} classes, clips of {model.clip_s:g} s; rule {model.rule}: "
        f"{size_words(found)}; {format_count(complexity.macs)} MACs"
    )


def size_words(found: Verification) -> str:
    """Return how many parameters the rule counts, and which of them its KB are of."""
    complexity = found.complexity
    params, nonzero = complexity.counted_params, complexity.nonzero_params
    size = f"{found.size_kb:,.1f} KB"
    if nonzero == params:
        return f"{params:,} parameters, {size}"
    sized = "those" if complexity.rule.nonzero_sized else "all"
    return f"{params:,} parameters, {nonzero:,} of them in the non-zero count, {size} of {sized}"


def input_words(frontend: FrontEnd, clip_s: float) -> str:
    """Return what a front end gives for clips of `clip_s` seconds."""
    shapes = ["x".join(map(str, shape)) for shape in frontend.input_shapes(clip_s)]
    if frontend.kind == "waveform":
        return (
            f"waveform {shapes[0]}: {frontend.channels} "
            f"channel{'s' if frontend.channels > 1 else ''} at {frontend.sample_rate_hz} Hz, "
            f"{_NORMALISATION[frontend.normalisation]}"
        )
    first, *second = frontend.spectrograms(clip_s)
    channels = 2 if second else frontend.channels
    words = [
        f"log-mel {shapes[0]}: {channels} channel{'s' if channels > 1 else ''} at "
        f"{frontend.sample_rate_hz} Hz",
        _plane(first, clip_s),
    ]
    for plane in second:
        words[-1] = f"first channel: {words[-1]}"
        words.append(f"second channel: {_plane(plane, clip_s)}, transposed")
    words.append(_NORMALISATION[frontend.normalisation])
    if frontend.mean_spectrum:
        words.append(
            f"second input {shapes[1]}: the clip's mean spectrum, before any normalisation"
        )
    return "; ".join(words)


def _plane(plane: FrontEnd, clip_s: float) -> str:
    fourier = f" ({plane.n_fft} Fourier points)" if plane.n_fft != plane.window else ""
    return (
        f"{plane.window_function.capitalize()} window {plane.window}{fourier}, hop {plane.hop}"
        f"{'' if plane.center else ', not centred'}, {plane.n_mels} mel bins from "
        f"{plane.f_min_hz:g} to {plane.f_max_hz:g} Hz, {plane.frames(clip_s)} frames"
    )
