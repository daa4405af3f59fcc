"""`nas-asc studies`: the shipped studies."""

import tomllib

import click

from nas_asc.commands.output import json_option, print_json, print_table
from nas_asc.library import shipped


@click.command("studies")
@json_option
def command(as_json: bool) -> None:
    """List the shipped studies: reproducible settings of a search."""
    studies = {
        name: tomllib.loads(path.read_text(encoding="utf-8"))
        for name, path in shipped("studies").items()
    }
    if as_json:
        print_json(studies)
        return
    print_table(
        ("study", ">trials", ">epochs", "sampler", "what it is"),
        [
            (name, s.get("trials"), s.get("epochs"), s.get("sampler"), s.get("title", ""))
            for name, s in studies.items()
        ],
    )
