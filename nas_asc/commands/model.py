"""`nas-asc models ID`: one report model or ensemble on the terminal, or drawn into a file."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nas_asc.commands.layers import print_layers
from nas_asc.commands.output import print_table, print_text, remark
from nas_asc.diagram import Diagram, diagram
from nas_asc.ensemble import Ensemble
from nas_asc.errors import ConfigError
from nas_asc.frontend import front_end
from nas_asc.library import find_model
from nas_asc.reports import Report, load_report
from nas_asc.rules import counting_rule
from nas_asc.space import ReportModel
from nas_asc.targets import Target, resolve
from nas_asc.units import format_count
from nas_asc.verification import COUNTED, Verification, verify

_PRINTED = {
    "params": "parameters",
    "params_with_norms": "parameters with batch norm",
    "nonzero_params": "non-zero parameters",
    "size_kb": "KB",
    "unpruned_size_kb": "KB before pruning",
    "mmacs": "million MACs (torchinfo)",
}


def print_model(model_id: str) -> None:
    """Show a report model or ensemble.

    Raises:
        ConfigError: there is no such model.
    """
    model = find_model(model_id)
    found, report = verify(model), load_report(model.report)
    print_text(f"{model.id}: {model.title}")
    print_text(f"{report.authors}: {report.title}, {report.challenge}")
    print_text(_subtitle(found))
    print_text(f"data: {report.data}; split: {report.split}")
    print_text(f"features: {report.features}")
    click.echo()
    _print_numbers(found)
    if isinstance(model, Ensemble):
        _print_members(model)
        trained = [member.model.id for member in model.members]
    else:
        rule = counting_rule(model.rule)
        _print_blocks(_diagram(model, found))
        click.echo(f"\nlayers, as rule {rule.id} counts them")
        print_layers(model.architecture, model.classes, model.clip_s, rule)
        trained = [model.id]
    for member_id in trained:
        _print_training(member_id, report)
    _print_results(report.results.get(model.id, ()))
    _print_open_points(report)


def write_drawing(target: str, to: str) -> None:
    """Draw a network into an SVG or PNG file.

    Args:
        target: what nas_asc/targets.py finds: a report model, a trial of a run, a file.
        to: the file.

    Raises:
        ConfigError: there is no such network, it is an ensemble, or the file cannot be written.
        RunError: there is no such run or trial.
    """
    found, path = resolve(target), Path(to)
    if isinstance(found, Ensemble):
        members = ", ".join(member.model.id for member in found.members)
        raise ConfigError(
            f"--plot: expected one network, got the ensemble {found.id} - draw its members "
            f"{members}"
        )
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"--plot: expected a file ending in .svg or .png, got {to or 'nothing'}")
    from nas_asc.network_drawing import network_png, network_svg

    shown = _drawn(found)
    try:
        if not path.parent.is_dir():
            raise ConfigError(f"--plot: {to}: expected a folder, there is no {path.parent}")
        is_svg = path.suffix.lower() == ".svg"
        path.write_bytes(network_svg(shown) if is_svg else network_png(shown))
    except OSError as error:
        raise ConfigError(f"--plot: {to}: expected a file to write, {error.strerror}") from None
    remark(f"wrote {path}")


def _drawn(target: Target) -> Diagram:
    architecture, clip_s = target.architecture, target.clip_s
    model = ReportModel(
        id=target.id,
        report="",
        title=target.title or f"a network of the space {architecture.space}",
        architecture=architecture,
        classes=target.classes,
        clip_s=clip_s,
        rule=target.rule,
        printed={},
    )
    shown = _diagram(model, verify(model))
    _, *second = front_end(architecture.sections["frontend"]).planes(clip_s)
    words = [f"second spectrogram: window {s.window}, hop {s.hop}, transposed" for s in second]
    return replace(shown, subtitle="; ".join([shown.subtitle, *words]))


def _subtitle(found: Verification) -> str:
    model, complexity = found.model, found.complexity
    shapes = " and ".join("x".join(map(str, shape)) for shape in complexity.input_shapes)
    classes = len(model.classes) if isinstance(model, Ensemble) else model.classes
    return (
        f"input {shapes}, {classes} classes, clips of {model.clip_s:g} s; rule {model.rule}: "
        f"{complexity.counted_params:,} parameters, {found.size_kb:.1f} KB; "
        f"{format_count(complexity.macs)} MACs"
    )


def _diagram(model: ReportModel, found: Verification) -> Diagram:
    return diagram(
        model.architecture,
        model.classes,
        model.clip_s,
        counting_rule(model.rule),
        title=f"{model.id}: {model.title}",
        subtitle=_subtitle(found),
    )


def _print_numbers(found: Verification) -> None:
    rows = [
        (_PRINTED[name], f"{printed:,}", f"{round(COUNTED[name](found.complexity), 3):,}")
        for name, printed in found.model.printed.items()
    ]
    print_table(("", ">printed", ">counted", ""), [(*row, "") for row in rows])
    if found.model.note:
        print_text(f"note: {found.model.note}", 6)


def _print_members(ensemble: Ensemble) -> None:
    click.echo("\nmembers")
    print_table(
        ("model", ">networks", ">weight", "classes"),
        [
            (m.model.id, m.number, f"{m.weight:g}", _class_map(m.class_map))
            for m in ensemble.members
        ],
    )


def _class_map(class_map: Mapping[str, str] | None) -> str:
    if class_map is None:
        return "its own"
    into: dict[str, list[str]] = {}
    for fine, coarse in class_map.items():
        into.setdefault(coarse, []).append(fine)
    return "; ".join(f"{' + '.join(fine)} = {coarse}" for coarse, fine in into.items())


def _print_blocks(shown: Diagram) -> None:
    click.echo("\nblocks")
    print_table(
        ("block", "", ">output", ">parameters", ">share", ">MACs", ">share", ""),
        [
            (
                block.name,
                block.what,
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


def _print_training(model_id: str, report: Report) -> None:
    if model_id not in report.training:
        return
    click.echo(f"\ntraining of {model_id}, as the report says")
    for key, value in report.training[model_id].items():
        for number, text in enumerate(value if isinstance(value, list) else [value]):
            print_text(f"  {'' if number else key:<14}{text}", 16)


def _print_results(rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    if not rows:
        return
    click.echo("\nresults that the report gives")
    columns = [c for c in ("accuracy", "log_loss") if any(c in row for row in rows)]
    print_table(
        ("of", *(f">{c.replace('_', ' ')}" for c in columns), ""),
        [
            (
                f"{row['system']}: {row['of']}" if "system" in row else row["of"],
                *(_result(column, row.get(column)) for column in columns),
                "",
            )
            for row in rows
        ],
    )


def _result(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.4g} %" if column == "accuracy" else f"{value:.3f}"


def _print_open_points(report: Report) -> None:
    click.echo("\nopen points of the report")
    for point in report.open_points:
        print_text(f"  {point['where']}: {point['printed']} - {point['resolution']}", 4)
