"""`nas-asc models ID`: one report model or ensemble on the terminal."""

from collections.abc import Mapping, Sequence

import click

from nas_asc.commands.layers import print_layers
from nas_asc.commands.model_drawing import model_diagram
from nas_asc.commands.output import print_table, print_text
from nas_asc.commands.report_text import (
    print_confusion,
    print_open_points,
    print_report_layers,
    print_results,
    print_training,
)
from nas_asc.diagram import Diagram
from nas_asc.ensemble import Ensemble
from nas_asc.model_words import headline, input_words
from nas_asc.reports import report_of
from nas_asc.rules import counting_rule
from nas_asc.space import ReportModel
from nas_asc.verification import COUNTED, MemberCost, Verification, member_costs, verify

_PRINTED = {
    "params": "parameters",
    "params_with_norms": "parameters with batch norm",
    "nonzero_params": "non-zero parameters",
    "size_kb": "KB",
    "unpruned_size_kb": "KB before pruning",
    "mmacs": "million MACs (torchinfo)",
}


def print_model(model: ReportModel | Ensemble) -> None:
    """Show a model or ensemble."""
    found, report = verify(model), report_of(model)
    print_text(f"{model.id}: {model.title}")
    if report.title:
        print_text(f"{report.authors}: {report.title}, {report.challenge}")
    else:
        print_text(f"report: {model.report or 'not named'}, of which nothing else is shipped")
    print_text(headline(found))
    networks = [m.model for m in model.members] if isinstance(model, Ensemble) else [model]
    _print_inputs(networks)
    for key, text in report.said(model.id).items():
        print_text(f"{key}: {text}")
    _print_numbers(found)
    if isinstance(model, Ensemble):
        _print_members(model, found)
    else:
        print_report_layers(report, model, found)
        _print_blocks(model_diagram(model))
        rule = counting_rule(model.rule)
        click.echo(f"\nlayers, as rule {rule.id} counts them")
        print_layers(model.architecture, model.classes, model.clip_s, rule)
    for network in networks:
        print_training(network.id, report)
    print_results(model.id, report)
    print_confusion(model.id, report)
    print_open_points(model.id, report)


def _print_inputs(networks: Sequence[ReportModel]) -> None:
    """Print what the networks are fed, those together that are fed the same."""
    readers: dict[str, list[str]] = {}
    for network in networks:
        frontend = network.architecture.frontend
        readers.setdefault(input_words(frontend, network.clip_s), []).append(network.id)
    for words, ids in readers.items():
        whose = f" of {' and '.join(ids)}" if len(networks) > 1 else ""
        print_text(f"input{whose}: {words}")


def _print_numbers(found: Verification) -> None:
    rows = [
        (_PRINTED[name], f"{printed:,}", _exact(COUNTED[name](found.complexity)), "")
        for name, printed in found.model.printed.items()
    ]
    if rows or found.model.note:
        click.echo()
    if rows:
        print_table(("", ">printed", ">counted", ""), rows)
    if found.model.note:
        print_text(f"note: {found.model.note}", 6)


def _exact(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _print_members(ensemble: Ensemble, found: Verification) -> None:
    click.echo("\nmembers: what all that are alike weigh and cost together, and each of them")
    rows = []
    for cost in member_costs(found):
        rows.append((f"{cost.number} x {cost.id}", *_costs(cost, cost.number)))
        if cost.number > 1:
            rows.append(("    each", *_costs(cost, 1)))
    total = found.complexity
    sums = (f"{total.counted_params:,}", f"{total.nonzero_params:,}", f"{found.size_kb:,.3f}")
    rows.append(("sum", f"{1:.1%}", *sums, f"{total.macs:,}", ""))
    print_table(("networks", ">weight", ">parameters", ">non-zero", ">KB", ">MACs", ""), rows)
    print_text("The class probabilities of the networks are averaged with these weights.")
    for member in ensemble.members:
        if member.class_map is not None:
            print_text(f"classes of {member.model.id}: {_class_map(member.class_map)}", 4)


def _costs(cost: MemberCost, number: int) -> tuple[str, ...]:
    """Write what so many networks of a member weigh and cost."""
    return (
        f"{number * cost.vote:.1%}",
        f"{number * cost.params:,}",
        f"{number * cost.nonzero:,}",
        f"{number * cost.size_kb:,.3f}",
        f"{number * cost.macs:,}",
        "",
    )


def _class_map(class_map: Mapping[str, str]) -> str:
    into: dict[str, list[str]] = {}
    for fine, coarse in class_map.items():
        into.setdefault(coarse, []).append(fine)
    return "; ".join(f"{' + '.join(fine)} = {coarse}" for coarse, fine in into.items())


def _print_blocks(shown: Diagram) -> None:
    click.echo("\nblocks")
    print_table(
        ("block", "", ">output", ">params", ">% of params", ">MACs", ">% of MACs", ""),
        [
            (
                block.name,
                "" if block.name == "input" else block.what,
                "x".join(map(str, block.rows[-1].shape)),
                f"{block.params:,}",
                f"{block.params / shown.params:.1%}",
                f"{block.macs:,}",
                f"{block.macs / shown.macs:.1%}",
                "",
            )
            for block in shown.blocks
            if block.name != "input" or block.params
        ],
    )
