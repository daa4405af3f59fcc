"""`nas-asc models ID`: a network or ensemble with what its report says, as text and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import click

from nas_asc.commands.console import print_table, print_text
from nas_asc.commands.count import in_brackets, layers_json, print_layers
from nas_asc.complexity import Counted, counting_rule, layer_table
from nas_asc.reports import (
    COUNTED,
    Ensemble,
    Report,
    ReportRow,
    Verification,
    count_members,
    ensemble_with,
    headline,
    input_words,
    layers_source,
    load_report,
    report_rows,
    verify,
)
from nas_asc.results import Diagram, diagram
from nas_asc.spaces import ReportModel
from nas_asc.units import format_shape

_ARROW = "\N{RIGHTWARDS ARROW}"
_HEADINGS = {"accuracy": ">accuracy, %", "log_loss": ">log loss"}
_PRINTED = {
    "params": "parameters",
    "params_with_norms": "parameters with batch norm",
    "nonzero_params": "non-zero parameters",
    "size_kb": "KB",
    "unpruned_size_kb": "KB before pruning",
    "mmacs": "million MACs (torchinfo)",
}


def print_model(model: ReportModel | Ensemble) -> None:
    """Print everything that is known of a model or ensemble."""
    found, report = verify(model), load_report(model.report)
    networks = [m.model for m in model.members] if isinstance(model, Ensemble) else [model]
    print_text(f"{model.id}: {model.title}")
    if report.title:
        print_text(f"{report.authors}: {report.title}, {report.challenge}")
    else:
        print_text(f"report: {model.report or 'not named'}, of which nothing else is shipped")
    print_text(headline(found))
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
        print_layers(layer_table(model.architecture, model.classes, model.clip_s, rule), rule)
    for network in networks:
        _print_training(network.id, report)
    _print_results(model.id, report)
    _print_confusion(model.id, report)
    _print_open_points(model.id, report)


def _print_inputs(networks: Sequence[ReportModel]) -> None:
    """Print what the networks are fed, those together that are fed the same."""
    readers: dict[str, list[str]] = {}
    for network in networks:
        words = input_words(network.architecture.frontend, network.clip_s)
        readers.setdefault(words, []).append(network.id)
    for words, ids in readers.items():
        whose = f" of {' and '.join(ids)}" if len(networks) > 1 else ""
        print_text(f"input{whose}: {words}")


def _print_numbers(found: Verification) -> None:
    rows = []
    for name, printed in found.model.printed.items():
        counted = COUNTED[name](found.complexity)
        exact = f"{counted:,}" if isinstance(counted, int) else f"{counted:,.3f}"
        rows.append((_PRINTED[name], f"{printed:,}", exact))
    if rows or found.model.note:
        click.echo()
    if rows:
        print_table(("", ">printed", ">counted"), rows)
    if found.model.note:
        print_text(f"note: {found.model.note}", 6)


def _print_members(ensemble: Ensemble, found: Verification) -> None:
    click.echo("\nmembers: what all that are alike weigh and cost together, and each of them")
    rows = []
    counted = count_members(ensemble)
    for member, vote, one in zip(ensemble.members, ensemble.votes, counted, strict=True):
        rows.append((f"{member.number} x {member.model.id}", *_costs(member.number, vote, one)))
        if member.number > 1:
            rows.append(("    each", *_costs(1, vote, one)))
    rows.append(("sum", *_costs(1, 1.0, found.complexity)))
    print_table(("networks", ">weight", ">parameters", ">non-zero", ">KB", ">MACs"), rows)
    print_text("The class probabilities of the networks are averaged with these weights.")
    for member in ensemble.members:
        if member.class_map is not None:
            into: dict[str, list[str]] = {}
            for fine, coarse in member.class_map.items():
                into.setdefault(coarse, []).append(fine)
            sums = [f"{' + '.join(fine)} = {coarse}" for coarse, fine in into.items()]
            print_text(f"classes of {member.model.id}: {'; '.join(sums)}", 4)


def _costs(number: int, vote: float, counted: Counted) -> tuple[str, ...]:
    """Return what so many networks weigh and cost."""
    return (
        f"{number * vote:.1%}",
        f"{number * counted.counted_params:,}",
        f"{number * counted.nonzero_params:,}",
        f"{number * counted.size_bytes / counted.rule.kb:,.3f}",
        f"{number * counted.macs:,}",
    )


def _print_blocks(shown: Diagram) -> None:
    click.echo("\nblocks")
    print_table(
        ("block", "", ">output", ">params", ">% of params", ">MACs", ">% of MACs"),
        [
            (
                block.name,
                "" if block.name == "input" else block.what,
                format_shape(block.rows[-1].shape),
                f"{block.params:,}",
                f"{block.params / shown.params:.1%}",
                f"{block.macs:,}",
                f"{block.macs / shown.macs:.1%}",
            )
            for block in shown.blocks
            if block.name != "input" or block.params
        ],
    )


def print_report_layers(report: Report, model: ReportModel, found: Verification) -> None:
    """Print the rows of the report's own layer table, printed against counted."""
    source = layers_source(report, model.id)
    if source is None:
        return
    click.echo()
    if rows := report_rows(report, model):
        print_text(f"layers as the report prints them: {source}")
        _print_report_rows(rows, found)
    else:
        has_rows = "rows" in report.layers[model.id]
        what = "prints those of a network with other layers" if has_rows else "prints no layers"
        print_text(f"The report {what}: {source}.")


