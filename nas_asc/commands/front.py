"""`nas-asc front`: the Pareto front of a run."""

from pathlib import Path

import click

from nas_asc.commands.console import print_json
from nas_asc.commands.front_table import print_front
from nas_asc.commands.options import json_option


@click.command("front")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one column per choice.")
@json_option
def command(run: Path, as_csv: bool, as_json: bool) -> None:
    """Show the Pareto front of a run, finished or not."""
    from nas_asc.front_data import front_csv
    from nas_asc.run_summary import load_front

    if as_csv and as_json:
        raise click.UsageError("expected one of --csv and --json, got both")
    summary = load_front(run)
    if as_json:
        print_json(summary.to_dict())
    elif as_csv:
        click.echo(front_csv(summary.front), nl=False)
    else:
        print_front(summary)
