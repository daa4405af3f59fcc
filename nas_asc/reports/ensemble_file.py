"""Reading the ensembles of a search space of several families; all faults are reported at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.spaces import (
    ENSEMBLE_KEYS,
    MEMBER_KEYS,
    PRINTED_KEYS,
    ReportModel,
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
