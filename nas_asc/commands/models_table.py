"""`nas-asc models`: the table of all networks of the reports, printed against counted."""

import click

from nas_asc.commands.console import print_table, print_text, width
from nas_asc.reports import Verification
from nas_asc.units import format_count

_PAIRS = {"params": "params", "nonzero": "non-zero", "size_kb": "KB"}


def print_models(verified: list[Verification]) -> None:
    """Print a row for each, or two, and below them the notes that explain differences."""
    noted = [v.model.id for v in verified if v.model.note]
    rows = []
    for v in verified:
        row = v.to_dict()
        pairs = [
            (_number(row[f"printed_{name}"]), _number(row[f"counted_{name}"])) for name in _PAIRS
        ]
        pairs[-1] = (pairs[-1][0], f"{v.size_kb:,.1f}")
        note = f"note {noted.index(v.model.id) + 1}" if v.model.note else "no"
        ends = (format_count(v.complexity.macs), "yes" if v.match else note)
        rows.append((str(row["id"]), str(row["space"]), str(row["rule"]), pairs, ends))
    if width() >= 124:
        headings = [h for what in _PAIRS.values() for h in (f">{what} printed", ">counted")]
        print_table(
            ("model", "space", "rule", *headings, ">MACs", "match"),
            [
                (name, space, rule, *(number for pair in pairs for number in pair), *ends)
                for name, space, rule, pairs, ends in rows
            ],
        )
    else:
        print_table(
            ("model", "", ">parameters", ">non-zero", ">KB", ">MACs", "match"),
            [
                (f"{name}\nrule {rule}", "printed\ncounted", *map("\n".join, pairs),
                 *(f"\n{end}" for end in ends))
                for name, _, rule, pairs, ends in rows
            ],
        )  # fmt: skip
    _print_notes(verified)


def _print_notes(verified: list[Verification]) -> None:
    """Print the notes, and which reports print multiply-accumulates."""
    notes = [v.model.note for v in verified if v.model.note]
    if notes:
        click.echo()
    for number, note in enumerate(notes, 1):
        print_text(f"note {number}: {note}", 8)
    for row in (v.to_dict() for v in verified):
        if row["printed_mmacs"] is not None:
            print_text(
                f"{row['id']} prints {row['printed_mmacs']} M MACs too: torchinfo, which has the "
                f"biases of convolutions, counts {row['counted_mmacs']} M",
                8,
            )


def _number(value: object) -> str:
    return "-" if value is None else f"{value:,}"
