"""The front as a table: its columns, and the text for the terminal.

Where the terminal is too narrow for all columns, those that are left stand below in a table of
their own, as pandas has it. Names and descriptions are folded, numbers never cut.
"""

import io
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas_asc.complexity import MEASURES
from nas_asc.results.formatting import (
    architecture_caption,
    budget_caption,
    chance_accuracy,
    chance_log_loss,
    data_caption,
    fronts_caption,
    networks_caption,
    seed_captions,
    trials_caption,
)
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary
from nas_asc.units import format_count, format_duration

_RULED = Box("    \n    \n -- \n    \n -- \n -- \n    \n    \n", ascii=True)
_GAP, _INDENT = 2, 8


@dataclass(frozen=True)
class Column:
    """A column of the front: a title, and what stands there of a point.

    Attributes:
        folds_at: the width from which on words are folded; None of numbers, which never are.
    """

    title: str
    cell: Callable[[Point, Summary], str]
    justify: Literal["left", "right"] = "right"
    folds_at: int | None = None


COLUMNS = (
    Column("trial", lambda p, s: str(p.trial)),
    Column("report model", lambda p, s: p.model or "", "left", 24),
    Column("acc. %", lambda p, s: f"{100 * p.accuracy:.1f}"),
    Column("log loss", lambda p, s: f"{p.log_loss:.3f}"),
    Column("bytes", lambda p, s: f"{p.size_bytes:,}"),
    Column("KB", lambda p, s: f"{p.size_bytes / s.kb:,.1f}"),
    Column("front", lambda p, s: fronts_caption(s.on_front(p)), "left"),
    Column("params", lambda p, s: f"{p.params:,}"),
    Column("M MAC", lambda p, s: f"{p.counted_macs / 1e6:,.2f}"),
    Column("RAM KB", lambda p, s: f"{p.peak_activation_bytes / s.kb:,.1f}"),
    Column("stored", lambda p, s: p.precision, "left"),
    Column("zeros %", lambda p, s: f"{100 * p.sparsity:.0f}" if p.sparsity else "-"),
    Column(
        "architecture: mel | depth x width",
        lambda p, s: architecture_caption(p.choices),
        "left",
        33,
    ),
)


def sections(summary: Summary) -> list[tuple[str, tuple[Point, ...]]]:
    """Return the points to be listed, under headings: both fronts, and other report models."""
    error = summary.objective.replace("_", " ")
    other = "accuracy" if summary.objective == "log_loss" else "log loss"
    models = tuple(point for point in summary.reference if not summary.on_front(point))
    return [
        (f"front of size and {error}, smallest first", summary.front),
        (f"only on the front of size and {other}", summary.other_front),
        ("report models on neither front", models),
    ]


def header(summary: Summary) -> list[tuple[str, str]]:
    """Return what is needed to read the front: data, budget, space and chance, in words."""
    limits = summary.budget.limits()
    parts = [
        budget_caption(limit, summary.kb)
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
    """Return what else is to be said: ensembles, report models not trained, hypervolume, time."""
    lines = [
        f"{point.model}: {networks_caption(point.choices, summary.reference, summary.kb)}"
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
    if summary.hypervolume is not None:
        lines.append(
            f"hypervolume {summary.hypervolume:.3f} (share of log size x log loss below the "
            "budget and chance that the front covers)"
        )
    return [*lines, f"time {format_duration(summary.seconds)}"]


def front_text(summary: Summary, width: int = 80, colour: bool = False) -> str:
    """Write the fronts with what is needed to read them.

    Args:
        summary: what to write.
        width: of the terminal, in characters.
        colour: whether to add terminal colours; not for files and pipes.
    """
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for label, text in header(summary):
        first, *rest = _lines(text, width - _INDENT) or [""]
        console.print(Text.assemble((f"{label:<{_INDENT}}", "bold"), first))
        for line in rest:
            console.print(" " * _INDENT + line)
    shown = [(title, points) for title, points in sections(summary) if points]
    listed = [point for _, points in shown for point in points]
    if not listed:
        console.print("\nno trial was trained to the end")
    for columns in _blocks(listed, summary, width) if listed else ():
        for number, (title, points) in enumerate(shown):
            console.print(f"\n{title}" if number else "")
            console.print(_table(points, columns, listed, summary, show_header=number == 0))
    console.print()
    for text in notes(summary):
        for line in _lines(text, width, indent=2):
            console.print(line)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _lines(text: str, width: int, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _blocks(points: Sequence[Point], summary: Summary, width: int) -> Iterator[list[Column]]:
    """Share the columns that say something among tables that fit, each with the trial."""
    trial, *others = [c for c in COLUMNS if any(c.cell(p, summary).strip("-") for p in points)]
    block, left = [trial], width - _width(trial, points, summary)
    for column in others:
        needed = _GAP + _width(column, points, summary)
        if needed > left and len(block) > 1:
            yield block
            block, left = [trial], width - _width(trial, points, summary)
        block.append(column)
        left -= needed
    yield block


def _width(column: Column, points: Sequence[Point], summary: Summary) -> int:
    content = max(len(column.cell(point, summary)) for point in points)
    return max(len(column.title), min(content, column.folds_at or content))


def _table(
    shown: Sequence[Point],
    columns: Sequence[Column],
    points: Sequence[Point],
    summary: Summary,
    show_header: bool,
) -> Table:
    """Lay out some of the points in columns that are wide enough for all of them."""
    table = Table(
        box=_RULED,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        show_edge=False,
        show_header=show_header,
    )
    for column in columns:
        table.add_column(
            column.title,
            justify=column.justify,
            no_wrap=column.folds_at is None,
            overflow="fold",
            min_width=_width(column, points, summary),
        )
    for point in shown:
        cells = [Text(column.cell(point, summary)) for column in columns]
        table.add_row(*cells, style="cyan" if point.model else None)
    return table
