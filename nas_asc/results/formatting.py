"""How results are put into words and tables, the same in terminals, pictures and pages.

Conventions: KB is what the counting rule takes it for. Text is plain ASCII, but for names that the
user chose.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from nas_asc.architectures import RECIPE
from nas_asc.complexity import MEASURES
from nas_asc.results.finals import SPLITS, Spread
from nas_asc.results.pareto import OBJECTIVES, Point
from nas_asc.results.summary import Summary
from nas_asc.units import format_count, format_duration, number_of


def size_caption(size_bytes: int, kb: int) -> str:
    """Return a size in the rule's KB: "30.5 KB"."""
    return f"{size_bytes / kb:.1f} KB" if size_bytes % kb else f"{size_bytes // kb} KB"


def is_synthetic(summary: Summary) -> bool:
    """Return whether the data are made, not recorded."""
    return str(summary.data.get("name", "")).lower().startswith("synthetic")


def data_caption(summary: Summary) -> str:
    """Return what the search saw: "esc10, 400 clips of 10 classes (train 240, ...)".

    Synthetic data are always called so.
    """
    name = str(summary.data.get("name", "unnamed data"))
    if is_synthetic(summary):
        name += " (made by a program, not recorded)"
    clips = summary.data.get("clips")
    text = name if clips is None else f"{name}, {clips:,} clips"
    if windows := summary.data.get("windows"):
        text += f" in {windows:,} windows"
    text += f" of {len(summary.classes)} classes"
    splits = summary.data.get("splits")
    if isinstance(splits, Mapping) and splits:
        text += f" ({', '.join(f'{split} {count:,}' for split, count in splits.items())})"
    return text


def trials_caption(summary: Summary) -> str:
    """Return how the trials ended: "48 trials: 40 trained, 6 stopped early, 2 failed"."""
    done, stopped, failed = (
        summary.trials.get(name, 0) for name in ("completed", "stopped_early", "failed")
    )
    total = done + stopped + failed
    parts = [f"{done:,} trained"]
    parts += [f"{stopped:,} stopped early"] if stopped else []
    parts += [f"{failed:,} failed"] if failed else []
    return f"{total:,} {'trial' if total == 1 else 'trials'}: {', '.join(parts)}"


def chance_accuracy(summary: Summary) -> float:
    """Return the macro accuracy of guessing, 0 to 1; 1 before the classes are known."""
    return 1 / max(len(summary.classes), 1)


def chance_log_loss(summary: Summary) -> float:
    """Return the log loss of guessing all classes alike, in nats; 0 before they are known."""
    return math.log(max(len(summary.classes), 1))


def fronts_caption(measures: Sequence[str]) -> str:
    """Return the fronts that a point is on: "log loss", "accuracy", "both" or "-"."""
    return "both" if len(measures) > 1 else "".join(measures).replace("_", " ") or "-"


def shorten(text: str, width: int) -> str:
    """Cut a text to a width, and show that it was cut."""
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".."[:width]


