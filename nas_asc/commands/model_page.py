"""`nas-asc models ID`: a network or ensemble with what its report says, as text and as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import click

from nas_asc.architectures import front_end
from nas_asc.commands.console import print_table, print_text
from nas_asc.commands.count import layers_json, print_layers
from nas_asc.complexity import counting_rule, layer_table
from nas_asc.reports import (
    COUNTED,
    Ensemble,
    MemberCost,
    Report,
    ReportRow,
    Verification,
    ensemble_with,
    headline,
    input_words,
    layers_source,
    load_report,
    member_costs,
    report_rows,
    verify,
)
from nas_asc.results import Diagram, diagram
from nas_asc.spaces import ReportModel

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
        frontend = front_end(network.architecture.sections["frontend"])
        readers.setdefault(input_words(frontend, network.clip_s), []).append(network.id)
    for words, ids in readers.items():
        whose = f" of {' and '.join(ids)}" if len(networks) > 1 else ""
        print_text(f"input{whose}: {words}")


def _print_numbers(found: Verification) -> None:
    rows = [
        (_PRINTED[name], f"{printed:,}", _exact(COUNTED[name](found.complexity)))
        for name, printed in found.model.printed.items()
    ]
    if rows or found.model.note:
        click.echo()
    if rows:
        print_table(("", ">printed", ">counted"), rows)
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
    rows.append(("sum", f"{1:.1%}", *sums, f"{total.macs:,}"))
    print_table(("networks", ">weight", ">parameters", ">non-zero", ">KB", ">MACs"), rows)
    print_text("The class probabilities of the networks are averaged with these weights.")
    for member in ensemble.members:
        if member.class_map is not None:
            print_text(f"classes of {member.model.id}: {_class_map(member.class_map)}", 4)


def _costs(cost: MemberCost, number: int) -> tuple[str, ...]:
    """Return what so many networks of a member weigh and cost."""
    return (
        f"{number * cost.vote:.1%}",
        f"{number * cost.params:,}",
        f"{number * cost.nonzero:,}",
        f"{number * cost.size_kb:,.3f}",
        f"{number * cost.macs:,}",
    )


def _class_map(class_map: Mapping[str, str]) -> str:
    into: dict[str, list[str]] = {}
    for fine, coarse in class_map.items():
        into.setdefault(coarse, []).append(fine)
    return "; ".join(f"{' + '.join(fine)} = {coarse}" for coarse, fine in into.items())


def _print_blocks(shown: Diagram) -> None:
    click.echo("\nblocks")
    print_table(
        ("block", "", ">output", ">params", ">% of params", ">MACs", ">% of MACs"),
        [
            (
                block.name,
                "" if block.name == "input" else block.what,
                "x".join(map(str, block.rows[-1].shape)),
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
    rows = report_rows(report, model)
    source = layers_source(report, model.id)
    if source is None:
        return
    click.echo()
    if not rows:
        has_rows = "rows" in report.layers[model.id]
        what = "prints those of a network with other layers" if has_rows else "prints no layers"
        print_text(f"The report {what}: {source}.")
        return
    print_text(f"layers as the report prints them: {source}")
    columns = [c for c in _columns(rows, found) if any(c[1:])]
    print_table([c[0] for c in columns], list(zip_longest(*(c[1:] for c in columns), fillvalue="")))
    if any(row.nonzero and not row.summed for row in rows):
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    if _has_bytes(rows):
        print_text(f"({_total_size(rows, found)})")


def _columns(rows: Sequence[ReportRow], found: Verification) -> list[list[str]]:
    """Return the heading and the cells of each column, most with a total below."""
    printed, counted = found.model.printed, found.complexity
    params = _number(printed.get("params")), f"{counted.counted_params:,}"
    columns = [
        ["\nrow", *(row.name for row in rows), "total"],
        ["\nkernel", *(row.window for row in rows)],
        [">output\nprinted", *(row.printed_output for row in rows)],
        [">\noutput", *("x".join(map(str, row.output or ())) for row in rows)],
        [">params\nprinted", *(_number(row.printed_params) for row in rows), params[0]],
        [">\ncounted", *(f"{row.params:,}" for row in rows), params[1]],
    ]
    if any(row.printed_nonzero is not None for row in rows):
        nonzero = _number(printed.get("nonzero_params")), f"{counted.nonzero_params:,}"
        left, right = zip(*map(_nonzero, rows), nonzero, strict=True)
        columns += [[">non-zero\nprinted", *left], [">\ncounted", *right]]
    if _has_bytes(rows):
        size = _printed_size(rows, found), f"{found.size_kb:.3f} KB"
        columns += [
            [">bytes\nprinted", *(_number(row.printed_bytes) for row in rows), size[0]],
            [">\ncounted", *(f"{row.size_bytes:,}" for row in rows), size[1]],
        ]
    return [*columns, ["\nlayers", *(_layers(row.layers) for row in rows)]]


def _has_bytes(rows: Sequence[ReportRow]) -> bool:
    return any(row.printed_bytes is not None for row in rows)


def _printed_size(rows: Sequence[ReportRow], found: Verification) -> str:
    """Return what is printed below the bytes; "-" where nothing is, or of another network."""
    printed = found.model.printed.get("size_kb")
    is_own = all(row.printed_bytes is not None for row in rows)
    return f"{printed:,} KB" if is_own and printed is not None else "-"


def _total_size(rows: Sequence[ReportRow], found: Verification) -> str:
    """Return how many bytes are counted in all, and whether they are the KB printed below them."""
    kb = found.complexity.rule.kb
    text = f"total: {found.complexity.size_bytes:,} bytes / {kb} = {found.size_kb:.3f} KB"
    if _printed_size(rows, found) == "-":
        return text
    verdict = "which rounds to the printed" if found.agrees("size_kb") else "not the printed"
    return f"{text}, {verdict} {_printed_size(rows, found)}"


def _nonzero(row: ReportRow) -> tuple[str, str]:
    texts = _number(row.printed_nonzero), f"{row.nonzero:,}"
    return texts if row.summed else (f"({texts[0]})", f"({texts[1]})")


def _number(value: float | None) -> str:
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
    rows = [_named(row, row.get("system")) for row in report.results[model_id]]
    rows += [_named(row, report.baseline["name"]) for row in report.baseline.get("rows", ())]
    click.echo("\nreported results")
    columns = [c for c in _HEADINGS if any(c in row for row in rows)]
    texts = [as_printed([row.get(c) for row in rows], c == "accuracy") for c in columns]
    names = [row["of"] for row in rows]
    print_table(("of", *(_HEADINGS[c] for c in columns)), list(zip(names, *texts, strict=True)))
    if ensemble:
        print_text(f"(of the ensemble that it is a member of: nas-asc models {ensemble.id})")


def _named(row: Mapping[str, Any], system: str | None) -> dict[str, Any]:
    of = f"{row['of']} ({row['source']})" if "source" in row else row["of"]
    return {**row, "of": f"{system}: {of}" if system else of}


def as_printed(values: Iterable[Decimal | None], percent: bool = False) -> list[str]:
    """Write numbers with the digits that they are printed with, one point below the other.

    Args:
        values: None stands for what is not printed.
        percent: whether to write shares as percentages.
    """
    texts = ["-" if v is None else f"{v.scaleb(2) if percent else v:f}" for v in values]
    places = max(len(text) - len(_whole(text)) for text in texts)
    return [text if text == "-" else text.ljust(len(_whole(text)) + places) for text in texts]


def _whole(text: str) -> str:
    return text.partition(".")[0]


def _print_confusion(model_id: str, report: Report) -> None:
    for matrix in report.confusion:
        if matrix["of"] != model_id:
            continue
        system = f", {matrix['system']}" if "system" in matrix else ""
        click.echo(f"\nconfusion matrix of the best run{system}, in %: a column per true class")
        names = matrix["classes"]
        texts = as_printed([share for row in matrix["rows"] for share in row], percent=True)
        rows = [texts[i : i + len(names)] for i in range(0, len(texts), len(names))]
        print_table(
            ("predicted", *(f">{name}" for name in names)),
            [(name, *row) for name, row in zip(names, rows, strict=True)],
        )


def _print_open_points(model_id: str, report: Report) -> None:
    """Print what does not agree or is not given: first of this network, then of the report."""
    points = report.open_points_of(model_id)
    for title, of_one in (
        (f"open points of {model_id}", True),
        ("open points of the report", False),
    ):
        chosen = [point for point in points if ("of" in point) is of_one]
        if chosen:
            click.echo(f"\n{title}")
        for point in chosen:
            print_text(f"  {point['where']}: {point['printed']}", 4)
            print_text(f"    {_ARROW} {point['resolution']}", 6)


def model_json(model: ReportModel | Ensemble) -> dict[str, object]:
    """Return everything that is known of a model or ensemble."""
    found, report = verify(model), load_report(model.report)
    if isinstance(model, Ensemble):
        networks = [member.model for member in model.members]
        own: dict[str, object] = {"members": _members(model, found)}
    else:
        networks = [model]
        own = _network(model, report)
    return {
        **found.to_dict(),
        "title": model.title,
        "clip_s": model.clip_s,
        "printed": dict(model.printed),
        "inputs": {n.id: input_words(n.architecture.frontend, n.clip_s) for n in networks},
        **own,
        "training": {n.id: dict(report.training.get(n.id, {})) for n in networks},
        "results": _plain(report.results.get(model.id, ())),
        "baseline": _plain(report.baseline),
        "confusion": _plain([m for m in report.confusion if m["of"] == model.id]),
        "open_points": [dict(point) for point in report.open_points_of(model.id)],
        "source": _source(report, model.id),
    }


def _source(report: Report, model_id: str) -> dict[str, str] | None:
    if not report.title:
        return None
    return {
        "title": report.title,
        "authors": report.authors,
        "challenge": report.challenge,
        **report.said(model_id),
    }


def _plain(value: object) -> object:
    """Return what JSON has for a value with Decimals in it."""
    if isinstance(value, Mapping):
        return {key: _plain(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inside) for inside in value]
    return float(value) if isinstance(value, Decimal) else value


def _network(model: ReportModel, report: Report) -> dict[str, object]:
    rule, ensemble = counting_rule(model.rule), ensemble_with(model.id)
    return {
        "choices": dict(model.architecture.choices),
        "layers": layers_json(layer_table(model.architecture, model.classes, model.clip_s, rule)),
        "report_layers": {
            "source": layers_source(report, model.id),
            "rows": [row.to_dict() for row in report_rows(report, model)],
        },
        "member_of": ensemble.id if ensemble else None,
    }


def _members(ensemble: Ensemble, found: Verification) -> list[dict[str, object]]:
    """Return the members, with what one network of each costs."""
    return [
        {
            "model": member.model.id,
            "number": member.number,
            "weight": member.weight,
            "share_of_vote": cost.vote,
            "class_map": None if member.class_map is None else dict(member.class_map),
            "counted_params": cost.params,
            "counted_nonzero": cost.nonzero,
            "counted_size_kb": round(cost.size_kb, 3),
            "macs": cost.macs,
        }
        for member, cost in zip(ensemble.members, member_costs(found), strict=True)
    ]


def model_diagram(model: ReportModel, title: str = "", subtitle: str = "") -> Diagram:
    """Return what a drawing of a model shows, as its own rule counts it."""
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, title, subtitle)
