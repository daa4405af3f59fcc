"""`nas-asc studies`: the shipped studies; and `copy NAME FILE`, which `nas-asc spaces` has too."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from nas_asc.commands.console import json_option, print_json, print_table, remark
from nas_asc.errors import ConfigError
from nas_asc.shipped import find, shipped


class CommandWithCopy(click.Group):
    """A command with a subcommand; its own parameters are read unless the first word names that."""

    allow_interspersed_args = True

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the words of the command or of its subcommand."""
        below = self.commands.get(args[0]) if args else None
        if below is None:
            return super().make_context(info_name, args, parent, **extra)
        return below.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse words behind the command's own."""
        raise click.UsageError(f"expected nothing more, got {' '.join(args)}", ctx)


def copy_command(kind: str, what: str) -> click.Command:
    """Build the subcommand that copies a shipped file of a kind.

    Args:
        kind: "search_spaces" or "studies".
        what: the option that takes such a file, "space" or "study".
    """

    @click.command("copy", help=f"Copy a shipped {what} into a file of your own, to edit.")
    @click.argument("name")
    @click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
    def copy(name: str, file: Path) -> None:
        source = find(kind, name, what)
        if file.suffix != ".toml":
            raise ConfigError(f"{file}: expected a file name that ends in .toml - give such a name")
        content = source.read_bytes()
        try:
            with file.open("xb") as target:
                target.write(content)
        except FileExistsError:
            raise ConfigError(f"{file}: expected a new file, it exists - give another") from None
        except OSError as error:
            with suppress(OSError):
                file.unlink()  # half a file is of no use
            raise ConfigError(_refusal(file, error)) from None
        used = file if len(file.parts) > 1 else f"./{file}"
        remark(f"wrote {file}; use it with --{what} {used}")

    return copy


def _refusal(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return f"{path}: expected a folder {path.parent}, there is none - create it"
    found = (error.strerror or str(error)).lower()
    return f"{path}: expected a file that can be written, found: {found} - give another place"


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
