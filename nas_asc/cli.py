"""The command line: finds a command, runs it, and turns errors into one line and an exit code.

Exit codes: 0 done, 2 wrong use or bad input, 3 nothing fits the budget, 4 finished with failed
trials only, 130 interrupted.
"""

import re
import sys
from importlib import import_module
from typing import Any

import click

from nas_asc.commands import COMMANDS
from nas_asc.commands.console import OutputLost, guard_streams, remark
from nas_asc.errors import NasAscError, nearest, printable

# What click says of wrong use, and the same as all errors say it; its other words are kept.
_USAGE = {
    r"Got unexpected extra arguments? \((.*)\)": r"expected nothing more, got \1",
    r"Option '(.*)' requires an argument": r"\1: expected a value, got nothing",
    r"Option '(.*)' does not take a value": r"\1: expected no value, got one",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"nas_asc.commands.{name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
    guard_streams()
    try:
        code = _run()
        sys.stdout.flush()
    except OutputLost as lost:
        code = _fail(str(lost), 2) if str(lost) else 0
    sys.exit(code)


def _run() -> int:
    try:
        code = cli.main(prog_name="nas-asc", standalone_mode=False)
    except NasAscError as error:
        return _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return 0
    except click.ClickException as error:
        return _fail(_usage(error), 2)
    except OSError as error:
        if error.filename is None:
            raise
        reason = (error.strerror or str(error)).lower()
        where = printable(error.filename)
        return _fail(f"{where}: expected a path that can be used, found {reason} - check it", 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        remark(f"error: {line}")
    return code


def _usage(error: click.ClickException) -> str:
    """Write wrong use in the order expected, got, what to do."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    text = error.format_message().rstrip(".")
    for pattern, replacement in _USAGE.items():
        text = re.sub(pattern, replacement, text)
    text = text[:1].lower() + text[1:]
    if isinstance(error, click.MissingParameter) and error.param is not None:
        text = f"expected {error.param.human_readable_name}, got nothing"
    elif isinstance(error, click.BadParameter) and error.param is not None:
        got, is_not, _ = error.message.partition(" is not ")
        if is_not:
            text = f"{error.param.opts[0]}: expected {_expected(error.param.type)}, got {got}"
    elif (word := re.match("no such command '(.*?)'", text)) and context is not None:
        group = context.command
        known = group.list_commands(context) if isinstance(group, click.Group) else []
        got = f"{word[1]!r}{nearest(word[1], known)}"
        text = f"expected a command ({', '.join(known)}), got {got}"
    elif isinstance(error, click.NoSuchOption) and context is not None:
        known = [name for option in context.command.get_params(context) for name in option.opts]
        got = error.option_name
        text = f"expected an option of {context.command_path}, got {got}{nearest(got, known)}"
    return f"{text} - see {context.command_path} --help" if context else text


def _expected(kind: "click.ParamType[Any]") -> str:
    if isinstance(kind, click.Choice):
        return f"one of {', '.join(kind.choices)}"
    if isinstance(kind, click.IntRange | click.FloatRange):
        number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
        if kind.max is None:
            return f"{number} of at least {kind.min:,}"
        return f"{number} from {kind.min:,} to {kind.max:,}"
    return f"a {kind.name}"
