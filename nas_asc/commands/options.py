"""Options that several commands take: one description of what each may be, and which were given."""

from collections.abc import Callable, Container
from typing import Any

import click
from click.core import ParameterSource

from nas_asc.domain import Domain
from nas_asc.errors import ConfigError
from nas_asc.vocabulary import MODEL_DOMAINS


def classes_option(**attributes: Any) -> Callable[[Any], Any]:
    """Give the option --classes."""
    return _number_option("--classes", "classes", MODEL_DOMAINS["classes"], **attributes)


def clip_option(**attributes: Any) -> Callable[[Any], Any]:
    """Give the option --clip."""
    return _number_option("--clip", "clip_s", MODEL_DOMAINS["clip_s"], **attributes)


def given_options(context: click.Context, names: Container[str | None] | None = None) -> str:
    """Name the options that a command was given, all of them or some: "--budget and --json"."""
    return " and ".join(
        parameter.opts[0]
        for parameter in context.command.params
        if isinstance(parameter, click.Option)
        and (names is None or parameter.name in names)
        and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    )


def _number_option(
    option: str, name: str, domain: Domain, **attributes: Any
) -> Callable[[Any], Any]:
    def read(_context: click.Context, _parameter: click.Parameter, text: str | None) -> object:
        if text is None:
            return None
        number = _number(text)
        if not domain.accepts(number):
            raise ConfigError(f"{option}: expected {domain.expected}, got {text!r}")
        return number

    return click.option(option, name, metavar="NUMBER", callback=read, **attributes)


def _number(text: str) -> object:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
