"""`nas-asc studies`: the shipped studies."""

import tomllib

import click

from nas_asc.commands.console import print_json, print_table
from nas_asc.commands.copy import CommandWithCopy, copy_command
from nas_asc.commands.options import json_option
from nas_asc.shipped import shipped


@click.group("studies", cls=CommandWithCopy, invoke_without_command=True,
             subcommand_metavar="| copy NAME FILE.toml")  # fmt: skip
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


command.add_command(copy_command("studies", "study"))
