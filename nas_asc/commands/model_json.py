"""One report model or ensemble as JSON, with what its report says beside it."""

from collections.abc import Mapping
from decimal import Decimal

from nas_asc.commands.layers import layers_json
from nas_asc.complexity import counting_rule
from nas_asc.reports import (
    Ensemble,
    Report,
    Verification,
    ensemble_with,
    input_words,
    layers_source,
    member_costs,
    report_of,
    report_rows,
    verify,
)
from nas_asc.spaces import ReportModel


def model_json(model: ReportModel | Ensemble) -> dict[str, object]:
    """Return everything that is known of a model or ensemble."""
    found, report = verify(model), report_of(model)
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
        "layers": layers_json(model.architecture, model.classes, model.clip_s, rule),
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
