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
        class_map: the ensemble's class that each class of the member falls into; None: the same.
    """

    model: ReportModel
    number: int = 1
    weight: float = 1.0
    class_map: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Ensemble:
    """An ensemble of a report; what is not named here is as of a `ReportModel`.

    Attributes:
        classes: names, in the order of its probabilities.
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
        shares = []
        for member, vote in zip(self.members, self.votes, strict=True):
            into = self.classes if member.class_map is None else member.class_map.values()
            matrix = tuple(tuple(vote * (n == name) for n in self.classes) for name in into)
            shares += [matrix] * member.number
        return tuple(shares)

    def untrainable(
        self, classes: Sequence[str] = (), class_map: Mapping[str, str] | None = None
    ) -> str | None:
        """Return what keeps it from being trained on data with some classes; None if nothing does.

        Members with a class map need labels of two kinds: `class_map` has the finer classes of the
        data, and the class that each lies in. Where the classes are the ensemble's own, what it
        says of a finer class holds.
        """
        mapped = {m.model.id: m.class_map for m in self.members if m.class_map is not None}
        if not mapped:
            return None
        (member, own), *others = mapped.items()
        if not class_map:
            return (
                f"its member {member} tells apart {', '.join(own)}, which a class map sums into "
                f"{', '.join(self.classes)}; clips have one label (a column `fine` adds another)"
            )
        for other, names in others:
            if names.keys() != own.keys():
                return f"its members {member} and {other} tell apart finer classes of two kinds"
        for name, into in class_map.items() if {*classes} == {*self.classes} else ():
            if (meant := own.get(name, into)) != into:
                return f"{name} lies in {meant} by its class map, and in {into} by the data"
        return None

    def adapted(
        self,
        classes: Sequence[str] | None,
        clip_s: float,
        class_map: Mapping[str, str] | None = None,
    ) -> "Ensemble":
        """Return it for data with other classes (None: the same) and clips, its members too.

        `class_map` has the finer classes of the data, sorted, and the class that each lies in; the
        members with a class map tell those apart.
        """
        number = None if classes is None else len(classes)
        members = []
        for m in self.members:
            own = class_map if m.class_map is not None and class_map else None
            told_apart = number if own is None else len(own)
            model = m.model.adapted(told_apart, clip_s)
            members.append(replace(m, model=model, class_map=m.class_map if own is None else own))
        names = self.classes if classes is None else tuple(classes)
        return replace(self, members=tuple(members), classes=names, clip_s=clip_s)

    def reference(self, space: str) -> "EnsembleReference":
        """Return what stands for it among the candidates of a search in a space."""
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
        members: a hash of all that they are, weights and class maps included.
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
    """Count all networks of an ensemble as `count_members` counts one of each."""
    counted = zip(ensemble.members, count_members(ensemble, rule), strict=True)
    return total_costs([one.costs for member, one in counted for _ in range(member.number)])


def read_ensembles(path: Path, models: Mapping[str, ReportModel]) -> dict[str, Ensemble]:
    """Read the `[ensembles.ID]` tables of a search space with these models, by id.

    Raises:
        ConfigError: an ensemble is not valid; the message has every fault.
    """
    file = read_toml(path, "a search space")
    tables = file.data.get("ensembles", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise file.error([Fault("ensembles", "expected one table per ensemble, [ensembles.ID]")])
    if faults := [f for name, table in tables.items() for f in _faults(name, table, models)]:
        raise file.error(faults)
    return {name: _ensemble(name, table, models) for name, table in tables.items()}


def _ensemble(
    ensemble_id: str, table: Mapping[str, Any], models: Mapping[str, ReportModel]
) -> Ensemble:
    """Build an ensemble of a table without faults."""
    members = [
        Member(
            models[m["model"]], m.get("number", 1), float(m.get("weight", 1)), m.get("class_map")
        )
        for m in table["members"]
    ]
    own = {"members": tuple(members), "classes": tuple(table["classes"])}
    defaults = {"id": ensemble_id, "report": "", "title": ensemble_id, "printed": {}}
    return Ensemble(**{**defaults, **table, **own, "clip_s": float(table["clip_s"])})


def _faults(
    ensemble_id: str, table: Mapping[str, Any], models: Mapping[str, ReportModel]
) -> list[Fault]:
    where = f"ensembles.{ensemble_id}"
    faults = table_faults(where, table, ENSEMBLE_KEYS, ("classes", "clip_s", "rule", "members"))
    if ensemble_id in models:
        text = f"expected a name that no model has, {ensemble_id!r} is one"
        faults.append(Fault(where, text))
    if isinstance(table.get("printed"), dict):
        faults += table_faults(f"{where}.printed", table["printed"], PRINTED_KEYS)
    if ENSEMBLE_KEYS["members"].accepts(table.get("members")):
        for place, entry in enumerate(table["members"], 1):
            faults += _member_faults(
                f"{where}.members.{place}", entry, table.get("classes"), models
            )
    return faults


def _member_faults(
    where: str, entry: Mapping[str, Any], classes: Any, models: Mapping[str, ReportModel]
) -> list[Fault]:
    model_domain = replace(words(*models), expected="a report model of the space")
    faults = table_faults(where, entry, {**MEMBER_KEYS, "model": model_domain}, ("model",))
    if faults or not ENSEMBLE_KEYS["classes"].accepts(classes):
        return faults
    class_map, of_class = entry.get("class_map"), words(*classes)
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


def ensemble_json(ensemble: Ensemble, rule: str) -> dict[str, object]:
    """Return what is written into such a file."""
    members = []
    for member in ensemble.members:
        entry = {"model": member.model.id, "number": member.number, "weight": member.weight}
        mapped = {} if member.class_map is None else {"class_map": dict(member.class_map)}
        members.append({**entry, **mapped})
    return {
        "id": ensemble.id,
        "title": ensemble.title,
        "report": ensemble.report,
        "classes": list(ensemble.classes),
        "clip_s": ensemble.clip_s,
        "rule": rule,
        "members": members,
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
        if not isinstance(entry, dict) or not MEMBER_KEYS["number"].accepts(entry.get("number", 1)):
            continue  # one of the faults below
        for _ in range(entry.get("number", 1)):
            place = folder / str(len(networks) + 1) / ARCHITECTURE
            networks.append((place, read_architecture(place)))
            name = str(entry.get("model"))
            model = stored_model(networks[-1][1], name, title=name)
            if models.setdefault(name, model) != model:
                raise ConfigError(f"{place}: expected the same as of the other {name}")
    if faults := _faults(ensemble_id, table, models):
        raise ConfigError("\n".join(f"{path}: {fault.text}" for fault in faults))
    ensemble = _ensemble(ensemble_id, table, models)
    for member, (place, found) in zip(ensemble.networks, networks, strict=True):
        names = ensemble.classes if member.class_map is None else tuple(member.class_map)
        if found.class_names != names:
            raise ConfigError(
                f"{place}: classes: expected {', '.join(names)}, as in {ENSEMBLE}, "
                f"got {', '.join(found.class_names) or found.classes}"
            )
        if found.clip_s != ensemble.clip_s:
            got = f"{ensemble.clip_s:g}, as in {ENSEMBLE}, got {found.clip_s:g}"
            raise ConfigError(f"{place}: clip_s: expected {got}")
    return ensemble


def stored_model(found: StoredArchitecture, model_id: str, title: str) -> ReportModel:
    """Return a network that was read from a file as a model of no report."""
    described = (found.architecture, found.classes, found.clip_s, found.rule)
    return ReportModel(model_id, "", title, *described, printed={})
