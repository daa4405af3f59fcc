"""Ensembles: several networks whose class probabilities are averaged, as one value.

Conventions: an ensemble costs the sum of its members under the rule; its networks run one after the
other, so its peak activation memory is that of the hungriest.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from nas_asc.architectures import Architecture
from nas_asc.complexity import Complexity, Costs, count, counting_rule, total_costs
from nas_asc.errors import ConfigError
from nas_asc.files import digest
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


@dataclass(frozen=True)
class Member:
    """One or several networks of one architecture, each with weights of its own.

    Attributes:
        number: of networks.
        weight: of each network's vote, relative to the others.
        class_map: into which of the ensemble's classes each class of the member falls; None where
            they are the same.
    """

    model: ReportModel
    number: int = 1
    weight: float = 1.0
    class_map: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Ensemble:
    """An ensemble of a report.

    Attributes:
        classes: names, in the order of its probabilities.
        clip_s: the clip length of the report, in seconds.
        rule: the counting rule that the report used.
        printed: the numbers that the report prints.
        note: what explains a printed number that cannot be reproduced.
    """

    id: str
    report: str
    title: str
    members: tuple[Member, ...]
    classes: tuple[str, ...]
    clip_s: float
    rule: str
    printed: Mapping[str, float]
    note: str = ""

    @property
    def networks(self) -> tuple[Member, ...]:
        """Its networks one by one, in the order of their votes."""
        return tuple(member for member in self.members for _ in range(member.number))

    @property
    def described(self) -> str:
        """Its networks in words: "5 x ntu-vggnet, 1 x ntu-inceptionnet"."""
        return ", ".join(f"{member.number} x {member.model.id}" for member in self.members)

    @property
    def votes(self) -> tuple[float, ...]:
        """The share that one network of each member has in the average."""
        total = sum(member.number * member.weight for member in self.members)
        return tuple(member.weight / total for member in self.members)

    @property
    def vote_shares(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """What the vote is made of: of each network a matrix (its class, class of the ensemble).

        Probabilities of the ensemble are the sum of each network's times its matrix.
        """
        total = sum(member.weight for member in self.networks)
        shares = []
        for member in self.networks:
            into = self.classes if member.class_map is None else member.class_map.values()
            row = dict.fromkeys(self.classes, member.weight / total)
            shares.append(tuple(tuple(row[n] if n == name else 0.0 for n in row) for name in into))
        return tuple(shares)

    @property
    def untrainable(self) -> str | None:
        """What keeps it from being trained on a data set; None if nothing does.

        Without a class map it can tell apart whatever its members are trained on. With one, members
        need labels of two kinds, and a clip of a data set has one.
        """
        mapped = next((member for member in self.members if member.class_map is not None), None)
        if mapped is None:
            return None
        return (
            f"its member {mapped.model.id} tells apart {', '.join(mapped.class_map or ())}, which "
            f"a class map sums into {', '.join(self.classes)}; clips have one label"
        )

    def adapted(self, classes: Sequence[str] | None, clip_s: float) -> "Ensemble":
        """Return it for data with other classes (None: the same) and clips, its members too."""
        number = None if classes is None else len(classes)
        return replace(
            self,
            members=tuple(
                replace(member, model=member.model.adapted(number, clip_s))
                for member in self.members
            ),
            classes=self.classes if classes is None else tuple(classes),
            clip_s=clip_s,
        )

    def reference(self, space: str) -> "EnsembleReference":
        """Return what stands for it among the candidates of a search in a space.

        Two are equal if their members are, weights and class maps included. Where networks
        weigh differently it has their votes too.
        """
        members = [
            (member.model.architecture.key, member.number, member.weight, member.class_map)
            for member in self.members
        ]
        votes = ", ".join(f"{share:.4g}" for share in self.votes) if len({*self.votes}) > 1 else ""
        return EnsembleReference(
            space, self.id, self.described, digest(json.dumps(members), 16), votes
        )


class EnsembleReference(NamedTuple):
    """An ensemble as a run keeps it; what its members are stands in the file of its space.

    Attributes:
        networks: in words.
        members: a hash of all that they are.
        votes: share of each network of a member; empty where all are alike.
    """

    space: str
    id: str
    networks: str
    members: str
    votes: str

    @property
    def _section(self) -> dict[str, str]:
        votes = {"votes": self.votes} if self.votes else {}
        return {"id": self.id, "networks": self.networks, "members": self.members, **votes}

    @property
    def key(self) -> str:
        """A short hash of all members; equal keys are the same model."""
        return digest(json.dumps({"ensemble": self._section}, sort_keys=True), 16)

    @property
    def choices(self) -> Mapping[str, str]:
        """What tables show: its networks, which are no choices of the space, and their votes."""
        return {"ensemble": self.networks, **({"votes": self.votes} if self.votes else {})}

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON, in the shape of an architecture."""
        return {"space": self.space, "sections": {"ensemble": self._section}, "choices": []}


Candidate = Architecture | EnsembleReference


def read_candidate(data: Mapping[str, Any]) -> Candidate:
    """Read what `to_dict` of a candidate returned.

    Raises:
        ConfigError: it is none.
    """
    if "ensemble" not in data.get("sections", ()):
        return Architecture.from_dict(data)
    return EnsembleReference(data["space"], **{"votes": "", **data["sections"]["ensemble"]})


def count_members(ensemble: Ensemble, rule: str | None = None) -> tuple[Complexity, ...]:
    """Count one network of each member, under a rule; None for the report's.

    Raises:
        ConfigError: there is no such rule.
    """
    resolved = counting_rule(rule or ensemble.rule)
    return tuple(
        count(member.model.architecture, member.model.classes, ensemble.clip_s, resolved)
        for member in ensemble.members
    )


def count_ensemble(ensemble: Ensemble, rule: str | None = None) -> Costs:
    """Count all networks of an ensemble, under a rule; None for the report's.

    Raises:
        ConfigError: there is no such rule.
    """
    counted = zip(ensemble.members, count_members(ensemble, rule), strict=True)
    return total_costs([one.costs for member, one in counted for _ in range(member.number)])


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
    """Return what is written into such a file."""
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
    """Check that the logits of a network are those that its votes are made from."""
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
