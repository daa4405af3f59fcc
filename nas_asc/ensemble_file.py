"""Reading the ensembles of a search space of several families; all faults are reported at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_asc.ensemble import Ensemble, Member
from nas_asc.errors import ConfigError, nearest
from nas_asc.rules import RULES
from nas_asc.space import ReportModel

_KEYS = ("report", "title", "classes", "clip_s", "rule", "printed", "note", "members")
_MEMBER_KEYS = ("model", "number", "weight", "class_map")


def read_ensembles(path: Path, models: Mapping[str, ReportModel]) -> dict[str, Ensemble]:
    """Read the `[ensembles.ID]` tables of a file that is a valid search space.

    Args:
        path: of the TOML.
        models: that the members are among, by id.

    Raises:
        ConfigError: an ensemble is not valid; the message has every fault.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("ensembles", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise ConfigError(f"{path.name}: ensembles: expected one table per ensemble")
    faults: list[str] = []
    ensembles = {
        ensemble_id: ensemble
        for ensemble_id, table in tables.items()
        if (ensemble := _ensemble(ensemble_id, table, models, faults)) is not None
    }
    if faults:
        raise ConfigError(f"{path.name}: " + "; ".join(faults))
    return ensembles


def _ensemble(
    ensemble_id: str, table: Mapping[str, Any], models: Mapping[str, ReportModel], faults: list[str]
) -> Ensemble | None:
    before = len(faults)
    where = f"ensembles.{ensemble_id}"
    _unknown(where, table, _KEYS, faults)
    classes = table.get("classes")
    if not isinstance(classes, list) or len(classes) < 2:
        faults.append(f"{where}.classes: expected a list of names, got {classes!r}")
        classes = []
    clip_s = table.get("clip_s")
    if not isinstance(clip_s, int | float) or clip_s <= 0:
        faults.append(f"{where}.clip_s: expected a number above 0, got {clip_s!r}")
    rule = str(table.get("rule"))
    if rule not in RULES:
        faults.append(f"{where}.rule: expected a counting rule, got {rule!r}{nearest(rule, RULES)}")
    members = [
        member
        for number, entry in enumerate(table.get("members", []), 1)
        if (member := _member(f"{where}.members {number}", entry, classes, models, faults))
    ]
    if not table.get("members"):
        faults.append(f"{where}.members: expected at least one member, got none")
    if len(faults) > before:
        return None
    return Ensemble(
        id=ensemble_id,
        report=str(table.get("report", "")),
        title=str(table.get("title", ensemble_id)),
        members=tuple(members),
        classes=tuple(map(str, classes)),
        clip_s=float(table["clip_s"]),
        rule=rule,
        printed=table.get("printed", {}),
        note=str(table.get("note", "")),
    )


def _member(
    where: str,
    entry: Mapping[str, Any],
    classes: list[str],
    models: Mapping[str, ReportModel],
    faults: list[str],
) -> Member | None:
    before = len(faults)
    _unknown(where, entry, _MEMBER_KEYS, faults)
    model_id = str(entry.get("model"))
    if model_id not in models:
        faults.append(
            f"{where}.model: expected a report model, got {model_id!r}{nearest(model_id, models)}"
        )
    number, weight = entry.get("number", 1), entry.get("weight", 1.0)
    if not isinstance(number, int) or number < 1:
        faults.append(f"{where}.number: expected a whole number of at least 1, got {number!r}")
    if not isinstance(weight, int | float) or weight <= 0:
        faults.append(f"{where}.weight: expected a number above 0, got {weight!r}")
    class_map = entry.get("class_map")
    for name in (class_map or {}).values():
        if name not in classes:
            faults.append(f"{where}.class_map: expected one of {', '.join(classes)}, got {name!r}")
    if len(faults) > before:
        return None
    model = models[model_id]
    if (len(classes) if class_map is None else len(class_map)) != model.classes:
        faults.append(
            f"{where}.class_map: expected the {model.classes} classes of {model_id}, "
            f"got {len(class_map) if class_map else 'no map'}"
        )
        return None
    return Member(model, number, float(weight), class_map)


def _unknown(
    where: str, table: Mapping[str, Any], known: tuple[str, ...], faults: list[str]
) -> None:
    faults += [
        f"{where}.{key}: expected one of {', '.join(known)}{nearest(key, known)}"
        for key in table
        if key not in known
    ]
