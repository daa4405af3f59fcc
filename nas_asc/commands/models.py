"""`nas-asc models`: the networks of the reports, printed against counted."""

import click

from nas_asc.commands.console import print_json
from nas_asc.commands.options import json_option


@click.command("models")
@click.argument("model", metavar="[ID|SPACE.toml:MODEL]", required=False)
@click.option("--plot", metavar="FILE.svg",
              help="Draw the network into an SVG or PNG file; ID may also be RUN:TRIAL or an "
                   "architecture.json.")  # fmt: skip
@json_option
def command(model: str | None, plot: str | None, as_json: bool) -> None:
    """List the report models and ensembles, printed numbers against counted, or show one.

    With ID, or a model of your own space: its printed numbers against the counted ones, its layers
    as its report counts them, how it was trained, what it reached, and what the report leaves open.
    """
    from nas_asc.commands.models_table import print_models
    from nas_asc.reports import find_in_space, report_ensembles, report_models, verify

    if model is None:
        if plot is not None:
            raise click.UsageError("--plot: expected the ID of a model to draw, got none")
        verified = list(map(verify, report_models().values()))
        verified += map(verify, report_ensembles().values())
        if as_json:
            print_json([v.to_dict() for v in verified])
        else:
            print_models(verified)
        return
    from nas_asc.commands.model_drawing import write_drawing
    from nas_asc.commands.model_page import model_json, print_model

    shown = find_in_space(model) if plot is None or as_json else None
    if plot is not None:
        write_drawing(model, plot)
    if shown is not None and as_json:
        print_json(model_json(shown))
    elif shown is not None:
        print_model(shown)
