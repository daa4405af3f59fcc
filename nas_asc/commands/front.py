"""`nas-asc front`: the Pareto front of a run."""

import shutil
import sys
from pathlib import Path

import click

from nas_asc.commands.output import json_option, print_json
from nas_asc.commands.terminal import styled
from nas_asc.rules import counting_rule


@click.command("front")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one column per choice.")
@json_option
def command(run: Path, as_csv: bool, as_json: bool) -> None:
    """Show the Pareto front of a run, finished or not."""
    from nas_asc.front_data import front_csv
    from nas_asc.study import load_front
    from nas_asc.tables import front_text

    if as_csv and as_json:
        raise click.UsageError("expected one of --csv and --json, got both")
    summary = load_front(run)
    if as_json:
        print_json(summary.to_dict())
    elif as_csv:
        click.echo(front_csv(summary.front), nl=False)
    else:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 140
        click.echo(front_text(summary, counting_rule(summary.rule).kb, width, styled(sys.stdout)))
