"""What the stored cells of `search.py` say: curves of hypervolume, tables, goals and pictures.

Conventions: a hypervolume is the share that the front dominates of log2(bytes) from 1 KiB to the
budget x log loss from 0 to that of guessing, as everywhere in this project. The front is always
that of the validation clips; on test clips the same models count with their test log loss. A curve
is a step function: what had been trained by then, 0 before. Of several seeds curves are averaged.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from nas_asc.files import write_atomically
from nas_asc.results.figures.style import BLUE, DARK, GREY, ORANGE, SOFT, own_settings, saved
from nas_asc.results.pareto import Point, hypervolume, pareto_front

BEGIN, END = "<!-- written by benchmarks/search.py -->", "<!-- end of what it writes -->"
OURS, BEFORE, RANDOM = "ours", "before", "random"
DATA = {"esc10": "ESC-10", "scenes": "the built-in scenes"}
OTHERS = {
    RANDOM: "random feasible search",
    "nsga2": "optuna, NSGA-II",
    "tpe": "optuna, TPE",
    "pruner": "optuna, TPE, Pareto pruner",
    "moasha": "Syne Tune, MOASHA",
    "moasha-as-released": "Syne Tune, MOASHA as released",
}
PARTS = {
    "no-rungs": "without rungs",
    "no-mutations": "without mutations",
    "no-report-models": "without report models and mutations",
    "sampler-random": "sampler random, without mutations",
    "sampler-tpe": "sampler tpe",
    "sampler-evolution": "sampler evolution",
    "sampler-surrogate": "sampler surrogate",
}
LABELS = {OURS: "this search", BEFORE: "the release before", **OTHERS, **PARTS}
# Apart from each other in common colour blindness (Okabe and Ito 2008), but for the last two.
_COLOURS = (ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8C6D31", "#4B4B9F")
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    **dict(zip([*OTHERS][1:], ({"color": colour} for colour in _COLOURS), strict=False)),
    **dict(zip(PARTS, ({"color": colour} for colour in _COLOURS), strict=True)),
    OURS: {"color": BLUE, "linewidth": 2.6, "zorder": 4},
    BEFORE: {"color": SOFT, "linewidth": 1.8, "linestyle": "--"},
    RANDOM: {"color": GREY, "linewidth": 1.8},
}
_DPI = 120
_UNCOMPARED: Mapping[str, Any] = {
    **dict.fromkeys(("params", "nonzero_params", "macs", "counted_macs"), 0),
    **{"peak_activation_bytes": 0, "precision": "", "sparsity": 0.0, "choices": {}},
}


@dataclass(frozen=True)
class Curve:
    """Hypervolumes of one cell, each from its x on."""

    xs: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, x: float) -> float:
        """Return the value at x."""
        place = bisect_right(self.xs, x)
        return self.values[place - 1] if place else 0.0


@dataclass(frozen=True)
class Variant:
    """All cells of one variant on the same data and for the same time, which differ by seed."""

    name: str
    cells: tuple[Mapping[str, Any], ...]

    def mean(self, key: str) -> float:
        """Return the mean over seeds of what cells hold."""
        return fmean(cell[key] for cell in self.cells)

    def curves(self, axis: str, split: str = "validation") -> list[Curve]:
        """Return the curves over "seconds" or "epochs", one for each seed."""
        return [curve(cell, axis, split) for cell in self.cells]

    def last(self, split: str = "validation") -> list[float]:
        """Return the last hypervolumes, one for each seed."""
        return [curve.at(float("inf")) for curve in self.curves("epochs", split)]


def as_point(event: Mapping[str, Any], split: str = "validation") -> Point:
    """Return a completed training as a point of a front, with its figures on a split."""
    prefix = "test_" if split == "test" else ""
    figures = {name: event[f"{prefix}{name}"] for name in ("log_loss", "accuracy")}
    size_bytes = event["size_bytes"]
    return Point(trial=event["trial"], model=None, size_bytes=size_bytes, **figures, **_UNCOMPARED)


def curve(cell: Mapping[str, Any], axis: str, split: str) -> Curve:
    """Compute the hypervolume after each training of a cell."""
    events, values = cell["events"], []
    of_trial = {event["trial"]: event for event in events}
    for count in range(1, len(events) + 1):
        front = pareto_front([as_point(event) for event in events[:count]])
        points = [as_point(of_trial[point.trial], split) for point in front]
        values.append(hypervolume(points, cell["limit_bytes"], cell["classes"]) or 0.0)
    return Curve(tuple(float(event[axis]) for event in events), tuple(values))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Average step functions."""
    xs = tuple(sorted({x for each in curves for x in each.xs}))
    return Curve(xs, tuple(fmean(each.at(x) for each in curves) for x in xs))


