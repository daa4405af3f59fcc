"""`nas-asc models`: the networks of the reports, printed against counted."""

import click

from nas_asc.commands.output import json_option, print_json, print_table
from nas_asc.library import report_models
from nas_asc.units import format_count
from nas_asc.verification import verify


@click.command("models")
@json_option
def command(as_json: bool) -> None:
    """List the report models: the numbers that their reports print against those counted."""
    rows = [verify(model).to_dict() for model, _ in report_models().values()]
    if as_json:
        print_json(rows)
        return
    print_table(
        (
            "model",
            "space",
            "rule",
            "input",
            ">params printed",
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
                ", ".join("x".join(map(str, shape)) for shape in row["input_shape"]),  # type: ignore[attr-defined]
                _printed(row["printed_params"]),
                f"{row['counted_params']:,}",
                _printed(row["printed_size_kb"]),
                f"{row['counted_size_kb']:.2f}",
                format_count(row["macs"]),  # type: ignore[arg-type]
                "yes" if row["match"] else f"no: {row['note']}",
            )
            for row in rows
        ],
    )


def _printed(value: object) -> str:
    return "-" if value is None else f"{value:,}"
