"""The front of a run on stdout, as `front` and `search` print it."""

import sys

import click

from nas_asc.commands.output import width
from nas_asc.commands.terminal import styled
from nas_asc.rules import counting_rule
from nas_asc.summary import Summary


def print_front(summary: Summary) -> None:
    """Print the front as a table of the width of stdout."""
    from nas_asc.tables import front_text

    kb = counting_rule(summary.rule).kb
    click.echo(front_text(summary, kb, width(), styled(sys.stdout)), nl=False)
