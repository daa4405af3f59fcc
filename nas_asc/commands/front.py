"""`nas-asc front`: the Pareto front of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas_asc.commands.console import json_option, print_json, print_table, print_text

if TYPE_CHECKING:
    from nas_asc.results import Summary


@click.command("front")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one column per choice.")
@json_option
def command(run: Path, as_csv: bool, as_json: bool) -> None:
    """Show the Pareto front of a run, finished or not."""
    from nas_asc.results import front_csv
    from nas_asc.search import load_front

    if as_csv and as_json:
        raise click.UsageError("expected one of --csv and --json, got both")
    summary = load_front(run)
    if as_json:
        print_json(summary.to_dict())
    elif as_csv:
        click.echo(front_csv(summary), nl=False)
    else:
        print_front(summary)


def print_front(summary: "Summary") -> None:
    """Print the fronts with what is needed to read them."""
    from nas_asc.results import columns, header, notes, sections

    for label, text in header(summary):
        print_text(f"{label:<8}{text}", 8)
    listed = [(title, points) for title, points in sections(summary) if points]
    every = [point for _, points in listed for point in points]
    used = columns(summary)
    rows = {point: [column.cell(point, summary) for column in used] for point in every}
    if not every:
        click.echo("\nno trial was trained to the end")
    for title, points in listed:
        click.echo(f"\n{title}")
        print_table(
            [column.title for column in used],
            [rows[point] for point in points],
            like=list(rows.values()),
            styles=["cyan" if point.model else None for point in points],
        )
    click.echo()
    for text in notes(summary):
        print_text(text)
