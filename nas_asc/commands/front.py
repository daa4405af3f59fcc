"""`nas-asc front`: the Pareto front of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas_asc.commands.console import print_json, stdout
from nas_asc.commands.options import json_option

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
    """Print the front as a table of the width of stdout."""
    from nas_asc.results import front_text

    console = stdout()
    click.echo(front_text(summary, console.width, console.color_system is not None), nl=False)
