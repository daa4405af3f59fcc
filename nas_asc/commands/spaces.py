"""`nas-asc spaces`: the search spaces, and how much of one fits a budget."""

from collections.abc import Mapping
from functools import partial
from math import log10
from random import Random

import click

from nas_asc.commands.console import (
    classes_option,
    clip_option,
    json_option,
    print_json,
    print_table,
    print_text,
    remark,
)
from nas_asc.commands.studies import CommandWithCopy
from nas_asc.complexity import MEASURES, Budget, count, counting_rule, parse_budget
from nas_asc.reports import ensembles_of
from nas_asc.shipped import shipped
from nas_asc.spaces import (
    Feasibility,
    SearchSpace,
    check_that_something_fits,
    feasibility,
    load_space,
    shown_measures,
    smallest,
)
from nas_asc.units import format_count

_CLIP_S = 10.0  # where neither an option nor the rule says it


@click.command("spaces", cls=CommandWithCopy, kind="search_spaces", what="space")
@click.argument("name", required=False)
@click.option("--budget", help="Estimate the share of the space that fits, such as 64KB,10MMAC.")
@click.option("--rule", help="Counting rule; default: plain.")
@classes_option("10")
@clip_option(f"that of the rule, or {_CLIP_S:g}")
@json_option
def command(
    name: str | None,
    budget: str | None,
    rule: str | None,
    classes: int | None,
    clip_s: float | None,
    as_json: bool,
) -> None:
    """List the search spaces, describe one, or copy one into a file of your own to edit.

    NAME is a shipped space or the path of a TOML file.
    """
    if name is None:
        of_one = {"--budget": budget, "--rule": rule, "--classes": classes, "--clip": clip_s}
        if given := " and ".join(option for option, value in of_one.items() if value is not None):
            known = ", ".join(shipped("search_spaces"))
            raise click.UsageError(f"{given}: expected a NAME too, one of {known} or a file")
        _list(as_json)
        return
    used, space = counting_rule(rule or "plain"), load_space(name)
    classes, clip_s = classes or 10, clip_s or used.clip_s or _CLIP_S
    ensembles_of(name)  # what is wrong with them is told with the space
    limited = budget is not None or used.max_bytes is not None
    limits = parse_budget(budget, used, with_limits=True) if limited else None
    found = feasibility(space, used, limits, classes=classes, clip_s=clip_s)
    measure = partial(count, n_classes=classes, clip_s=clip_s, rule=used)
    least = {name: smallest(space, measure, name, Random(0)) for name in shown_measures(limits)}
    if as_json:
        print_json(
            {
                **_facts(space),
                "rule": used.id,
                "budget": limits.to_dict() if limits else None,
                "classes": classes,
                "clip_s": clip_s,
                "smallest": least,
                "feasibility": found.to_dict(),
            }
        )
    else:
        print_text(f"{space.name}: {space.title}")
        print_text(f"{_size(space)} architectures; report models: {_models(space)}")
        click.echo()
        choices = [(p.path, ", ".join(map(_as_toml, p.options))) for p in space.parameters()]
        print_table(("choice", "options"), choices)
        click.echo()
        counted_for = f"{classes} classes, clips of {clip_s:g} s, rule {used.id}"
        print_text(f"{found.draws:,} uniform draws, {counted_for}")
        _print_measures(found, least)
        if limits is not None:
            _print_share(limits, found, least)
    if clips := used.clip_remark(clip_s):
        remark(f"warning: {used.id}: {clips}")
    if limits is not None and found.share == 0.0:
        check_that_something_fits(space, limits, measure)


def _list(as_json: bool) -> None:
    spaces = [load_space(name) for name in shipped("search_spaces")]
    if as_json:
        keys = ("name", "title", "architectures", "models")
        print_json([{key: facts[key] for key in keys} for facts in map(_facts, spaces)])
        return
    print_table(
        ("space", ">architectures", ">choices", "what it is, and the report models in it"),
        [(s.name, _size(s), len(s.parameters()), f"{s.title}\n{_models(s)}") for s in spaces],
    )


def _facts(space: SearchSpace) -> dict[str, object]:
    return {
        "name": space.name,
        "title": space.title,
        "architectures": space.size(),
        "log10_architectures": log10(space.size()),
        "choices": {p.path: list(p.options) for p in space.parameters()},
        "models": list(space.models),
    }


def _models(space: SearchSpace) -> str:
    if space.families:
        return f"all of {', '.join(space.families)}"
    return ", ".join(space.models) or "none"


def _size(space: SearchSpace) -> str:
    size = space.size()
    return f"{size:,}" if size < 1_000_000 else f"10^{log10(size):.1f}"


def _as_toml(option: object) -> str:
    return str(option).lower() if isinstance(option, bool) else str(option)


def _print_measures(found: Feasibility, least: Mapping[str, int]) -> None:
    rows = []
    for name, smallest_reachable in least.items():
        values = (smallest_reachable, *getattr(found, name))
        rows.append((MEASURES[name].short, *(_as_number(name, value) for value in values)))
    columns = (">smallest reachable", ">smallest draw", ">median", ">largest draw")
    print_table(("", *columns), rows)


def _print_share(budget: Budget, found: Feasibility, least: Mapping[str, int]) -> None:
    bottom, top = map(_percent, found.interval)
    share = _percent(found.share) if found.share else f"none of {found.draws:,} draws"
    print_text(f"{share} fit {budget} (95 % interval {bottom} to {top})")
    if not found.binds:
        print_text("  no limit binds: no draw exceeds one", 4)
    for place, (limit, draws) in enumerate(found.binds.items()):
        binds = ("", ", which binds", ", which binds most")[(place == 0) * min(2, len(found.binds))]
        exceeded = "have a precision that the rule does not admit"
        if limit != "precision":
            reachable = f"smallest reachable {_as_number(limit, least[limit])}"
            exceeded = f"exceed the limit on {MEASURES[limit].noun} ({reachable})"
        print_text(f"  {_percent(draws / found.draws)} {exceeded}{binds}", 4)


def _as_number(measure: str, value: int) -> str:
    return format_count(value) if measure == "macs" else f"{value:,}"


def _percent(share: float) -> str:
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"
