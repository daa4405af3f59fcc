"""One report model or ensemble as JSON, with what its report says beside it."""

from nas_asc.commands.layers import layers_json
from nas_asc.ensemble import Ensemble
from nas_asc.library import find_model
from nas_asc.reports import load_report
from nas_asc.rules import counting_rule
from nas_asc.verification import verify


def model_json(model_id: str) -> dict[str, object]:
    """Give everything that is known of a report model or ensemble.

    Raises:
        ConfigError: there is no such model.
    """
    model = find_model(model_id)
    report = load_report(model.report)
    value = {
        **verify(model).to_dict(),
        "title": model.title,
        "clip_s": model.clip_s,
        "printed": dict(model.printed),
    }
    if isinstance(model, Ensemble):
        value["members"] = [
            {
                "model": member.model.id,
                "number": member.number,
                "weight": member.weight,
                "class_map": None if member.class_map is None else dict(member.class_map),
            }
            for member in model.members
        ]
        trained = [member.model.id for member in model.members]
    else:
        rule = counting_rule(model.rule)
        value["choices"] = dict(model.architecture.choices)
        value["layers"] = layers_json(model.architecture, model.classes, model.clip_s, rule)
        trained = [model.id]
    return {
        **value,
        "training": {i: dict(report.training[i]) for i in trained if i in report.training},
        "results": [dict(row) for row in report.results.get(model_id, ())],
        "open_points": [dict(point) for point in report.open_points],
        "source": {
            "title": report.title,
            "authors": report.authors,
            "challenge": report.challenge,
            "data": report.data,
            "split": report.split,
            "features": report.features,
        },
    }
