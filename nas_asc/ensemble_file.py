"""Reading the ensembles of a search space of several families; all faults are reported at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_asc.ensemble import Ensemble, Member
from nas_asc.errors import did_you_mean, hinted, misspelt, nearest, shown
from nas_asc.model_tables import of_two, parted_tables, printed_faults
from nas_asc.space import ReportModel
from nas_asc.toml_file import Fault, read_toml
from nas_asc.vocabulary import FAMILY_KEYS, MEMBER_DOMAINS, MODEL_DOMAINS, NAMING_DOMAINS

_KEYS = ("report", "title", "classes", "clip_s", "rule", "printed", "note", "members")
_MEMBER_KEYS = ("model", "number", "weight", "class_map")
_NEEDED = ("clip_s", "rule")
_DOMAINS = {**NAMING_DOMAINS, **{key: MODEL_DOMAINS[key] for key in ("report", *_NEEDED)}}


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
        words = "ensembles: expected one table per ensemble, [ensembles.ID]"
        raise file.error([Fault("ensembles", words)])
    parted = parted_tables(tables, "members")
    whole = "ensembles" not in hinted(file.data, FAMILY_KEYS)
    unfinished = of_two(parted) if whole else {*tables}
    faults = [
        Fault(
            f"ensembles.{name}",
            f"ensembles.{name}: expected classes, clip_s, rule beside its members, "
            f"got members alone{did_you_mean(others)}",
        )
        for name, others in parted.items()
        if whole
    ]
    ensembles = {
        ensemble_id: ensemble
        for ensemble_id, table in tables.items()
        if (
            ensemble := read_ensemble(
                ensemble_id, table, models, faults, whole=ensemble_id not in unfinished
            )
        )
        is not None
    }
    if faults:
        raise file.error(faults)
    return ensembles


def read_ensemble(
    ensemble_id: str,
    table: Mapping[str, Any],
    models: Mapping[str, ReportModel] | None,
    faults: list[Fault],
    *,
    whole: bool = True,
) -> Ensemble | None:
    """Read the table of an ensemble; None if it has faults, which are added to `faults`.

    Where it is not `whole`, since part of it stands under a misspelt name, nothing is said to be
    missing, and there is no ensemble.
    """
    before = len(faults)
    where = f"ensembles.{ensemble_id}"
    if models is not None and ensemble_id in models:
        words = f"{where}: expected a name that no model has, {ensemble_id!r} is one"
        faults.append(Fault(where, words))
    _unknown(where, table, _KEYS, faults)
    meant_too = misspelt(table, _KEYS)
    for key, domain in _DOMAINS.items():
        if key in table and not domain.holds(table[key]):
            faults.append(_fault(where, key, domain.refusal(table[key])))
        elif key in _NEEDED and key not in (*table, *meant_too) and whole:
            faults.append(_fault(where, key, f"expected {domain.expected}, got nothing"))
    faults += [
        Fault(f"{where}.{key}", f"{where}.{text}")
        for key, text in printed_faults(table.get("printed", {}))
    ]
    classes = table.get("classes")
    if not _are_names(classes) and ("classes" in table or (whole and "classes" not in meant_too)):
        got = shown(classes) if "classes" in table else "nothing"
        words = f"expected a list of names, at least two and all different, got {got}"
        faults.append(_fault(where, "classes", words))
        classes = None
    whole = whole and "members" not in hinted(table, _KEYS)
    entries = table.get("members", [])
    if not whole and isinstance(entries, dict):  # what stands in a member has its header alone
        entries = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        words = f"expected tables, [[{where}.members]], got {shown(entries)}"
        faults.append(_fault(where, "members", words))
    elif not entries and whole:
        faults.append(_fault(where, "members", "expected at least one member, got none"))
    else:
        numbered = enumerate(entries, 1)
        members = [
            _member(where, n, entry, classes, models, faults, whole) for n, entry in numbered
        ]
    if len(faults) > before or classes is None or models is None or not whole:
        return None
    return Ensemble(
        id=ensemble_id,
        report=table.get("report", ""),
        title=table.get("title", ensemble_id),
        members=tuple(member for member in members if member),
        classes=tuple(classes),
        clip_s=float(table["clip_s"]),
        rule=table["rule"],
        printed=table.get("printed", {}),
        note=table.get("note", ""),
    )


def _member(
    ensemble: str,
    place: int,
    entry: Mapping[str, Any],
    classes: Sequence[str] | None,
    models: Mapping[str, ReportModel] | None,
    faults: list[Fault],
    whole: bool,
) -> Member | None:
    """Read a member; `classes` of the ensemble, None where they are not known.

    Where the ensemble is not `whole`, a class map may belong to another member.
    """
    before = len(faults)
    where = f"{ensemble}.members.{place}"
    _unknown(where, entry, _MEMBER_KEYS, faults)
    name = str(entry.get("model"))
    model = models.get(name) if models is not None else None
    known = models is not None or "model" not in entry
    meant_too = misspelt(entry, _MEMBER_KEYS)
    if model is None and known and "model" not in meant_too:
        got = shown(entry["model"]) if "model" in entry else "nothing"
        meant = nearest(str(entry.get("model", "")), models or ())
        faults.append(
            _fault(where, "model", f"expected a report model of the space, got {got}{meant}")
        )
    number, weight = entry.get("number", 1), entry.get("weight", 1.0)
    for key, value in (("number", number), ("weight", weight)):
        domain = MEMBER_DOMAINS[key]
        if not domain.holds(value):
            faults.append(_fault(where, key, domain.refusal(value)))
    class_map = entry.get("class_map")
    if not isinstance(class_map, dict | None):
        words = f"expected a table of a class each, got {shown(class_map)}"
        faults.append(_fault(where, "class_map", words))
        return None
    for name, value in (class_map or {}).items() if classes else ():
        if value not in (classes or ()):
            meant = nearest(value, classes or ()) if isinstance(value, str) else ""
            words = f"expected one of {', '.join(classes or ())}, got {shown(value)}{meant}"
            faults.append(Fault(f"{where}.class_map.{name}", f"{where}.class_map: {words}"))
    told_apart = classes if class_map is None else class_map
    if not whole or "class_map" in meant_too:
        told_apart = None  # it may stand elsewhere
    if model and told_apart is not None and len(told_apart) != model.classes:
        words = (
            f"expected the {model.classes} classes of {model.id}, "
            f"got {len(class_map) if class_map else 'no map'}"
        )
        faults.append(_fault(where, "class_map", words))
    if model is None or len(faults) > before:
        return None
    return Member(model, number, float(weight), class_map)


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _fault(where: str, key: str, words: str) -> Fault:
    return Fault(f"{where}.{key}", f"{where}.{key}: {words}")


def _unknown(
    where: str, table: Mapping[str, Any], known: tuple[str, ...], faults: list[Fault]
) -> None:
    faults += [
        _fault(where, key, f"expected one of {', '.join(known)}{nearest(key, known)}")
        for key in table
        if key not in known
    ]
