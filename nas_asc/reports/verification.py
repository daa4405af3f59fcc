"""Report models: the numbers and rows of layers that are printed, against what is counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from nas_asc.architectures import FrontEnd, Shape
from nas_asc.complexity import (
    BYTES_PER_VALUE,
    Counted,
    count,
    counting_rule,
    layer_table,
)
from nas_asc.reports.ensemble import Ensemble, count_ensemble
from nas_asc.reports.report import Report
from nas_asc.spaces import ReportModel
from nas_asc.units import format_count, format_shape

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
        decimals = len(str(printed).partition(".")[2])
        return round(COUNTED[name](self.complexity), decimals) == printed

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as JSON."""
        model, printed = self.model, self.model.printed
        return {
            "id": model.id,
            "report": model.report,
            "space": _space_of(model),
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


def _space_of(model: ReportModel | Ensemble) -> str:
    first = model.members[0].model if isinstance(model, Ensemble) else model
    return first.architecture.space


def verify(model: ReportModel | Ensemble) -> Verification:
    """Count a report model or ensemble as its report did."""
    if isinstance(model, Ensemble):
        return Verification(model, count_ensemble(model))
    return Verification(model, count(model.architecture, model.classes, model.clip_s, model.rule))


@dataclass(frozen=True)
class ReportRow:
    """One row of a report's layer table, printed against counted, as in JSON.

    Attributes:
        name: as the report calls it.
        window: kernel and stride as the report prints them; None if it does not, and so for all
            that is printed.
        printed_output: in the report's own order of axes.
        output: shape of the last of our layers; None where there are none.
        in_nonzero_count: whether the rule's non-zero count has this row.
        counted_bytes: of the parameters at the precision that the report stores.
        layers: names of our layers.
    """

    name: str
    window: str | None
    printed_output: str | None
    output: Shape | None
    printed_params: int | None
    counted_params: int
    printed_nonzero: int | None
    counted_nonzero: int
    in_nonzero_count: bool
    printed_bytes: int | None
    counted_bytes: int
    macs: int
    layers: tuple[str, ...]


def layers_source(report: Report, model_id: str) -> str | None:
    """Return where the report prints the layers, or why it does not; None if that is not known."""
    table = report.layers.get(model_id, {})
    words: str | None = table.get("none", table.get("source"))
    return words


def report_rows(report: Report, model: ReportModel) -> list[ReportRow]:
    """Return the rows of the report's layer table; none if there is none, or of other layers."""
    table = report.layers.get(model.id, {})
    rows = table.get("rows", ())
    layers = layer_table(model.architecture, model.classes, model.clip_s, counting_rule(model.rule))
    width = BYTES_PER_VALUE[str(model.architecture.sections["compression"]["precision"])]
    place = {layer.name: number for number, layer in enumerate(layers)}
    firsts = [row["first"] for row in rows if "first" in row]
    if not place.keys() >= set(firsts):
        return []  # of one's own space, with other layers
    spans = pairwise([*(place[first] for first in firsts), len(layers)])
    unprinted = table.get("unprinted", ())
    found = []
    for row in rows:
        start, end = next(spans) if "first" in row else (0, 0)
        own = layers[start:end]
        printed = {} if row["name"] in unprinted or "*" in unprinted else row
        params = sum(layer.counted for layer in own)
        found.append(
            ReportRow(
                name=row["name"],
                window=row.get("window"),
                printed_output=printed.get("output"),
                output=own[-1].shape if own else None,
                printed_params=printed.get("params"),
                counted_params=params,
                printed_nonzero=printed.get("nonzero"),
                counted_nonzero=sum(layer.nonzero for layer in own),
                in_nonzero_count=all(layer.summed for layer in own),
                printed_bytes=printed.get("bytes"),
                counted_bytes=params * width,
                macs=sum(layer.macs for layer in own),
                layers=tuple(layer.name for layer in own),
            )
        )
    return found


_NORMALISATION: Mapping[str, str] = {
    "none": "not normalised",
    "batch_norm": "normalised by a first batch norm per mel bin",
    "standard": "standardised per mel bin over the training clips",
    "peak": "peak-normalised per clip",
}


def headline(found: Verification) -> str:
    """Return in one line what a model is fed, tells apart and costs, and what its KB are of."""
    model, complexity = found.model, found.complexity
    shapes = " and ".join(map(format_shape, complexity.input_shapes))
    classes = len(model.classes) if isinstance(model, Ensemble) else model.classes
    params, nonzero = complexity.counted_params, complexity.nonzero_params
    size = f"{params:,} parameters, {found.size_kb:,.1f} KB"
    if nonzero != params:
        sized = "those" if complexity.rule.nonzero_sized else "all"
        size = (
            f"{params:,} parameters, {nonzero:,} of them in the non-zero count, "
            f"{found.size_kb:,.1f} KB of {sized}"
        )
    return (
        f"input {shapes}, {classes} classes, clips of {model.clip_s:g} s; rule {model.rule}: "
        f"{size}; {format_count(complexity.macs)} MACs"
    )


def input_words(frontend: FrontEnd, clip_s: float) -> str:
    """Return what a front end gives for clips of `clip_s` seconds."""
    (channels, *_), *_ = shapes = frontend.input_shapes(clip_s)
    fed = (
        f"{format_shape(shapes[0])}: {channels} channel{'s' if channels > 1 else ''} at "
        f"{frontend.sample_rate_hz} Hz"
    )
    if frontend.resampling == "fourier":
        fed += " by the Fourier method"
    normalised = _NORMALISATION[frontend.normalisation]
    if frontend.kind == "waveform":
        return f"waveform {fed}, {normalised}"
    first, *second = frontend.spectrograms(clip_s)
    words = [f"log-mel {fed}", _plane(first, clip_s)]
    for plane in second:
        words[-1] = f"first channel: {words[-1]}"
        words.append(f"second channel: {_plane(plane, clip_s)}, transposed")
    words.append(normalised)
    if frontend.mean_spectrum:
        spectrum = f"second input {format_shape(shapes[1])}: the clip's mean spectrum"
        words.append(f"{spectrum}, before any normalisation")
    return "; ".join(words)


def _plane(plane: FrontEnd, clip_s: float) -> str:
    fourier = f" ({plane.n_fft} Fourier points)" if plane.n_fft != plane.window else ""
    return (
        f"{plane.window_function.capitalize()} window {plane.window}{fourier}, hop {plane.hop}"
        f"{'' if plane.center else ', not centred'}, {plane.n_mels} mel bins from "
        f"{plane.f_min_hz:g} to {plane.f_max_hz:g} Hz, {plane.frames(clip_s)} frames"
    )