def first_at(curve: Curve, value: float) -> float | None:
    """Return where a curve first is at a value or above it; None where it never is."""
    return next((x for x, y in zip(curve.xs, curve.values, strict=True) if y >= value), None)


def write_report(results: Path, docs: Path) -> None:
    """Write tables and pictures of all stored cells; of the page only what is between the marks."""
    cells = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))
    ]
    cells.sort(key=lambda c: (c["data"], -c["minutes"], [*LABELS].index(c["variant"]), c["seed"]))
    parts = []
    for (data, minutes), group in groupby(cells, lambda cell: (cell["data"], cell["minutes"])):
        variants = {
            name: Variant(name, tuple(of_name))
            for name, of_name in groupby(group, lambda cell: cell["variant"])
        }
        parts.append(section(data, minutes, variants, docs.parent))
    page = docs.read_text(encoding="utf-8") if docs.is_file() else f"{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    write_atomically(docs, f"{before}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}{after}")


def section(data: str, minutes: float, variants: Mapping[str, Variant], folder: Path) -> str:
    """Write one section, and its pictures into a folder."""
    title = DATA[data][0].upper() + DATA[data][1:]
    lines = [f"### {title}, {minutes:g} minutes", "", *table(variants.values()), ""]
    if OURS in variants:
        lines += [*(f"- {line}" for line in goals(minutes, variants)), ""]
    for kind, names in (("others", [BEFORE, *OTHERS]), ("parts", [*PARTS])):
        shown = [variants[name] for name in (OURS, *names) if name in variants]
        if len(shown) > (OURS in variants):
            name = f"search-{data}-{minutes:g}min-{kind}.png"
            write_atomically(folder / name, picture(shown, 60 * minutes))
            words = f"Hypervolume on {DATA[data]} over minutes and epochs, {kind}"
            lines += [f"![{words}]({name})", ""]
    lines += [f"Machine: {'; '.join(sorted(machines(variants.values())))}.", ""]
    return "\n".join(lines)


def machines(variants: Iterable[Variant]) -> set[str]:
    """Return where the cells were measured."""
    return {cell["machine"] for variant in variants for cell in variant.cells}


def table(variants: Iterable[Variant]) -> Iterator[str]:
    """Yield the rows of a table: of several seeds means, and the lowest and highest."""
    yield "| search | hypervolume | on test clips | trained | stopped | epochs | seeds | version |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for variant in variants:
        counts = [f"{variant.mean(key):,.0f}" for key in ("completed", "stopped", "epochs")]
        parts = [part for cell in variant.cells for part in cell["version"].split(", ")]
        versions = ", ".join(dict.fromkeys(parts))
        figures = [_spread(variant.last(split)) for split in ("validation", "test")]
        words = (LABELS[variant.name], *figures, *counts, str(len(variant.cells)), versions)
        yield f"| {' | '.join(words)} |"


def _spread(values: Sequence[float]) -> str:
    spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{fmean(values):.3f}{spread}"


def goals(minutes: float, variants: Mapping[str, Variant]) -> Iterator[str]:
    """Yield how this search stands to the others, a sentence each, beside what it is to reach."""
    yield from doubts(variants)
    ours = variants[OURS]
    if busy := [cell["utilisation"] for cell in ours.cells if cell.get("utilisation")]:
        goal = f" (goal: 95 %, {_met(min(busy) >= 0.95)})" if minutes == 12 else ""
        yield f"Its workers were busy for {min(busy):.0%} to {max(busy):.0%} of their time{goal}."
    over_epochs, over_s = (mean_curve(ours.curves(axis)) for axis in ("epochs", "seconds"))
    others = [variants[name] for name in OTHERS if name in variants]
    if others:
        best = max(others, key=lambda other: fmean(other.last()))
        value, spent = fmean(best.last()), best.mean("epochs")
        epochs = first_at(over_epochs, value)
        reached = "is not reached"
        if epochs is not None:
            reached = f"is reached after {epochs:,.0f}, {epochs / max(spent, 1):.0%} of those"
        yield (
            f"The {value:.3f} that the best of the others ({LABELS[best.name]}) has after "
            f"{spent:,.0f} epochs {reached} (goal: at most a third, "
            f"{_met(epochs is not None and 3 * epochs <= spent)})."
        )
    if (before := variants.get(BEFORE)) and (value := fmean(before.last())):
        ratio, seconds = fmean(ours.last()) / value, first_at(over_s, value)
        reached = "not reached" if seconds is None else f"reached after {seconds / 60:.1f} minutes"
        goal = within = ""
        if minutes == 12:
            goal = f" (goal: 1.25 times, {_met(ratio >= 1.25)})"
            within = f" of it (goal: 4, {_met(seconds is not None and seconds <= 240)})"
        yield (
            f"It has {ratio:.2f} times the hypervolume of the release before{goal}, whose "
            f"{value:.3f} after {minutes:g} minutes is {reached}{within}."
        )
    if RANDOM in variants:
        drawn = variants[RANDOM]
        by_time = (over_s, mean_curve(drawn.curves("seconds")), 60 * minutes)
        both = min(ours.mean("epochs"), drawn.mean("epochs"))
        by_epochs = (over_epochs, mean_curve(drawn.curves("epochs")), both)
        yield _beside_random(*by_time, "time", "s")
        yield _beside_random(*by_epochs, "epochs", "epochs")


