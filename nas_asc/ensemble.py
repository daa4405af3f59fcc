"""Ensembles: several networks whose class probabilities are averaged, as one value.

Conventions: an ensemble costs the sum of its members under the rule; its networks run one after the
other, so its peak activation memory is that of the hungriest. nas_asc/voting.py averages.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nas_asc.architecture import Architecture
from nas_asc.complexity import Complexity, count
from nas_asc.frontend import Shape
from nas_asc.rules import CountingRule, counting_rule
from nas_asc.space import ReportModel

_MEASURES = (
    "params",
    "nonzero_params",
    "counted_params",
    "size_bytes",
    "macs",
    "counted_macs",
    "macs_fvcore_total",
    "macs_torchinfo",
    "peak_activation_bytes",
    "precision",
    "sparsity",
)


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
        key = hashlib.sha256(json.dumps(members).encode()).hexdigest()[:16]
        values = {"id": self.id, "networks": self.described, "members": key}
        if len(set(self.votes)) > 1:
            values["votes"] = ", ".join(f"{share:.4g}" for share in self.votes)
        return Architecture(space, {"ensemble": values}, ())


class EnsembleComplexity:
    """The cost of an ensemble; the measures are called as those of a `Complexity`."""

    def __init__(self, ensemble: Ensemble, rule: CountingRule) -> None:
        self.ensemble = ensemble
        self.rule = rule
        self.members: tuple[tuple[int, Complexity], ...] = tuple(
            (
                member.number,
                count(
                    member.model.architecture,
                    member.model.classes,
                    ensemble.clip_s,
                    rule,
                ),
            )
            for member in ensemble.members
        )

    def _sum(self, measure: str) -> int:
        return sum(number * int(getattr(member, measure)) for number, member in self.members)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The different shapes of the members' inputs, without the batch axis."""
        shapes = [shape for _, member in self.members for shape in member.input_shapes]
        return tuple(dict.fromkeys(shapes))

    @property
    def params(self) -> int:
        """Parameters that the modules hold."""
        return self._sum("params")

    @property
    def nonzero_params(self) -> int:
        """Values of the rule's kinds that pruning leaves."""
        return self._sum("nonzero_params")

    @property
    def counted_params(self) -> int:
        """Parameters as the rule counts them."""
        return self._sum("counted_params")

    @property
    def size_bytes(self) -> int:
        """The size as the rule counts it."""
        return self._sum("size_bytes")

    @property
    def stored_bytes(self) -> int:
        """What compact files of the members hold."""
        return self._sum("stored_bytes")

    @property
    def unpruned_bytes(self) -> int:
        """What the size would be with the zeros."""
        return self._sum("unpruned_bytes")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolution and linear layers."""
        return self._sum("macs")

    @property
    def network_macs(self) -> tuple[int, ...]:
        """Multiply-accumulates of each network."""
        return tuple(member.macs for number, member in self.members for _ in range(number))

    @property
    def counted_macs(self) -> int:
        """The multiply-accumulates that the rule judges."""
        return self._sum("counted_macs")

    @property
    def macs_fvcore_total(self) -> int:
        """What fvcore's raw total says."""
        return self._sum("macs_fvcore_total")

    @property
    def macs_torchinfo(self) -> int:
        """What torchinfo says."""
        return self._sum("macs_torchinfo")

    @property
    def peak_activation_bytes(self) -> int:
        """The largest peak of a member."""
        return max(member.peak_activation_bytes for _, member in self.members)

    @property
    def precision(self) -> str:
        """What values are stored as; several joined by "+" where members differ."""
        return "+".join(dict.fromkeys(member.precision for _, member in self.members))

    @property
    def sparsity(self) -> float:
        """The share of all kernel values that pruning removes."""
        weights = self._sum("weights")
        return sum(n * m.weights * m.sparsity for n, m in self.members) / weights

    def to_dict(self) -> dict[str, object]:
        """Give all measures as JSON, those of a `Complexity` and `network_macs`."""
        return {
            "rule": self.rule.id,
            "input_shape": [list(shape) for shape in self.input_shapes],
            **{measure: getattr(self, measure) for measure in _MEASURES},
            "network_macs": list(self.network_macs),
        }


def count_ensemble(ensemble: Ensemble, rule: str | None = None) -> EnsembleComplexity:
    """Count an ensemble.

    Args:
        ensemble: what to count.
        rule: counting rule; None for the report's.

    Raises:
        ConfigError: there is no such rule.
    """
    return EnsembleComplexity(ensemble, counting_rule(rule or ensemble.rule))
