"""Report models: the numbers that are printed against those that are counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nas_asc.complexity import Complexity, Costs, count
from nas_asc.reports.ensemble import Ensemble, count_ensemble, count_members
from nas_asc.spaces import ReportModel

Counted = Complexity | Costs

# What stands against each number that a report may print.
COUNTED: Mapping[str, Callable[[Counted], float]] = {
    "params": lambda c: c.counted_params,
    "params_with_norms": lambda c: c.params,
    "nonzero_params": lambda c: c.nonzero_params,
    "size_kb": lambda c: c.size_bytes / c.rule.kb,
    "unpruned_size_kb": lambda c: c.unpruned_bytes / c.rule.kb,
    "mmacs": lambda c: c.macs_torchinfo / 1e6,
}


@dataclass(frozen=True)
class Verification:
    """A report model or ensemble with its counts under the report's own rule."""

    model: ReportModel | Ensemble
    complexity: Counted

    @property
    def size_kb(self) -> float:
        """The size in the KB of the rule."""
        return COUNTED["size_kb"](self.complexity)

    @property
    def match(self) -> bool:
        """Whether every number that the report prints agrees to its last digit."""
        return all(map(self.agrees, self.model.printed))

    def agrees(self, name: str) -> bool:
        """Whether a number that the report prints agrees to its last digit."""
        printed = self.model.printed[name]
        return round(COUNTED[name](self.complexity), _decimals(printed)) == printed

    def to_dict(self) -> dict[str, object]:
        """Give the comparison as JSON."""
        model, printed = self.model, self.model.printed
        return {
            "id": model.id,
            "report": model.report,
            "space": "asc" if isinstance(model, Ensemble) else model.architecture.space,
            "rule": model.rule,
            "classes": len(model.classes) if isinstance(model, Ensemble) else model.classes,
            "input_shape": [list(shape) for shape in self.complexity.input_shapes],
            "printed_params": printed.get("params"),
            "counted_params": self.complexity.counted_params,
            "printed_nonzero": printed.get("nonzero_params"),
            "counted_nonzero": self.complexity.nonzero_params,
            "printed_size_kb": printed.get("size_kb"),
            "counted_size_kb": round(self.size_kb, 3),
            "macs": self.complexity.macs,
            "printed_mmacs": printed.get("mmacs"),
            "counted_mmacs": round(COUNTED["mmacs"](self.complexity), 3),
            "match": self.match,
            "note": model.note,
        }


@dataclass(frozen=True)
class MemberCost:
    """What one network of an ensemble's member costs under the ensemble's rule.

    Attributes:
        number: of such networks.
        vote: the share that one of them has in the average.
    """

    id: str
    number: int
    vote: float
    params: int
    nonzero: int
    size_kb: float
    macs: int


def member_costs(found: Verification) -> list[MemberCost]:
    """Give the costs of an ensemble's members, in their order; none of a single network."""
    model, rule = found.model, found.complexity.rule
    if not isinstance(model, Ensemble):
        return []
    counted = zip(model.members, model.votes, count_members(model), strict=True)
    return [
        MemberCost(
            id=member.model.id,
            number=member.number,
            vote=vote,
            params=one.counted_params,
            nonzero=one.nonzero_params,
            size_kb=one.size_bytes / rule.kb,
            macs=one.macs,
        )
        for member, vote, one in counted
    ]


def _decimals(value: float) -> int:
    _, _, fraction = str(value).partition(".")
    return len(fraction)


def verify(model: ReportModel | Ensemble) -> Verification:
    """Count a report model or ensemble as its report did."""
    if isinstance(model, Ensemble):
        return Verification(model, count_ensemble(model))
    return Verification(model, count(model.architecture, model.classes, model.clip_s, model.rule))