def _print_report_rows(rows: Sequence[ReportRow], found: Verification) -> None:
    printed, counted = found.model.printed, found.complexity
    params = or_dash(printed.get("params"))
    columns: list[list[Any]] = [  # a heading, the cells, and most with a total below
        ["\nrow", *(row.name for row in rows), "total"],
        ["\nkernel", *(row.window for row in rows)],
        [">output\nprinted", *(row.printed_output for row in rows)],
        [">\noutput", *(format_shape(row.output or ()) for row in rows)],
        [">params\nprinted", *(or_dash(row.printed_params) for row in rows), params],
        [">\ncounted", *(f"{row.counted_params:,}" for row in rows), f"{counted.counted_params:,}"],
    ]
    if any(row.printed_nonzero is not None for row in rows):
        left = [in_brackets(or_dash(row.printed_nonzero), row.in_nonzero_count) for row in rows]
        right = [in_brackets(f"{row.counted_nonzero:,}", row.in_nonzero_count) for row in rows]
        columns += [
            [">non-zero\nprinted", *left, or_dash(printed.get("nonzero_params"))],
            [">\ncounted", *right, f"{counted.nonzero_params:,}"],
        ]
    sizes = [row.printed_bytes for row in rows]
    has_bytes = any(size is not None for size in sizes)
    # What is printed below them; nothing where some are of another network.
    printed_kb = None if None in sizes else printed.get("size_kb")
    if has_bytes:
        kb = "-" if printed_kb is None else f"{printed_kb:,} KB"
        columns += [
            [">bytes\nprinted", *map(or_dash, sizes), kb],
            [">\ncounted", *(f"{row.counted_bytes:,}" for row in rows), f"{found.size_kb:.3f} KB"],
        ]
    columns.append(["\nlayers", *(_layers(row.layers) for row in rows)])
    columns = [column for column in columns if any(column[1:])]
    print_table([c[0] for c in columns], list(zip_longest(*(c[1:] for c in columns))))
    if any(row.counted_nonzero and not row.in_nonzero_count for row in rows):
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    if has_bytes:
        text = f"{counted.size_bytes:,} bytes / {counted.rule.kb} = {found.size_kb:.3f} KB"
        if printed_kb is not None:
            agrees = found.agrees("size_kb")
            verdict = "which rounds to the printed" if agrees else "not the printed"
            text = f"{text}, {verdict} {printed_kb:,} KB"
        print_text(f"(total: {text})")


def or_dash(value: object) -> str:
    """Write a number, or a dash where there is none."""
    return "-" if value is None else f"{value:,}"


def _layers(names: Sequence[str]) -> str:
    """List the first and the last, the last without what it has in common with the first."""
    if len(names) < 2:
        return names[0] if names else "-"
    block, _, last = names[-1].rpartition(".")
    return f"{names[0]} to {last if names[0].startswith(f'{block}.') else names[-1]}"


def _print_training(model_id: str, report: Report) -> None:
    if model_id not in report.training:
        return
    click.echo(f"\ntraining of {model_id}, as the report says")
    settings = report.training[model_id]
    beside = max(map(len, settings)) + 2
    for key, value in settings.items():
        for number, text in enumerate(value if isinstance(value, list) else [value]):
            name = "" if number else key.replace("_", " ")
            print_text(f"  {name:<{beside}}{text}", beside + 2)


