"""`nas-asc spaces`: the search spaces, and how much of one fits a budget."""

from math import log10

import click

from nas_asc.budget import parse_budget
from nas_asc.commands.copying import copy_shipped
from nas_asc.commands.output import console, json_option, print_json, print_table
from nas_asc.feasibility import feasibility
from nas_asc.library import load_space, shipped
from nas_asc.rules import counting_rule
from nas_asc.space import SearchSpace
from nas_asc.units import format_count


@click.command("spaces", epilog="spaces copy NAME FILE writes a copy of a space to edit.")
@click.argument("name", required=False)
@click.argument("copied", nargs=-1, metavar="")
@click.option("--budget", help="Estimate the share of the space that fits, such as 64KB,10MMAC.")
@click.option("--rule", default="plain", show_default=True, help="Counting rule.")
@click.option("--classes", type=click.IntRange(2), default=10, show_default=True)
@click.option("--clip", "clip_s", type=click.FloatRange(0.05), default=10.0, show_default=True,
              help="Clip length in seconds.")  # fmt: skip
@json_option
def command(
    name: str | None,
    copied: tuple[str, ...],
    budget: str | None,
    rule: str,
    classes: int,
    clip_s: float,
    as_json: bool,
) -> None:
    """List the search spaces, or describe one.

    NAME is a shipped space or the path of a TOML file.
    """
    if name == "copy":
        copy_shipped("search_spaces", "space", copied)
    elif copied:
        raise click.UsageError(f"expected one space, got {name} {' '.join(copied)}")
    elif name is None:
        _list(as_json)
    else:
        _describe(load_space(name), budget, rule, classes, clip_s, as_json)


def _list(as_json: bool) -> None:
    spaces = [load_space(name) for name in shipped("search_spaces")]
    if as_json:
        print_json(
            [
                {
                    "name": s.name,
                    "title": s.title,
                    "architectures": s.size(),
                    "models": list(s.models),
                }
                for s in spaces
            ]
        )
        return
    print_table(
        ("space", ">architectures", ">choices", "report models", "what it is"),
        [
            (
                space.name,
                f"10^{log10(space.size()):.1f}",
                len(space.parameters()),
                ", ".join(space.models),
                space.title,
            )
            for space in spaces
        ],
    )


def _describe(
    space: SearchSpace, text: str | None, rule_id: str, classes: int, clip_s: float, as_json: bool
) -> None:
    rule = counting_rule(rule_id)
    limited = text is not None or rule.max_bytes is not None
    budget = parse_budget(text, rule, with_limits=True) if limited else None
    found = feasibility(space, rule, budget, classes=classes, clip_s=clip_s)
    if as_json:
        print_json(
            {
                "name": space.name,
                "title": space.title,
                "architectures": space.size(),
                "choices": {p.path: list(p.options) for p in space.parameters()},
                "models": list(space.models),
                "rule": rule.id,
                "budget": budget.to_dict() if budget else None,
                "classes": classes,
                "clip_s": clip_s,
                "feasibility": found.to_dict(),
            }
        )
        return
    out = console()
    out.print(f"{space.name}: {space.title}")
    out.print(
        f"10^{log10(space.size()):.1f} architectures; report models: {', '.join(space.models)}"
    )
    print_table(
        ("choice", "options"),
        [(p.path, ", ".join(map(str, p.options))) for p in space.parameters()],
    )
    low, middle, high = found.size_bytes
    out.print(
        f"{found.draws:,} uniform draws, {classes} classes, clips of {clip_s:g} s, rule {rule.id}:"
    )
    out.print(f"  bytes {low:,} to {high:,}, median {middle:,}")
    low, middle, high = found.macs
    out.print(f"  MACs {format_count(low)} to {format_count(high)}, median {format_count(middle)}")
    if budget is not None:
        bottom, top = found.interval
        out.print(f"  {found.share:.1%} fit {budget} (95 % interval {bottom:.1%} to {top:.1%})")
        for limit, draws in found.binds.items():
            out.print(f"  {draws / found.draws:.1%} exceed {limit}")