def shorten_name(name: str, width: int) -> str:
    """Cut a name to a width in its middle: where names are alike, their ends differ."""
    if len(name) <= width:
        return name
    end = max((width - 2) // 2, 0)
    return name[: max(width - 2 - end, 0)] + ".."[:width] + name[len(name) - end :]


def choices_by_section(choices: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Group choices by section: {"stage1": {"width": 12, ...}, ...}."""
    sections: dict[str, dict[str, object]] = {}
    for path, value in choices.items():
        section, _, name = path.rpartition(".")
        sections.setdefault(section, {})[name] = value
    return sections


def choices_in_words(
    choices: Mapping[str, object], points: Sequence[Point], kb: int
) -> list[tuple[str, str]]:
    """Return choices by section: [("stage1", "width 12, kernel 3x5"), ...].

    A choice that is in no section, such as the family, stands by its own name; an ensemble is its
    networks.

    Args:
        choices: by dotted path, as a point has them.
        points: what was trained, among it what an ensemble is made of.
        kb: bytes in a KB, by the counting rule.
    """
    if "ensemble" in choices:
        return [("ensemble", networks_caption(choices, points, kb))]
    words = []
    for section, values in choices_by_section(choices).items():
        if section:
            words.append((section, ", ".join(f"{key} {value}" for key, value in values.items())))
        else:
            words += [(key, str(value)) for key, value in values.items()]
    return words


def architecture_caption(choices: Mapping[str, object]) -> str:
    """Describe an architecture in a few words: "64 mel | 6 2x24 3x30", or "1 x a, 2 x b"."""
    if "ensemble" in choices:
        return str(choices["ensemble"])
    n_mels = None
    extents = []
    for name, values in choices_by_section(choices).items():
        if RECIPE in name.split("."):
            continue
        if name.endswith("frontend"):
            n_mels = values.get("n_mels")
        elif values.get("depth") != 0 and not name.endswith(("head", "compression")):
            extents.append("x".join(str(values[k]) for k in ("depth", "width") if k in values))
    parts = ["" if n_mels is None else f"{n_mels} mel", " ".join(filter(None, extents))]
    known = " | ".join(filter(None, parts))
    return known or ", ".join(f"{path}={value}" for path, value in choices.items())


def networks_caption(choices: Mapping[str, object], points: Sequence[Point], kb: int) -> str:
    """Return the networks of an ensemble: the size of each that was also trained, and its vote.

    "5 x ntu-vggnet, 1 x ntu-inceptionnet" becomes "5 x ntu-vggnet (34.5 KB each), 1 x
    ntu-inceptionnet (142.2 KB)". The vote is said only where networks weigh differently: "1 x
    srpol-c3multi (68.8 KB, 70 % of the vote)".
    """
    sizes = {
        name: size_caption(point.size_bytes, kb)
        for point in points
        for name in (point.model, f"trial {point.trial}")
    }
    networks = str(choices["ensemble"]).split(", ")
    votes = str(choices["votes"]).split(", ") if "votes" in choices else [""] * len(networks)
    parts = []
    for network, vote in zip(networks, votes, strict=True):
        number, _, model = network.partition(" x ")
        share = vote_caption(float(vote)) if vote else ""
        known = ", ".join(filter(None, [sizes.get(model), share]))
        each = "" if number == "1" else " each"
        parts.append(f"{network} ({known}{each})" if known else network)
    return ", ".join(parts)


def vote_caption(share: float) -> str:
    """Return the share of a vote: "70 % of the vote"."""
    return f"{100 * share:.3g} % of the vote"


def seed_captions(
    adapted: Sequence[Mapping[str, Any]],
    ensembles_skipped: Sequence[Mapping[str, Any]],
    skipped: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Return which report models are adapted to the data, and which are left out.

    Args:
        adapted: `Summary.seeds_adapted`; models with equal changes share a line.
        ensembles_skipped: as in `Summary`.
        skipped: `Summary.seeds_skipped`; models with the same reason share a line.
    """
    changed = [("; ".join(entry["changes"]), entry["model"]) for entry in adapted]
    why = [(str(entry["reason"]), entry["model"]) for entry in skipped]
    return [
        *(f"report models adapted to the data: {words}" for words in _alike(changed)),
        *(f"ensemble {e['ensemble']} is skipped: {e['reason']}" for e in ensembles_skipped),
        *(f"report models not trained: {words}" for words in _alike(why)),
    ]


def _alike(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Join the names of which the same is said: "a, b: what is said"."""
    names: dict[str, list[str]] = {}
    for said, name in pairs:
        names.setdefault(said, []).append(name)
    return [f"{', '.join(models)}: {said}" for said, models in names.items()]


class Column(NamedTuple):
    """A column of the front: a title, and what stands there of a point; numbers have a ">"."""

    title: str
    cell: Callable[[Point, Summary], str]


_COLUMNS = (
    Column(">trial", lambda p, s: str(p.trial)),
    Column("report model", lambda p, s: p.model or ("(ensemble)" if p.is_of_trials else "")),
    Column(">acc. %", lambda p, s: f"{100 * p.accuracy:.1f}"),
    Column(">log loss", lambda p, s: f"{p.log_loss:.3f}"),
    Column(">bytes", lambda p, s: f"{p.size_bytes:,}"),
    Column(">KB", lambda p, s: f"{p.size_bytes / s.kb:,.1f}"),
    Column("front", lambda p, s: fronts_caption(s.on_front(p))),
    Column(">params", lambda p, s: f"{p.params:,}"),
    Column(">M MAC", lambda p, s: f"{p.counted_macs / 1e6:,.2f}"),
    Column(">RAM KB", lambda p, s: f"{p.peak_activation_bytes / s.kb:,.1f}"),
    Column("stored", lambda p, s: p.precision),
    Column(">zeros %", lambda p, s: f"{100 * p.sparsity:.0f}" if p.sparsity else "-"),
    Column("architecture: mel | depth x width", lambda p, s: architecture_caption(p.choices)),
)
_BEFORE_FINALS = 7  # columns
_SHORT = {"validation": "val.", "test": "test", "log_loss": "loss", "accuracy": "%"}


def columns(summary: Summary) -> tuple[Column, ...]:
    """Return the columns of what is listed that have a value somewhere.

    Where points were trained again, with what came of it.
    """
    again: list[Column] = []
    for kind in summary.final_figures:
        for split, measure in product(SPLITS, OBJECTIVES):
            title = f">{_SHORT[split]} {_SHORT[measure]}, {kind}"
            again.append(Column(title, partial(_spread_cell, kind, split, measure)))
        again.append(Column(f"tie, {kind}", partial(_tie_cell, kind)))
    listed = [point for _, points in sections(summary) for point in points]
    every = (*_COLUMNS[:_BEFORE_FINALS], *again, *_COLUMNS[_BEFORE_FINALS:])
    return tuple(c for c in every if any(c.cell(p, summary).strip("-") for p in listed))


def _spread_cell(kind: str, split: str, measure: str, point: Point, summary: Summary) -> str:
    figures = summary.final_figures[kind].get(point.trial)
    return spread_caption(figures.spreads[split, measure], measure) if figures else ""


def _tie_cell(kind: str, point: Point, summary: Summary) -> str:
    figures = summary.final_figures[kind].get(point.trial)
    return ", ".join(map(str, figures.ties)) if figures else ""


def spread_caption(spread: Spread, measure: str) -> str:
    """Return mean and standard deviation: "0.612 +- 0.031", or of an accuracy "81.2 +- 1.4"."""
    factor, digits = (1, 3) if measure == "log_loss" else (100, 1)
    mean = f"{factor * spread.mean:.{digits}f}"
    return mean if spread.sd is None else f"{mean} +- {factor * spread.sd:.{digits}f}"


def sections(summary: Summary) -> list[tuple[str, tuple[Point, ...]]]:
    """Return the points to be listed, under headings: both fronts, and other report models."""
    error = summary.objective.replace("_", " ")
    other = "accuracy" if summary.objective == "log_loss" else "log loss"
    models, ensembles = (
        tuple(point for point in points if not summary.on_front(point))
        for points in (summary.reference, summary.ensembles)
    )
    return [
        (f"front of size and {error}, smallest first", summary.front),
        (f"only on the front of size and {other}", summary.other_front),
        ("report models on neither front", models),
        *([("ensembles of trials on neither front", ensembles)] if ensembles else []),
    ]


def header(summary: Summary) -> list[tuple[str, str]]:
    """Return what is needed to read the front: data, budget, space and chance, in words."""
    limits = summary.budget.limits()
    parts = [
        f"{size_caption(limit, summary.kb)} ({limit:,} B)"
        if name == "size_bytes"
        else f"{limit:,} {MEASURES[name].short}"
        for name, limit in limits.items()
    ]
    if summary.budget.precisions is not None:
        parts.append(f"stored as {' or '.join(summary.budget.precisions)}")
    budget = ", ".join(parts) or "none"
    chance = (
        f"accuracy {100 * chance_accuracy(summary):.1f} %, "
        f"log loss {chance_log_loss(summary):.3f} (validation split)"
    )
    return [
        ("data", data_caption(summary)),
        ("budget", f"{budget}; KB = {summary.kb} bytes, rule {summary.rule}"),
        ("space", f"{summary.space}, seed {summary.seed}, {trials_caption(summary)}"),
        ("chance", chance),
    ]


def notes(summary: Summary) -> list[str]:
    """Return what else is to be said: ensembles, models not trained, hypervolume, finals, time."""
    lines = [
        f"{point.model or f'trial {point.trial}'}: "
        f"{networks_caption(point.choices, summary.points, summary.kb)}"
        for _, points in sections(summary)
        for point in points
        if "ensemble" in point.choices
    ]
    binding: dict[str, list[str]] = {}
    for seed in summary.seeds_over_budget:
        text = f"{seed['model']} {seed['size_bytes']:,} B {format_count(seed['macs'])} MAC"  # type: ignore[arg-type]
        binding.setdefault(str(seed["binds"]), []).append(text)
    for limit, seeds in binding.items():
        noun = MEASURES[limit].noun if limit in MEASURES else limit
        lines.append(f"over the budget by {noun}, so not trained: {', '.join(seeds)}")
    lines += seed_captions(summary.seeds_adapted, summary.ensembles_skipped, summary.seeds_skipped)
    if resting := [point for point in summary.resting if point.model]:
        each = (
            f"{point.model} (accuracy {point.accuracy:.1%}, log loss {point.log_loss:.3f} after "
            f"{point.epochs} of {summary.epochs} epochs)"
            for point in resting
        )
        lines.append(f"report models trained in part: {', '.join(each)}")
    if later := [str(point.model) for point in summary.reference if point.after_end]:
        lines.append(f"report models trained when the search had ended: {', '.join(later)}")
    for ensemble in summary.ensembles_over_budget:
        binds = str(ensemble["binds"])
        limit = MEASURES[binds].noun if binds in MEASURES else binds
        lines.append(
            f"trial {ensemble['trial']}: an ensemble of trials over the budget of this search by "
            f"{limit}, so on no front"
        )
    if "windows" in summary.data:
        lines.append(
            f"accuracy and log loss are of clips, by the mean over their windows of "
            f"{summary.data['clip_s']:g} s; multiply-accumulates and RAM are of one window"
        )
    if summary.hypervolume is not None:
        lines.append(
            f"hypervolume {summary.hypervolume:.3f} (share of log size x "
            f"{'log loss' if summary.objective == 'log_loss' else '1 - accuracy'} below the budget "
            "and chance that the front covers)"
        )
    lines += _final_notes(summary)
    time = f"time {format_duration(summary.seconds)}"
    if summary.utilisation is not None:
        time += f"; workers were busy for {summary.utilisation:.0%} of this session"
    return [*lines, time]


def _final_notes(summary: Summary) -> list[str]:
    """Return what the figures of points that were trained again mean, and which are missing."""
    finals, lines = summary.finals, []
    for kind, asked in finals.asked.items() if finals else ():
        found = summary.final_figures.get(kind, {})
        front = [point.trial for point in summary.front_of_trials]
        done = {trial: found[trial].trainings if trial in found else 0 for trial in front}
        missing = ", ".join(f"trial {trial} {n}" for trial, n in done.items() if n < asked)
        lines.append(
            f"{kind}: each point of the front trained again, {number_of(asked, 'time')}"
            + (f" (so far {missing})" if missing else "")
            + ", mean +- standard deviation"
            + (f"; {finals.folds}, of which each tests once" if finals and kind == "folds" else "")
        )
    if figures := [each for found in summary.final_figures.values() for each in found.values()]:
        error = summary.objective.replace("_", " ")
        none = "" if any(each.ties for each in figures) else " (there is none)"
        lines.append(
            f"tie: trials whose means of {error} on validation clips differ by less than the "
            f"larger standard deviation{none}; nothing is chosen by figures of test clips"
        )
    return lines
