"""What a report says of a network, on the terminal: layers, training, results, open points."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import click

from nas_asc.commands.output import is_wide, print_table, print_text
from nas_asc.library import ensemble_with
from nas_asc.report_layers import ReportRow, layers_source, report_rows
from nas_asc.reports import Report
from nas_asc.space import ReportModel
from nas_asc.verification import Verification

_ARROW = "\N{RIGHTWARDS ARROW}"
_HEADINGS = {"accuracy": ">accuracy, %", "log_loss": ">log loss"}


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
    columns = _columns(rows, found)
    if is_wide():
        columns.append(("\nlayers", [_layers(row.layers) for row in rows]))
    used = [(name, cells) for name, cells in columns if any(cells)] + [("", [])]
    print_table(
        [name for name, _ in used],
        list(zip_longest(*(cells for _, cells in used), fillvalue="")),
    )
    if any(row.nonzero and not row.summed for row in rows):
        print_text("(in brackets: what the rule's non-zero count leaves out)")
    if _has_bytes(rows):
        print_text(f"({_total_size(rows, found)})")


def _columns(rows: Sequence[ReportRow], found: Verification) -> list[tuple[str, list[str]]]:
    """Give the header and the cells of each column, most with a total below."""
    printed, counted = found.model.printed, found.complexity
    columns = [
        ("\nrow", [row.name for row in rows] + ["total"]),
        ("\nkernel", [row.window for row in rows]),
        (">output\nprinted", [row.printed_output for row in rows]),
        (">\noutput", ["x".join(map(str, row.output or ())) for row in rows]),
        (
            ">params\nprinted",
            [*(_number(row.printed_params) for row in rows), _number(printed.get("params"))],
        ),
        (">\ncounted", [f"{n:,}" for n in (*(r.params for r in rows), counted.counted_params)]),
    ]
    if any(row.printed_nonzero is not None for row in rows):
        total = _number(printed.get("nonzero_params")), f"{counted.nonzero_params:,}"
        left, right = zip(*map(_nonzero, rows), total, strict=True)
        columns += [(">non-zero\nprinted", list(left)), (">\ncounted", list(right))]
    if _has_bytes(rows):
        columns += [
            (
                ">bytes\nprinted",
                [*(_number(row.printed_bytes) for row in rows), _printed_size(rows, found)],
            ),
            (
                ">\ncounted",
                [*(f"{row.size_bytes:,}" for row in rows), f"{found.size_kb:.3f} KB"],
            ),
        ]
    return columns


def _has_bytes(rows: Sequence[ReportRow]) -> bool:
    return any(row.printed_bytes is not None for row in rows)


def _printed_size(rows: Sequence[ReportRow], found: Verification) -> str:
    """Give what is printed below the bytes; "-" where nothing is, or of another network."""
    printed = found.model.printed.get("size_kb")
    is_own = all(row.printed_bytes is not None for row in rows)
    return f"{printed:,} KB" if is_own and printed is not None else "-"


def _total_size(rows: Sequence[ReportRow], found: Verification) -> str:
    """Say how many bytes are counted in all, and whether they are the KB printed below them."""
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
    """Name the first and the last, the last without what it has in common with the first."""
    if len(names) < 2:
        return names[0] if names else "-"
    block, _, last = names[-1].rpartition(".")
    return f"{names[0]} to {last if names[0].startswith(f'{block}.') else names[-1]}"


def print_training(model_id: str, report: Report) -> None:
    """Print how a network was trained."""
    if model_id not in report.training:
        return
    click.echo(f"\ntraining of {model_id}, as the report says")
    settings = report.training[model_id]
    beside = max(map(len, settings)) + 2
    for key, value in settings.items():
        for number, text in enumerate(value if isinstance(value, list) else [value]):
            name = "" if number else key.replace("_", " ")
            print_text(f"  {name:<{beside}}{text}", beside + 2)


def print_results(model_id: str, report: Report) -> None:
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
    texts = {c: as_printed([row.get(c) for row in rows], c == "accuracy") for c in columns}
    print_table(
        ("of", *(_HEADINGS[c] for c in columns), ""),
        [(row["of"], *(texts[c][number] for c in columns), "") for number, row in enumerate(rows)],
    )
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


def print_confusion(model_id: str, report: Report) -> None:
    """Print the confusion matrices that the report gives of a network."""
    for matrix in report.confusion:
        if matrix["of"] != model_id:
            continue
        system = f", {matrix['system']}" if "system" in matrix else ""
        click.echo(f"\nconfusion matrix of the best run{system}, in %: a column per true class")
        names = matrix["classes"]
        texts = as_printed([share for row in matrix["rows"] for share in row], percent=True)
        rows = [texts[i : i + len(names)] for i in range(0, len(texts), len(names))]
        print_table(
            ("predicted", *(f">{name}" for name in names), ""),
            [(name, *row, "") for name, row in zip(names, rows, strict=True)],
        )


def print_open_points(model_id: str, report: Report) -> None:
    """Print what does not agree or is not given: first of this network, then of the report."""
    points = report.open_points_of(model_id)
    for title, special in (
        (f"open points of {model_id}", True),
        ("open points of the report", False),
    ):
        chosen = [point for point in points if ("of" in point) is special]
        if chosen:
            click.echo(f"\n{title}")
        for point in chosen:
            print_text(f"  {point['where']}: {point['printed']}", 4)
            print_text(f"    {_ARROW} {point['resolution']}", 6)
