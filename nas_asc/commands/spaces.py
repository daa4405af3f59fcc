"""`nas-asc spaces`: the search spaces, and how much of one fits a budget."""

from collections.abc import Mapping
from math import log10
from random import Random

import click

from nas_asc.architectures import Architecture
from nas_asc.commands.console import (
    classes_option,
    clip_option,
    json_option,
    print_json,
    print_table,
    print_text,
    remark,
)
from nas_asc.commands.studies import CommandWithCopy, copy_command
from nas_asc.complexity import (
    MEASURES,
    Budget,
    Complexity,
    CountingRule,
    count,
    counting_rule,
    parse_budget,
)
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


@click.group("spaces", cls=CommandWithCopy, invoke_without_command=True,
             subcommand_metavar="| copy NAME FILE.toml")  # fmt: skip
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
    if name is not None:
        resolved = counting_rule(rule or "plain")
        clip_s = clip_s or resolved.clip_s or _CLIP_S
        space = load_space(name)
        ensembles_of(name)  # what is wrong with them is told with the space
        _describe(space, budget, resolved, classes or 10, clip_s, as_json)
        return
    of_one = {"--budget": budget, "--rule": rule, "--classes": classes, "--clip": clip_s}
    if given := " and ".join(option for option, value in of_one.items() if value is not None):
        known = ", ".join(shipped("search_spaces"))
        raise click.UsageError(f"{given}: expected a NAME too, one of {known} or a file")
    _list(as_json)


command.add_command(copy_command("search_spaces", "space"))


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


def _describe(
    space: SearchSpace,
    text: str | None,
    rule: CountingRule,
    classes: int,
    clip_s: float,
    as_json: bool,
) -> None:
    limited = text is not None or rule.max_bytes is not None
    budget = parse_budget(text, rule, with_limits=True) if limited else None
    found = feasibility(space, rule, budget, classes=classes, clip_s=clip_s)

    def measure(architecture: Architecture) -> Complexity:
        return count(architecture, classes, clip_s, rule)

    least = {name: smallest(space, measure, name, Random(0)) for name in shown_measures(budget)}
    if as_json:
        print_json(
            {
                **_facts(space),
                "rule": rule.id,
                "budget": budget.to_dict() if budget else None,
                "classes": classes,
                "clip_s": clip_s,
                "smallest": least,
                "feasibility": found.to_dict(),
            }
        )
    else:
        counted_for = f"{classes} classes, clips of {clip_s:g} s, rule {rule.id}"
        _print(space, budget, found, least, counted_for)
    if clips := rule.clip_remark(clip_s):
        remark(f"warning: {rule.id}: {clips}")
    if budget is not None and found.share == 0.0:
        check_that_something_fits(space, budget, measure)


def _print(
    space: SearchSpace,
    budget: Budget | None,
    found: Feasibility,
    least: Mapping[str, int],
    counted_for: str,
) -> None:
    print_text(f"{space.name}: {space.title}")
    print_text(f"{_size(space)} architectures; report models: {_models(space)}")
    click.echo()
    print_table(
        ("choice", "options"),
        [(p.path, ", ".join(map(_as_toml, p.options))) for p in space.parameters()],
    )
    click.echo()
    print_text(f"{found.draws:,} uniform draws, {counted_for}")
    rows = {name: (least[name], *getattr(found, name)) for name in least}
    print_table(
        ("", ">smallest reachable", ">smallest draw", ">median", ">largest draw"),
        [
            (MEASURES[name].short, *(_as_number(name, value) for value in values))
            for name, values in rows.items()
        ],
    )
    if budget is not None:
        _print_share(budget, found, least)


def _as_toml(option: object) -> str:
    return str(option).lower() if isinstance(option, bool) else str(option)


def _print_share(budget: Budget, found: Feasibility, least: Mapping[str, int]) -> None:
    bottom, top = found.interval
    share = _percent(found.share) if found.share else f"none of {found.draws:,} draws"
    print_text(f"{share} fit {budget} (95 % interval {_percent(bottom)} to {_percent(top)})")
    if not found.binds:
        print_text("  no limit binds: no draw exceeds one", 4)
    for place, (limit, draws) in enumerate(found.binds.items()):
        binds = ("", ", which binds", ", which binds most")[(place == 0) * min(2, len(found.binds))]
        print_text(f"  {_percent(draws / found.draws)} {_exceed(limit, least)}{binds}", 4)


def _exceed(limit: str, least: Mapping[str, int]) -> str:
    if limit == "precision":
        return "have a precision that the rule does not admit"
    smallest_reachable = _as_number(limit, least[limit])
    return f"exceed the limit on {MEASURES[limit].noun} (smallest reachable {smallest_reachable})"


def _as_number(measure: str, value: int) -> str:
    return format_count(value) if measure == "macs" else f"{value:,}"


def _percent(share: float) -> str:
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"
