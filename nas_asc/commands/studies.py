"""`nas-asc studies`: the shipped studies."""

import tomllib

import click

from nas_asc.commands.copying import copy_shipped
from nas_asc.commands.output import json_option, print_json, print_table
from nas_asc.shipped import shipped


@click.command("studies", epilog="studies copy NAME FILE writes a copy of a study to edit.")
@click.argument("copied", nargs=-1, metavar="[copy NAME FILE]")
@json_option
@click.pass_context
def command(context: click.Context, copied: tuple[str, ...], as_json: bool) -> None:
    """List the shipped studies: reproducible settings of a search."""
    if copied:
        if copied[0] != "copy":
            raise click.UsageError(f"expected copy NAME FILE or nothing, got {' '.join(copied)}")
        copy_shipped(context, "studies", "study", copied[1:])
        return
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
