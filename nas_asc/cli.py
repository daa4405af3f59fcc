"""The command line: finds a command, runs it, and turns errors into one line and an exit code.

Exit codes: 0 done, 2 wrong use or bad input, 3 nothing fits the budget, 4 finished with failed
trials only, 130 interrupted.
"""

import sys
from importlib import import_module

import click

from nas_asc.commands.streams import OutputLost, guard_streams
from nas_asc.commands.terminal import fitted
from nas_asc.errors import NasAscError, nearest

# Each command's module is imported when it is asked for, so that none waits for another's imports.
COMMANDS = {
    "search": "nas_asc.commands.search",
    "front": "nas_asc.commands.front",
    "models": "nas_asc.commands.models",
    "count": "nas_asc.commands.count",
    "spaces": "nas_asc.commands.spaces",
    "rules": "nas_asc.commands.rules",
    "studies": "nas_asc.commands.studies",
    "data": "nas_asc.commands.data",
}


class Commands(click.Group):
    """The commands in the order of a user's way through them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Give the names of all commands."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            raise click.UsageError(
                f"expected a command ({', '.join(COMMANDS)}), got {name!r}{nearest(name, COMMANDS)}"
            )
        command: click.Command = import_module(COMMANDS[name]).command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nas-asc", message="nas-asc %(version)s")
def cli() -> None:
    """Search for small audio classifiers under a hard size budget.

    \b
    nas-asc search --budget 128KB --space mbconv                on built-in synthetic scenes
    nas-asc search --budget 128KB --space mbconv --data ESC-10/ on your recordings
    nas-asc count deepsound-160                                 what a network costs
    """  # noqa: D301  # click's \b keeps the lines


def main() -> None:
    """Run the command line."""
    try:
        guard_streams()
        code = _run()
        sys.stdout.flush()
    except OutputLost as lost:
        code = _fail(str(lost), 2) if lost.reason else 0  # a pipe's reader may have seen enough
    sys.exit(code)


def _run() -> int:
    try:
        code = cli.main(prog_name="nas-asc", standalone_mode=False)
    except NasAscError as error:
        return _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)  # of usage errors only
        help_hint = f" - see {context.command_path} --help" if context else ""
        return _fail(_lower(error.format_message()) + help_hint, 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        click.echo(fitted(f"error: {line}", sys.stderr), err=True)
    return code


def _lower(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")
