"""`ensemble.json` of a trained ensemble: which networks lie beside it, and how they vote."""

import json
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from nas_asc.architecture import Architecture
from nas_asc.ensemble import Ensemble, Member
from nas_asc.errors import ConfigError
from nas_asc.space import ReportModel

ENSEMBLE = "ensemble.json"


def describe_ensemble(ensemble: Ensemble, rule: str) -> dict[str, object]:
    """Give what `ensemble.json` holds; network n lies in the folder named n, from 1."""
    return {
        "id": ensemble.id,
        "title": ensemble.title,
        "report": ensemble.report,
        "classes": list(ensemble.classes),
        "clip_s": ensemble.clip_s,
        "rule": rule,
        "networks": [
            {
                "folder": str(number),
                "model": member.model.id,
                "weight": member.weight,
                "class_map": None if member.class_map is None else dict(member.class_map),
            }
            for number, member in enumerate(ensemble.networks, 1)
        ],
    }


def read_saved_ensemble(folder: Path) -> Ensemble:
    """Read the ensemble of a folder with `ensemble.json`, its architectures included.

    Raises:
        ConfigError: the folder holds no complete ensemble.
    """
    try:
        described = json.loads((folder / ENSEMBLE).read_text(encoding="utf-8"))
        members = [_member(folder, described, entry) for entry in described["networks"]]
        return Ensemble(
            id=described["id"],
            report=described["report"],
            title=described["title"],
            members=tuple(
                replace(member, number=len(list(same))) for member, same in groupby(members)
            ),
            classes=tuple(described["classes"]),
            clip_s=described["clip_s"],
            rule=described["rule"],
            printed={},
        )
    except OSError as error:
        raise ConfigError(f"{folder}: expected a saved ensemble, {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder}: expected a complete saved ensemble, found {error}") from None


def _member(folder: Path, described: dict[str, object], entry: dict[str, object]) -> Member:
    path = folder / str(entry["folder"]) / "architecture.json"
    network = json.loads(path.read_text(encoding="utf-8"))
    model = ReportModel(
        id=str(entry["model"]),
        report=str(described["report"]),
        title=str(entry["model"]),
        architecture=Architecture.from_dict(network),
        classes=len(network["classes"]),
        clip_s=network["clip_s"],
        rule=network["rule"],
        printed={},
    )
    return Member(model, 1, float(entry["weight"]), entry["class_map"])  # type: ignore[arg-type]
