"""Options that several commands take."""

from collections.abc import Callable
from math import isnan
from typing import Any

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value instead of a table."
)


class _Seconds(click.FloatRange):
    """A number between two bounds; click takes nan for one."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is not a number", param, ctx)
        return seconds


def classes_option(**attributes: Any) -> Callable[[Any], Any]:
    """Return the option --classes, with the bounds that a file has for `classes`."""
    return click.option("--classes", metavar="NUMBER", type=click.IntRange(2, 10_000), **attributes)


def clip_option(**attributes: Any) -> Callable[[Any], Any]:
    """Return the option --clip, with the bounds that a file has for `clip_s`."""
    return click.option(
        "--clip", "clip_s", metavar="NUMBER", type=_Seconds(0.01, 3600), **attributes
    )
