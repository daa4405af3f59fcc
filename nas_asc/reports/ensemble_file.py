"""Ensembles on disk: `[ensembles.ID]` of a search space, and `ensemble.json` of a trained one.

Conventions: both hold the same table; all faults are reported at once. Network n of a trained
ensemble, in the order of the votes, lies in the folder named n, from 1.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas_asc.errors import ConfigError
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.spaces import (
    ARCHITECTURE,
    ENSEMBLE_KEYS,
    MEMBER_KEYS,
    PRINTED_KEYS,
    ReportModel,
    StoredArchitecture,
    read_architecture,
    table_faults,
    words,
)
from nas_asc.toml_file import Fault, read_toml

_NEEDED = ("classes", "clip_s", "rule", "members")


def read_ensembles(path: Path, models: Mapping[str, ReportModel] | None) -> dict[str, Ensemble]:
    """Read the `[ensembles.ID]` tables of a search space.

    Args:
        path: of the TOML.
        models: that the members are among, by id; None where they are not known, since the space
            is not valid: nothing is said about them, and there are no ensembles.

    Raises:
        ConfigError: an ensemble is not valid; the message has every fault.
    """
    file = read_toml(path, "a search space")
    tables = file.data.get("ensembles", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise file.error([Fault("ensembles", "expected one table per ensemble, [ensembles.ID]")])
    faults: list[Fault] = []
    ensembles = {name: read_ensemble(name, table, models, faults) for name, table in tables.items()}
    if faults:
        raise file.error(faults)
    return {name: ensemble for name, ensemble in ensembles.items() if ensemble is not None}


def read_ensemble(
    ensemble_id: str,
    table: Mapping[str, Any],
    models: Mapping[str, ReportModel] | None,
    faults: list[Fault],
) -> Ensemble | None:
    """Read the table of an ensemble; None if it has faults, which are added to `faults`."""
    where = f"ensembles.{ensemble_id}"
    found = table_faults(where, table, ENSEMBLE_KEYS, _NEEDED)
    if models is not None and ensemble_id in models:
        text = f"expected a name that no model has, {ensemble_id!r} is one"
        found.append(Fault(where, text))
    if isinstance(table.get("printed"), dict):
        found += table_faults(f"{where}.printed", table["printed"], PRINTED_KEYS)
    classes = table.get("classes")
    names = classes if ENSEMBLE_KEYS["classes"].accepts(classes) else None
    if ENSEMBLE_KEYS["members"].accepts(table.get("members")):
        for place, entry in enumerate(table["members"], 1):
            found += _member_faults(f"{where}.members.{place}", entry, names, models)
    faults += found
    if found or models is None:
        return None
    return Ensemble(
        id=ensemble_id,
        report=table.get("report", ""),
        title=table.get("title", ensemble_id),
        members=tuple(
            Member(
                models[entry["model"]],
                entry.get("number", 1),
                float(entry.get("weight", 1.0)),
                entry.get("class_map"),
            )
            for entry in table["members"]
        ),
        classes=tuple(table["classes"]),
        clip_s=float(table["clip_s"]),
        rule=table["rule"],
        printed=table.get("printed", {}),
        note=table.get("note", ""),
    )


def _member_faults(
    where: str,
    entry: Mapping[str, Any],
    classes: Sequence[str] | None,
    models: Mapping[str, ReportModel] | None,
) -> list[Fault]:
    """Return what is wrong with a member; `classes` and `models` are None where not known."""
    known = dict(MEMBER_KEYS)
    if models is not None:
        known["model"] = replace(words(*models), expected="a report model of the space")
    faults = table_faults(where, entry, known, ("model",))
    class_map = entry.get("class_map")
    if faults or classes is None or models is None:
        return faults
    of_class = words(*classes)
    faults += [
        Fault(f"{where}.class_map.{name}", of_class.error_message(value))
        for name, value in (class_map or {}).items()
        if not of_class.accepts(value)
    ]
    model = models[entry["model"]]
    told_apart = len(classes if class_map is None else class_map)
    if told_apart != model.classes:
        text = f"expected the {model.classes} classes of {model.id}, got {told_apart}"
        faults.append(Fault(f"{where}.class_map", text))
    return faults


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
