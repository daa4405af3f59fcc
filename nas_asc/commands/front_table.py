"""The front of a run on stdout, as `front` and `search` print it."""

import click

from nas_asc.commands.console import stdout
from nas_asc.rules import counting_rule
from nas_asc.summary import Summary


def print_front(summary: Summary) -> None:
    """Print the front as a table of the width of stdout."""
    from nas_asc.tables import front_text

    console = stdout()
    kb = counting_rule(summary.rule).kb
    click.echo(front_text(summary, kb, console.width, console.color_system is not None), nl=False)
