"""A trial of a run, as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas_asc.reports import Candidate
from nas_asc.study import JobResult, loss_of


@dataclass(frozen=True)
class Trial:
    """One trial of a run.

    Attributes:
        number: from 0, without gaps.
        model: id of the report's model or ensemble that it is, or None.
        seed: of its training.
        complexity: as `Costs.to_dict` returns it.
        rejected_over_budget: proposals over the budget before this one.
        duplicates: proposals of an earlier trial's architecture before this one.
        state: waiting, running, completed, stopped_early, failed or skipped.
        result: of a trial that completed or was stopped early.
        reason: of a trial that failed or was skipped.
        traceback: where a fault of the program arose that made it fail.
        elapsed_s: seconds of the run, all sessions, until it ended.
        spent_s: seconds that it was in training, in the session in which it ended.
    """

    number: int
    architecture: Candidate
    model: str | None
    seed: int
    complexity: Mapping[str, Any]
    rejected_over_budget: int = 0
    duplicates: int = 0
    state: str = "running"
    result: JobResult | None = None
    reason: str = ""
    traceback: str = ""
    elapsed_s: float = 0.0
    spent_s: float = 0.0

    def loss(self, objective: str) -> float | None:
        """Return what is minimised besides the size; None of a trial that is not completed."""
        if self.state != "completed" or self.result is None:
            return None
        return loss_of(self.result.metrics, objective)

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state not in ("waiting", "running")

    @property
    def size_bytes(self) -> int:
        """Its size as the rule counts it."""
        return int(self.complexity["size_bytes"])

    @property
    def macs(self) -> int:
        """Its multiply-accumulates for one clip."""
        return int(self.complexity["macs"])

    @property
    def network_macs(self) -> tuple[int, ...]:
        """Those of each of its networks: of an ensemble several are trained one by one."""
        return tuple(self.complexity.get("network_macs", (self.macs,)))
