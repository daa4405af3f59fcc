"""`ensemble.json` of a trained ensemble: which networks lie beside it, and how they vote.

Conventions: it holds what the table `[ensembles.ID]` of a search space holds. Network n, in the
order of the votes, lies in the folder named n, from 1.
"""

import json
from pathlib import Path

from nas_asc.errors import ConfigError
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.ensemble_file import read_ensemble
from nas_asc.spaces import (
    ARCHITECTURE,
    MEMBER_KEYS,
    ReportModel,
    StoredArchitecture,
    read_architecture,
)
from nas_asc.toml_file import Fault

ENSEMBLE = "ensemble.json"
_NUMBER = MEMBER_KEYS["number"]


def ensemble_json(ensemble: Ensemble, rule: str) -> dict[str, object]:
    """Give what is written into such a file."""
    return {
        "id": ensemble.id,
        "title": ensemble.title,
        "report": ensemble.report,
        "classes": list(ensemble.classes),
        "clip_s": ensemble.clip_s,
        "rule": rule,
        "members": [_entry(member) for member in ensemble.members],
    }


def read_saved_ensemble(folder: Path) -> Ensemble:
    """Read the ensemble of a folder with `ensemble.json`, the architectures of its networks too.

    Raises:
        ConfigError: the folder holds no complete ensemble, or one that is not valid; the message
            has every fault.
    """
    path = folder / ENSEMBLE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        ensemble_id, entries = str(table.pop("id")), list(table["members"])
    except OSError as error:
        raise ConfigError(f"{path}: expected an ensemble, {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(
            f"{path}: expected JSON with the id and members of an ensemble, as in models/TRIAL"
        ) from None
    models: dict[str, ReportModel] = {}
    networks: list[tuple[Path, StoredArchitecture]] = []
    for entry in entries:
        if not isinstance(entry, dict) or not _NUMBER.accepts(entry.get("number", 1)):
            continue  # read_ensemble says so
        for _ in range(entry.get("number", 1)):
            place = folder / str(len(networks) + 1) / ARCHITECTURE
            networks.append((place, read_architecture(place)))
            model = _model(str(entry.get("model")), networks[-1][1])
            if models.setdefault(model.id, model) != model:
                raise ConfigError(f"{place}: expected the same as of the other {model.id}")
    faults: list[Fault] = []
    ensemble = read_ensemble(ensemble_id, table, models, faults)
    if ensemble is None:
        raise ConfigError("\n".join(f"{path}: {fault.text}" for fault in faults))
    for member, (place, found) in zip(ensemble.networks, networks, strict=True):
        _check(ensemble, member, place, found)
    return ensemble


def _entry(member: Member) -> dict[str, object]:
    entry = {"model": member.model.id, "number": member.number, "weight": member.weight}
    return entry if member.class_map is None else {**entry, "class_map": dict(member.class_map)}


def _model(model_id: str, found: StoredArchitecture) -> ReportModel:
    return ReportModel(
        id=model_id,
        report="",
        title=model_id,
        architecture=found.architecture,
        classes=found.classes,
        clip_s=found.clip_s,
        rule=found.rule,
        printed={},
    )


def _check(ensemble: Ensemble, member: Member, path: Path, found: StoredArchitecture) -> None:
    """Make sure that the logits of a network are those that its votes are made from."""
    names = ensemble.classes if member.class_map is None else tuple(member.class_map)
    if found.class_names != names:
        raise ConfigError(
            f"{path}: classes: expected {', '.join(names)}, as in {ENSEMBLE}, "
            f"got {', '.join(found.class_names) or found.classes}"
        )
    if found.clip_s != ensemble.clip_s:
        raise ConfigError(
            f"{path}: clip_s: expected {ensemble.clip_s:g}, as in {ENSEMBLE}, got {found.clip_s:g}"
        )
