"""`nas-asc studies`: the shipped studies; and `copy NAME FILE`, which `nas-asc spaces` has too."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from nas_asc.commands.console import json_option, print_json, print_table, remark
from nas_asc.errors import ConfigError
from nas_asc.shipped import find, shipped


class CommandWithCopy(click.Command):
    """A command that copies a shipped file where its first word is `copy`.

    Attributes:
        kind: of files, "search_spaces" or "studies".
        what: the option that takes such a file, "space" or "study".
    """

    def __init__(self, *args: Any, kind: str, what: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        text = f"Copy a shipped {what} into a file of your own, to edit."

        @click.command("copy", help=text)
        @click.argument("name")
        @click.argument("file", type=click.Path(path_type=Path), metavar="FILE.toml")
        def copy(name: str, file: Path) -> None:
            _copy(find(kind, name, what), file)
            used = file if len(file.parts) > 1 else f"./{file}"
            remark(f"wrote {file}; use it with --{what} {used}")

        self.copy = copy

    def make_context(
        self, info_name: str | None, args: list[str], *parent: Any, **extra: Any
    ) -> click.Context:
        """Parse the words of the command or of the copy."""
        if args[:1] == ["copy"]:
            return self.copy.make_context(f"{info_name} copy", args[1:], *parent, **extra)
        return super().make_context(info_name, args, *parent, **extra)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words of the usage line."""
        return [*super().collect_usage_pieces(ctx), "| copy NAME FILE.toml"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and the copy below them."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([("copy", self.copy.help or "")])


def _copy(source: Path, file: Path) -> None:
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
        reason = (error.strerror or str(error)).lower()
        text = f"a file that can be written, found: {reason} - give another place"
        if isinstance(error, FileNotFoundError) and not file.parent.is_dir():
            text = f"a folder {file.parent}, there is none - create it"
        raise ConfigError(f"{file}: expected {text}") from None


@click.command("studies", cls=CommandWithCopy, kind="studies", what="study")
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