def doubts(variants: Mapping[str, Variant]) -> Iterator[str]:
    """Yield what is not measured, and in what cells that are compared are not equal."""
    wanted = [BEFORE, *OTHERS]
    if absent := [LABELS[name] for name in wanted if name not in variants]:
        yield f"Not measured here: {', '.join(absent)}."
    cells = [cell for variant in variants.values() for cell in variant.cells]
    here = [cell for cell in cells if cell["variant"] != BEFORE]
    for what, found in (
        ("machines", {cell["machine"] for cell in cells}),
        ("versions", {cell["version"].partition(",")[0] for cell in here}),
        ("plans", {cell["epochs_of_a_training"] for cell in here}),
        ("numbers of seeds", {len(variant.cells) for variant in variants.values()}),
    ):
        if len(found) > 1:
            yield f"Cells of different {what} are compared here."


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def _beside_random(ours: Curve, random: Curve, end: float, axis: str, unit: str) -> str:
    """Say how far and until when a curve is below that of random search, up to an end."""
    xs = [x for x in sorted({*ours.xs, *random.xs}) if x <= end]
    below = [(random.at(x) - ours.at(x), x) for x in xs if random.at(x) > ours.at(x)]
    if not below:
        return f"By {axis} it is never below random feasible search (goal: never, met)."
    later = [x for x in xs if x > below[-1][1]]
    until = f"until {later[0]:,.0f} {unit}" if later else "also at the end"
    return (
        f"By {axis} it is below random feasible search by up to {max(below)[0]:.3f}, {until} "
        "(goal: never, missed)."
    )


def picture(variants: Sequence[Variant], limit_s: float) -> bytes:
    """Draw hypervolume on validation and test clips, over minutes and over epochs, as PNG."""
    from matplotlib.figure import Figure

    with own_settings():
        figure = Figure(figsize=(11, 7.2), layout="constrained")
        panels = figure.subplots(2, 2, sharey="row", sharex="col")
        most = max(each.mean("epochs") for each in variants)
        ends = {"seconds": limit_s, "epochs": max(most, 1.0)}
        for row, split in zip(panels, ("validation", "test"), strict=True):
            for panel, axis, unit in zip(row, ends, (60.0, 1.0), strict=True):
                for variant in variants:
                    look = {"linewidth": 1.6, "label": LABELS[variant.name], **_LOOKS[variant.name]}
                    end = ends[axis] if axis == "seconds" else variant.mean(axis)
                    _draw(panel, variant.curves(axis, split), end, unit, look)
                panel.grid(visible=True)
                panel.set_xlim(0, ends[axis] / unit)
                panel.set_ylim(bottom=0)
            row[0].set_ylabel(f"hypervolume, {split} clips")
        panels[1][0].set_xlabel("minutes")
        panels[1][1].set_xlabel("epochs of all trainings")
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncol=4, frameon=False, labelcolor=DARK
        )
        (png,) = saved(figure, ("png",), _DPI)
    return png


def _draw(
    panel: Any, curves: Sequence[Curve], end: float, unit: float, look: Mapping[str, Any]
) -> None:
    """Draw the mean of some curves up to an end, and between which values they lie."""
    mean = mean_curve(curves)
    xs = [0.0, *(x for x in mean.xs if x < end), end]
    places = [x / unit for x in xs]
    panel.plot(places, [mean.at(x) for x in xs], drawstyle="steps-post", **look)
    if len(curves) > 1:
        lowest = [min(each.at(x) for each in curves) for x in xs]
        highest = [max(each.at(x) for each in curves) for x in xs]
        shade = {"color": look["color"], "alpha": 0.12, "linewidth": 0}
        panel.fill_between(places, lowest, highest, step="post", **shade)
