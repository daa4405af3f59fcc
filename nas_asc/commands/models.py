"""`nas-asc models`: the networks of the reports, printed against counted."""

from dataclasses import replace
from pathlib import Path

import click

from nas_asc.commands.console import json_option, print_json, print_table, print_text, remark
from nas_asc.commands.model_page import model_diagram, model_json, or_dash, print_model
from nas_asc.errors import ConfigError
from nas_asc.reports import (
    Ensemble,
    Verification,
    find_in_space,
    headline,
    report_ensembles,
    report_models,
    resolve,
    verify,
)
from nas_asc.results import Diagram, network_picture, vote_caption
from nas_asc.spaces import ReportModel
from nas_asc.units import format_count


@click.command("models")
@click.argument("model", metavar="[ID|SPACE.toml:MODEL]", required=False)
@click.option("--plot", metavar="FILE.svg",
              help="Draw the network into an SVG or PNG file; ID may also be RUN:TRIAL or an "
                   "architecture.json.")  # fmt: skip
@json_option
def command(model: str | None, plot: str | None, as_json: bool) -> None:
    """List the report models and ensembles, printed numbers against counted, or show one.

    With ID, or a model of your own space: its printed numbers against the counted ones, its layers
    as its report counts them, how it was trained, what it reached, and what the report leaves open.
    """
    if model is None:
        if plot is not None:
            raise click.UsageError("--plot: expected the ID of a model to draw, got none")
        verified = list(map(verify, report_models().values()))
        verified += map(verify, report_ensembles().values())
        if as_json:
            print_json([v.to_dict() for v in verified])
        else:
            _print_models(verified)
        return
    shown = find_in_space(model) if plot is None or as_json else None
    if plot is not None:
        _draw(model, plot)
    if shown is not None and as_json:
        print_json(model_json(shown))
    elif shown is not None:
        print_model(shown)


def _print_models(verified: list[Verification]) -> None:
    """Print a row for each, and below them the notes that explain differences."""
    noted = [v for v in verified if v.model.note]
    facts = [v.to_dict() for v in verified]
    rows = []
    for v, row in zip(verified, facts, strict=True):
        numbers = ("printed_params", "counted_params", "printed_nonzero", "counted_nonzero")
        kb = (or_dash(row["printed_size_kb"]), f"{v.size_kb:,.1f}")
        macs = format_count(v.complexity.macs)
        match = "yes" if v.match else f"note {noted.index(v) + 1}" if v in noted else "no"
        named = (row["id"], row["space"], row["rule"])
        rows.append((*named, *(or_dash(row[name]) for name in numbers), *kb, macs, match))
    pairs = (
        ">params printed",
        ">counted",
        ">non-zero printed",
        ">counted",
        ">KB printed",
        ">counted",
    )
    print_table(("model", "space", "rule", *pairs, ">MACs", "match"), rows)
    if noted:
        click.echo()
    for number, found in enumerate(noted, 1):
        print_text(f"note {number}: {found.model.note}", 8)
    for row in facts:
        if row["printed_mmacs"] is not None:
            print_text(
                f"{row['id']} prints {row['printed_mmacs']} M MACs too: torchinfo, which has the "
                f"biases of convolutions, counts {row['counted_mmacs']} M",
                8,
            )


def _draw(target: str, to: str) -> None:
    """Draw a network, or those of an ensemble one below the other, into an SVG or PNG file."""
    found, path = resolve(target), Path(to)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise ConfigError(f"--plot: expected a file ending in .svg or .png, got {to or 'nothing'}")
    drawn = _ensemble(found) if isinstance(found, Ensemble) else [_network(found)]
    shown = [replace(d, title=_printable(d.title), subtitle=_printable(d.subtitle)) for d in drawn]
    try:
        if not path.parent.is_dir():
            raise ConfigError(f"--plot: {to}: expected a folder, there is no {path.parent}")
        path.write_bytes(network_picture(kind, *shown))
    except OSError as error:
        raise ConfigError(f"--plot: {to}: expected a file to write, {error.strerror}") from None
    remark(f"wrote {path}")


def _printable(text: str) -> str:
    """Replace what a drawing cannot hold: bytes of a path that are no text, control characters."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def _network(model: ReportModel) -> Diagram:
    shown = model_diagram(model, f"{model.id}: {model.title}", headline(verify(model)))
    _, *second = model.architecture.frontend.spectrograms(model.clip_s)
    words = [f"second spectrogram: window {s.window}, hop {s.hop}, transposed" for s in second]
    return replace(shown, subtitle="; ".join([shown.subtitle, *words]))


def _ensemble(ensemble: Ensemble) -> list[Diagram]:
    """Return a heading and a drawing of each member, as the ensemble counts it."""
    shown = [Diagram(f"{ensemble.id}: {ensemble.title}", headline(verify(ensemble)))]
    for member, vote in zip(ensemble.members, ensemble.votes, strict=True):
        drawn = _network(replace(member.model, clip_s=ensemble.clip_s, rule=ensemble.rule))
        several = member.number > 1
        words = f"{'each ' * several}with {vote_caption(vote)}"
        if member.class_map is not None:
            words += f"; its {len(member.class_map)} classes summed"
        title = f"{member.number} x {drawn.title}" if several else drawn.title
        shown.append(replace(drawn, title=title, subtitle=f"{words}; {drawn.subtitle}"))
    return shown
