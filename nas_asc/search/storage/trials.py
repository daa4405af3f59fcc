"""The trials of a run, and what keeps them: the one record of truth.

Conventions: a trial is written once when it starts and once when it ends, each whole or not at all,
so that a run may be killed at any moment. One driver writes at a time; anybody may read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
        lost: whether it failed for what may be otherwise later: its process died or hung, or memory
            ran out. It is run again when the run is resumed.
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
    lost: bool = False
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


class TrialStore(Protocol):
    """Where the trials of one run are kept, opened to write; `SqliteStore` is one."""

    def load(self) -> list[Trial]:
        """Read all trials, in order."""

    def add(self, trial: Trial) -> None:
        """Store a new trial; trials are added in the order of their numbers."""

    def start(self, trial: Trial) -> None:
        """Store that a trial starts, whether it is new, waiting, or started before and lost."""

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a trial ended, and the loss of one that completed."""

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store JSON values about the run, all or none, and what its objectives are called."""

    def close(self) -> None:
        """Close what was opened."""
