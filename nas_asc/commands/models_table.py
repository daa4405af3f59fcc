"""`nas-asc models`: the table of all networks of the reports, printed against counted."""

import click

from nas_asc.commands.output import print_table, print_text, width
from nas_asc.units import format_count
from nas_asc.verification import Verification


def print_models(verified: list[Verification]) -> None:
    """Print a row or two for each, and below them the notes that explain differences."""
    if width() >= 124:
        _list_wide(verified)
    else:
        _list_narrow(verified)
    notes = [v.model.note for v in verified if v.model.note]
    if notes:
        click.echo()
    for number, note in enumerate(notes, 1):
        print_text(f"note {number}: {note}", 8)
    for text in _printed_macs(verified):
        print_text(text, 8)


def _list_wide(verified: list[Verification]) -> None:
    matches = _matches(verified)
    print_table(
        (
            "model",
            "space",
            "rule",
            ">params printed",
            ">counted",
            ">non-zero printed",
            ">counted",
            ">KB printed",
            ">counted",
            ">MACs",
            "match",
        ),
        [
            (
                row["id"],
                row["space"],
                row["rule"],
                _number(row["printed_params"]),
                _number(row["counted_params"]),
                _number(row["printed_nonzero"]),
                _number(row["counted_nonzero"]),
                _number(row["printed_size_kb"]),
                f"{row['counted_size_kb']:,.1f}",
                format_count(row["macs"]),  # type: ignore[arg-type]
                match,
            )
            for row, match in zip([v.to_dict() for v in verified], matches, strict=True)
        ],
    )


def _list_narrow(verified: list[Verification]) -> None:
    """Put the printed numbers over the counted ones."""
    print_table(
        ("model", "", ">parameters", ">non-zero", ">KB", ">MACs", "match"),
        [
            (
                f"{row['id']}\nrule {row['rule']}",
                "printed\ncounted",
                f"{_number(row['printed_params'])}\n{_number(row['counted_params'])}",
                f"{_number(row['printed_nonzero'])}\n{_number(row['counted_nonzero'])}",
                f"{_number(row['printed_size_kb'])}\n{row['counted_size_kb']:,.1f}",
                f"\n{format_count(row['macs'])}",  # type: ignore[arg-type]
                f"\n{match}",
            )
            for row, match in zip([v.to_dict() for v in verified], _matches(verified), strict=True)
        ],
    )


def _matches(verified: list[Verification]) -> list[str]:
    """Say of each whether every printed number agrees, or which note explains it."""
    noted = [v.model.id for v in verified if v.model.note]
    return [
        "yes" if v.match else f"note {noted.index(v.model.id) + 1}" if v.model.note else "no"
        for v in verified
    ]


def _printed_macs(verified: list[Verification]) -> list[str]:
    """Say which reports print multiply-accumulates, and what is counted as they count."""
    rows = [v.to_dict() for v in verified]
    return [
        f"{row['id']} prints {row['printed_mmacs']} M MACs too: torchinfo, which has the biases of "
        f"convolutions, counts {row['counted_mmacs']} M"
        for row in rows
        if row["printed_mmacs"] is not None
    ]


def _number(value: object) -> str:
    return "-" if value is None else f"{value:,}"
