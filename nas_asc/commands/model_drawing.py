"""Networks drawn into a file: what `nas-asc models ID --plot` writes."""

from dataclasses import replace
from pathlib import Path

from nas_asc.commands.console import remark
from nas_asc.complexity import counting_rule
from nas_asc.errors import ConfigError
from nas_asc.reports import Ensemble, Target, headline, member_costs, resolve, verify
from nas_asc.results import Diagram, diagram, vote_caption
from nas_asc.spaces import ReportModel


def write_drawing(target: str, to: str) -> None:
    """Draw a network, or those of an ensemble one below the other, into an SVG or PNG file.

    Args:
        target: what nas_asc/reports/lookup.py finds: a report model, a trial of a run, a file.
        to: the file.

    Raises:
        ConfigError: there is no such network, or the file cannot be written.
        RunError: there is no such run or trial.
    """
    found, path = resolve(target), Path(to)
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"--plot: expected a file ending in .svg or .png, got {to or 'nothing'}")
    from nas_asc.results import network_png, network_svg

    drawn = _ensemble(found) if isinstance(found, Ensemble) else [_network(_model(found))]
    shown = [replace(d, title=_printable(d.title), subtitle=_printable(d.subtitle)) for d in drawn]
    try:
        if not path.parent.is_dir():
            raise ConfigError(f"--plot: {to}: expected a folder, there is no {path.parent}")
        is_svg = path.suffix.lower() == ".svg"
        path.write_bytes(network_svg(*shown) if is_svg else network_png(*shown))
    except OSError as error:
        raise ConfigError(f"--plot: {to}: expected a file to write, {error.strerror}") from None
    remark(f"wrote {path}")


def _printable(text: str) -> str:
    """Replace what a drawing cannot hold: bytes of a path that are no text, control characters."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def _model(target: Target) -> ReportModel:
    if target.model is not None:
        return replace(target.model, id=target.id, report="", printed={})
    return ReportModel(
        id=target.id,
        report="",
        title=f"a network of the space {target.architecture.space}",
        architecture=target.architecture,
        classes=target.classes,
        clip_s=target.clip_s,
        rule=target.rule,
        printed={},
    )


def _network(model: ReportModel) -> Diagram:
    shown = model_diagram(model, f"{model.id}: {model.title}", headline(verify(model)))
    _, *second = model.architecture.frontend.spectrograms(model.clip_s)
    words = [f"second spectrogram: window {s.window}, hop {s.hop}, transposed" for s in second]
    return replace(shown, subtitle="; ".join([shown.subtitle, *words]))


def _ensemble(ensemble: Ensemble) -> list[Diagram]:
    """Return a heading and a drawing of each member, as the ensemble counts it."""
    found = verify(ensemble)
    shown = [Diagram(f"{ensemble.id}: {ensemble.title}", headline(found))]
    for member, cost in zip(ensemble.members, member_costs(found), strict=True):
        counted = replace(member.model, clip_s=ensemble.clip_s, rule=ensemble.rule)
        drawn = _network(counted)
        each = "each " if member.number > 1 else ""
        vote = f"{each}with {vote_caption(cost.vote)}"
        mapped = "" if member.class_map is None else f"; its {len(member.class_map)} classes summed"
        shown.append(
            replace(
                drawn,
                title=f"{member.number} x {drawn.title}" if each else drawn.title,
                subtitle=f"{vote}{mapped}; {drawn.subtitle}",
            )
        )
    return shown


def model_diagram(model: ReportModel, title: str = "", subtitle: str = "") -> Diagram:
    """Return what a drawing of a model shows, as its own rule counts it."""
    rule = counting_rule(model.rule)
    return diagram(model.architecture, model.classes, model.clip_s, rule, title, subtitle)