def _print_results(model_id: str, report: Report) -> None:
    """Print what a network reached beside the baseline of the report."""
    ensemble = ensemble_with(model_id)
    if model_id not in report.results:
        if ensemble:
            click.echo("\nreported results")
            print_text(f"  only inside the ensemble, see nas-asc models {ensemble.id}")
        return
    rows = [(row.get("system"), row) for row in report.results[model_id]]
    rows += [(report.baseline["name"], row) for row in report.baseline.get("rows", ())]
    names = []
    for system, row in rows:
        of = f"{row['of']} ({row['source']})" if "source" in row else row["of"]
        names.append(f"{system}: {of}" if system else of)
    click.echo("\nreported results")
    columns = [c for c in _HEADINGS if any(c in row for _, row in rows)]
    texts = [as_printed([row.get(c) for _, row in rows], c == "accuracy") for c in columns]
    print_table(("of", *(_HEADINGS[c] for c in columns)), list(zip(names, *texts, strict=True)))
    if ensemble:
        print_text(f"(of the ensemble that it is a member of: nas-asc models {ensemble.id})")


def as_printed(values: Iterable[Decimal | None], percent: bool = False) -> list[str]:
    """Write numbers, or shares in percent, with the digits that they are printed with.

    Points stand one below the other; None is what is not printed.
    """
    texts = ["-" if v is None else f"{v.scaleb(2) if percent else v:f}" for v in values]
    split = [(whole, point + digits) for whole, point, digits in (t.partition(".") for t in texts)]
    places = max(len(tail) for _, tail in split)
    return [whole if whole == "-" else whole + tail.ljust(places) for whole, tail in split]


def _print_confusion(model_id: str, report: Report) -> None:
    for matrix in report.confusion:
        if matrix["of"] != model_id:
            continue
        system = f", {matrix['system']}" if "system" in matrix else ""
        click.echo(f"\nconfusion matrix of the best run{system}, in %: a column per true class")
        names = matrix["classes"]
        texts = iter(as_printed([share for row in matrix["rows"] for share in row], percent=True))
        rows = [(name, *(next(texts) for _ in names)) for name in names]
        print_table(("predicted", *(f">{name}" for name in names)), rows)


def _print_open_points(model_id: str, report: Report) -> None:
    """Print what does not agree or is not given: first of this network, then of the report."""
    for title, of_one in (
        (f"open points of {model_id}", True),
        ("open points of the report", False),
    ):
        points = [p for p in report.open_points_of(model_id) if ("of" in p) is of_one]
        if points:
            click.echo(f"\n{title}")
        for point in points:
            print_text(f"  {point['where']}: {point['printed']}", 4)
            print_text(f"    {_ARROW} {point['resolution']}", 6)


def model_json(model: ReportModel | Ensemble) -> dict[str, object]:
    """Return everything that is known of a model or ensemble."""
    found, report = verify(model), load_report(model.report)
    if isinstance(model, Ensemble):
        networks = [member.model for member in model.members]
        own: dict[str, object] = {"members": _members(model)}
    else:
        networks = [model]
        own = _network(model, report)
    source = {"title": report.title, "authors": report.authors, "challenge": report.challenge}
    return {
        **found.to_dict(),
        "title": model.title,
        "clip_s": model.clip_s,
        "printed": dict(model.printed),
        "inputs": {n.id: input_words(n.architecture.frontend, n.clip_s) for n in networks},
        **own,
        "training": {n.id: report.training.get(n.id, {}) for n in networks},
        "results": report.results.get(model.id, ()),
        "baseline": report.baseline,
        "confusion": [m for m in report.confusion if m["of"] == model.id],
        "open_points": report.open_points_of(model.id),
        "source": {**source, **report.said(model.id)} if report.title else None,
    }


def _network(model: ReportModel, report: Report) -> dict[str, object]:
    rule, ensemble = counting_rule(model.rule), ensemble_with(model.id)
    return {
        "choices": dict(model.architecture.choices),
        "layers": layers_json(layer_table(model.architecture, model.classes, model.clip_s, rule)),
        "report_layers": {
            "source": layers_source(report, model.id),
            "rows": [asdict(row) for row in report_rows(report, model)],
        },
        "member_of": ensemble.id if ensemble else None,
    }


def _members(ensemble: Ensemble) -> list[dict[str, object]]:
    """Return the members, with what one network of each costs."""
    counted = count_members(ensemble)
    return [
        {
            "model": member.model.id,
            "number": member.number,
            "weight": member.weight,
            "share_of_vote": vote,
            "class_map": member.class_map,
            "counted_params": one.counted_params,
            "counted_nonzero": one.nonzero_params,
            "counted_size_kb": round(one.size_bytes / one.rule.kb, 3),
            "macs": one.macs,
        }
        for member, vote, one in zip(ensemble.members, ensemble.votes, counted, strict=True)
    ]


def model_diagram(model: ReportModel, title: str = "", subtitle: str = "") -> Diagram:
    """Return what a drawing of a model shows, as its own rule counts it."""
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, title, subtitle)
