"""The front as a table for the terminal, as text of a given width.

Columns that do not fit are left out, the least telling first, and the description of the
architecture takes what is left; nothing wraps.
"""

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas_asc.budget import MEASURES
from nas_asc.captions import (
    architecture_caption,
    budget_caption,
    chance_accuracy,
    chance_log_loss,
    data_caption,
    networks_caption,
    seed_captions,
    shorten_name,
    trials_caption,
)
from nas_asc.pareto import Point
from nas_asc.summary import Summary
from nas_asc.units import format_count, format_duration

_RULED = Box("    \n    \n -- \n    \n -- \n -- \n    \n    \n", ascii=True)
_GAP = 2
_INDENT = 8
_LONGEST_MODEL = 24
_SHORTEST_ARCHITECTURE = 18
_ARCHITECTURE_TITLES = ("architecture: mel | depth x width", "architecture")


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Point, int], str]
    # Of two columns the one with the higher rank is the first to go.
    rank: int
    justify: Literal["left", "right"] = "right"


_COLUMNS = (
    _Column("trial", lambda p, kb: str(p.trial), 0),
    _Column("report model", lambda p, kb: shorten_name(p.model or "", _LONGEST_MODEL), 1, "left"),
    _Column("acc. %", lambda p, kb: f"{100 * p.accuracy:.1f}", 0),
    _Column("log loss", lambda p, kb: f"{p.log_loss:.3f}", 0),
    _Column("bytes", lambda p, kb: f"{p.size_bytes:,}", 0),
    _Column("KB", lambda p, kb: f"{p.size_bytes / kb:,.1f}", 2),
    _Column("params", lambda p, kb: f"{p.params:,}", 4),
    _Column("M MAC", lambda p, kb: f"{p.counted_macs / 1e6:,.2f}", 3),
    _Column("RAM KB", lambda p, kb: f"{p.peak_activation_bytes / kb:,.1f}", 6),
    _Column("stored", lambda p, kb: p.precision, 5, "left"),
    _Column("zeros %", lambda p, kb: f"{100 * p.sparsity:.0f}" if p.sparsity else "-", 7),
)


def front_text(summary: Summary, kb: int, width: int = 80, colour: bool = False) -> str:
    """Write the front with what is needed to read it.

    Args:
        summary: what to write.
        kb: bytes in a KB, by the counting rule.
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
    for label, text in _header(summary, kb):
        first, *rest = _lines(text, width - _INDENT) or [""]
        console.print(Text.assemble((f"{label:<{_INDENT}}", "bold"), first))
        for line in rest:
            console.print(" " * _INDENT + line)
    console.print()
    others = [point for point in summary.reference if point not in summary.front]
    points = [*summary.front, *others]
    if points:
        columns = _that_fit(points, kb, width)
        console.print(_table(summary.front, columns, points, kb, width))
    else:
        console.print("no trial was trained to the end")
    if others:
        console.print("\nreport models that are not on the front")
        console.print(_table(others, columns, points, kb, width, header=False))
    console.print()
    for text in _footer(summary, points, kb):
        for line in _lines(text, width, indent=2):
            console.print(line)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _lines(text: str, width: int, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _header(summary: Summary, kb: int) -> list[tuple[str, str]]:
    limits = summary.budget.limits()
    parts = [
        budget_caption(limit, kb) if name == "size_bytes" else f"{limit:,} {MEASURES[name].short}"
        for name, limit in limits.items()
    ]
    if summary.budget.precisions is not None:
        parts.append(f"stored as {' or '.join(summary.budget.precisions)}")
    return [
        ("data", data_caption(summary)),
        ("budget", f"{', '.join(parts) or 'none'}; KB = {kb} bytes, rule {summary.rule}"),
        ("space", f"{summary.space}, seed {summary.seed}, {trials_caption(summary)}"),
        (
            "chance",
            f"accuracy {100 * chance_accuracy(summary):.1f} %, "
            f"log loss {chance_log_loss(summary):.3f} (validation split)",
        ),
    ]


def _table(
    shown: Sequence[Point],
    columns: Sequence[_Column],
    points: Sequence[Point],
    kb: int,
    width: int,
    header: bool = True,
) -> Table:
    """Lay out some of the points in columns that are wide enough for all of them."""
    table = Table(
        box=_RULED, pad_edge=False, padding=(0, _GAP - 1, 0, 0), show_edge=False, show_header=header
    )
    for column in columns:
        content = _width(column, points, kb)
        table.add_column(column.title, justify=column.justify, no_wrap=True, min_width=content)
    left = width - sum(_width(column, points, kb) + _GAP for column in columns)
    described = left >= _SHORTEST_ARCHITECTURE
    if described:
        title = next(title for title in _ARCHITECTURE_TITLES if len(title) <= left)
        table.add_column(title, no_wrap=True)
    for point in shown:
        cells = [column.cell(point, kb) for column in columns]
        if described:
            cells.append(architecture_caption(point.choices, left))
        table.add_row(*cells, style="cyan" if point.model else None)
    return table


def _that_fit(points: Sequence[Point], kb: int, width: int) -> list[_Column]:
    """Leave out columns until the rest, and a short description, have room."""
    columns = [c for c in _COLUMNS if any(c.cell(p, kb).strip("-") for p in points)]
    while True:
        needed = sum(_width(column, points, kb) + _GAP for column in columns)
        last = max(columns, key=lambda column: column.rank)
        if needed + _SHORTEST_ARCHITECTURE <= width or last.rank <= 1:
            return columns
        columns.remove(last)


def _width(column: _Column, points: Sequence[Point], kb: int) -> int:
    return max(len(column.title), *(len(column.cell(point, kb)) for point in points))


def _footer(summary: Summary, points: Sequence[Point], kb: int) -> list[str]:
    lines = [
        f"{p.model}: {networks_caption(p.choices, summary.reference, kb)}"
        for p in points
        if "ensemble" in p.choices
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
    lines.append(f"time {format_duration(summary.seconds)}")
    return lines
