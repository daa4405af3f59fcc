"""Ensembles: several networks whose class probabilities are averaged, as one value.

Conventions: an ensemble costs the sum of its members under the rule; its networks run one after the
other, so its peak activation memory is that of the hungriest.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nas_asc.architectures import Architecture
from nas_asc.complexity import Complexity, Costs, count, counting_rule, total_costs
from nas_asc.files import digest
from nas_asc.spaces import ReportModel


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
        """Give it for data with other classes (None: the same) and clips, its members too."""
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

    def as_architecture(self, space: str) -> Architecture:
        """Give what stands for it among the architectures of a study; it has no choices.

        Two are equal if their members are, weights and class maps included. Where networks
        weigh differently it has their `votes` too.
        """
        members = [
            (member.model.architecture.key, member.number, member.weight, member.class_map)
            for member in self.members
        ]
        key = digest(json.dumps(members), 16)
        values = {"id": self.id, "networks": self.described, "members": key}
        if len(set(self.votes)) > 1:
            values["votes"] = ", ".join(f"{share:.4g}" for share in self.votes)
        return Architecture(space, {"ensemble": values}, ())


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
