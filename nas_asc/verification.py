"""Report models: the numbers that are printed against those that are counted."""

from dataclasses import dataclass

from nas_asc.complexity import Complexity, count
from nas_asc.space import ReportModel


@dataclass(frozen=True)
class Verification:
    """A report model with its counts under the report's own rule."""

    model: ReportModel
    complexity: Complexity

    @property
    def size_kb(self) -> float:
        """The size in the KB of the rule."""
        return self.complexity.size_bytes / self.complexity.rule.kb

    @property
    def match(self) -> bool:
        """Whether every number that the report prints agrees to its last digit."""
        counted = {
            "params": self.complexity.counted_params,
            "nonzero_params": self.complexity.nonzero_params,
            "size_kb": self.size_kb,
        }
        return all(
            round(counted[name], _decimals(printed)) == printed
            for name, printed in self.model.printed.items()
        )

    def to_dict(self) -> dict[str, object]:
        """Give the comparison as JSON."""
        model, printed = self.model, self.model.printed
        return {
            "id": model.id,
            "report": model.report,
            "space": model.architecture.space,
            "rule": model.rule,
            "classes": model.classes,
            "input_shape": [list(shape) for shape in self.complexity.input_shapes],
            "printed_params": printed.get("params"),
            "counted_params": self.complexity.counted_params,
            "printed_nonzero": printed.get("nonzero_params"),
            "counted_nonzero": self.complexity.nonzero_params,
            "printed_size_kb": printed.get("size_kb"),
            "counted_size_kb": round(self.size_kb, 3),
            "macs": self.complexity.macs,
            "match": self.match,
            "note": model.note,
        }


def _decimals(value: float) -> int:
    _, _, fraction = str(value).partition(".")
    return len(fraction)


def verify(model: ReportModel) -> Verification:
    """Count a report model as its report did."""
    return Verification(model, count(model.architecture, model.classes, model.clip_s, model.rule))
