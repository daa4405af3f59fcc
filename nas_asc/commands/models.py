"""`nas-asc models`: the networks of the reports, printed against counted."""

import click

from nas_asc.commands.model import print_model, write_drawing
from nas_asc.commands.model_json import model_json
from nas_asc.commands.output import json_option, print_json, print_table, print_text, width
from nas_asc.errors import ConfigError
from nas_asc.library import report_ensembles, report_models
from nas_asc.targets import resolve
from nas_asc.units import format_count
from nas_asc.verification import Verification, verify


@click.command("models")
@click.argument("model", metavar="[ID]", required=False)
@click.option("--plot", metavar="FILE.svg",
              help="Draw the network into an SVG or PNG file; ID may also be RUN:TRIAL, "
                   "SPACE.toml:MODEL or an architecture.json.")  # fmt: skip
@json_option
def command(model: str | None, plot: str | None, as_json: bool) -> None:
    """List the report models and ensembles, printed numbers against counted, or show one.

    With ID: its layers as its report counts them, how it was trained, what it reached, and what
    the report leaves open.
    """
    if model is None:
        if plot is not None:
            raise click.UsageError("--plot: expected the ID of a model to draw, got none")
        verified = [verify(m) for m, _ in report_models().values()]
        verified += [verify(ensemble) for ensemble in report_ensembles().values()]
        if as_json:
            print_json([v.to_dict() for v in verified])
        else:
            _list(verified)
        return
    if plot is None or as_json:
        _expect_report_model(model)
    if plot is not None:
        write_drawing(model, plot)
    if as_json:
        print_json(model_json(model))
    elif plot is None:
        print_model(model)


def _expect_report_model(model: str) -> None:
    """Say what shows other networks, where a user points at one."""
    if model in report_models() or model in report_ensembles():
        return
    found = resolve(model)
    raise ConfigError(
        f"model: expected the ID of a report model, got {found.id} - nas-asc count {found.id} "
        "--layers shows its layers, nas-asc models with --plot draws it"
    )


def _list(verified: list[Verification]) -> None:
    if width() >= 124:
        _list_wide(verified)
    else:
        _list_narrow(verified)
    notes = [v.model.note for v in verified if v.model.note]
    if notes:
        click.echo()
    for number, note in enumerate(notes, 1):
        print_text(f"note {number}: {note}", 8)


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
                f"{row['counted_size_kb']:.1f}",
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
                f"{_number(row['printed_size_kb'])}\n{row['counted_size_kb']:.1f}",
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


def _number(value: object) -> str:
    return "-" if value is None else f"{value:,}"
