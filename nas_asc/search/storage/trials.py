"""The trials of a run, and what keeps them: the one record of truth.

Conventions: a trial is written once when a job of it starts and once when that ends, each whole or
not at all, so that a run may be killed at any moment. One driver writes at a time; anybody may
read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from nas_asc.reports import Candidate
from nas_asc.study import JobResult, loss_of

ELAPSED = "elapsed_s"  # the fact of how long a run has taken


@dataclass(frozen=True)
class TrialJob:
    """One job of a trial: its training up to a rung, or to the end.

    Attributes:
        number: of the job, from 0 in the order in which the jobs of all trials were issued.
        until: the epoch after which it ends.
        known: results of how many jobs were made use of, by plan, before it was issued; None for
            all that had ended by then by plan, as it was when each trial was one job.
        ended: whether its result is stored.
        loss: that the trial then had; None where it failed.
    """

    number: int
    until: int
    known: int | None
    ended: bool = False
    loss: float | None = None


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
        state: waiting, running, completed, stopped_early (it rests at a rung), failed or skipped.
        jobs: of the search, in order.
        after_end: whether it is a report model that was finished when the search had ended.
        result: the last one, of a trial that completed or was stopped early.
        reason: of a trial that failed or was skipped.
        traceback: where a fault of the program arose that made it fail.
        lost: whether it failed for what may be otherwise later: its process died or hung, or memory
            ran out. It is run again when the run is resumed.
        elapsed_s: seconds of the run, all sessions, until it ended.
        spent_s: seconds that its jobs took.
    """

    number: int
    architecture: Candidate
    model: str | None
    seed: int
    complexity: Mapping[str, Any]
    rejected_over_budget: int = 0
    duplicates: int = 0
    state: str = "running"
    jobs: tuple[TrialJob, ...] = ()
    after_end: bool = False
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

    def job_ended(self, loss: float | None) -> "Trial":
        """Return the trial with its last job ended, if that is one of the search."""
        if self.after_end or not self.jobs:
            return self
        last = replace(self.jobs[-1], ended=True, loss=loss)
        return replace(self, jobs=(*self.jobs[:-1], last))

    def started(self) -> "Trial":
        """Return the trial in training, for the first time or again."""
        jobs = self.jobs
        if jobs and not self.after_end:
            jobs = (*jobs[:-1], replace(jobs[-1], ended=False, loss=None))
        return replace(self, state="running", jobs=jobs, reason="", traceback="", lost=False)

    @property
    def learning_rate(self) -> float | None:
        """The learning rate that it diverged without; None for that of the recipe."""
        return self.result.learning_rate if self.result else None

    @property
    def machine(self) -> str:
        """The kind of processor or GPU that computed its last result; empty if not known."""
        return self.result.machine if self.result else ""

    @property
    def finished(self) -> bool:
        """Whether it is not in training, and not to be begun first."""
        return self.state not in ("waiting", "running")

    @property
    def at_rest(self) -> bool:
        """Whether it was trained in part: it rests at a rung, or goes on from there."""
        return self.state in ("stopped_early", "running") and self.result is not None

    @property
    def beside_search(self) -> bool:
        """Whether it is none of the trials that a search is to have, but came after its end."""
        return self.after_end and not self.jobs

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


def run_seconds(trials: Sequence[Trial], facts: Mapping[str, Any]) -> float:
    """Return how long a run has taken, in all sessions, with what came after its last result."""
    return max([float(facts.get(ELAPSED, 0.0)), *(trial.elapsed_s for trial in trials)])


class TrialStore(Protocol):
    """Where the trials of one run are kept, opened to write: `SqliteStore`, `PostgresqlStore`."""

    def load(self) -> list[Trial]:
        """Read all trials, in order."""

    def add(self, trial: Trial) -> None:
        """Store a new trial; trials are added in the order of their numbers."""

    def start(self, trial: Trial) -> None:
        """Store that a job of a trial starts, whether it is new, rests, or was lost."""

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a job of a trial ended, and the loss of a trial that completed."""

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store JSON values about the run, all or none, and what its objectives are called."""

    def set_elapsed(self, seconds: float) -> None:
        """Store how long the run has taken, in all sessions."""

    def keep_file(self, name: str, text: str) -> None:
        """Store a file of the run folder too, if the trials do not lie in that folder."""

    def close(self) -> None:
        """Close what was opened."""
