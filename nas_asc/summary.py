"""What a search found: the one value that tables, plots, pages and JSON are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nas_asc.budget import Budget
from nas_asc.pareto import Point, front, hypervolume

TRIAL_COUNTS = ("completed", "stopped_early", "failed", "duplicates", "rejected_over_budget")


@dataclass(frozen=True)
class Summary:
    """The state of a search, finished or not.

    Attributes:
        run: the run folder, as the user named it.
        rule: id of the counting rule that sizes are counted by.
        objective: "log_loss" or "accuracy"; the front is the one of size and this.
        data: what `Dataset.describe` gives: name, clips, classes, splits.
        classes: names of the classes.
        trials: how many trials ended how, by the names of `TRIAL_COUNTS`.
        points: all trials that were trained to the end, report models among them.
        seeds_over_budget: report models that were not trained: model, size_bytes, macs, binds.
        seeds_adapted: report models that were made to go with the data: model, changes in words.
        ensembles_skipped: ensembles of reports that do not go with the data: ensemble, reason.
        seeds_skipped: report models for which there was no time: model, reason.
        seconds: wall clock time spent, in all sessions of the run.
    """

    run: str
    space: str
    rule: str
    seed: int
    objective: str
    budget: Budget
    data: Mapping[str, object]
    classes: tuple[str, ...]
    trials: Mapping[str, int]
    points: tuple[Point, ...]
    seeds_over_budget: tuple[Mapping[str, object], ...] = ()
    seconds: float = field(default=0.0)
    seeds_adapted: tuple[Mapping[str, object], ...] = ()
    ensembles_skipped: tuple[Mapping[str, object], ...] = ()
    seeds_skipped: tuple[Mapping[str, object], ...] = ()

    @cached_property
    def front(self) -> tuple[Point, ...]:
        """The non-dominated points, smallest first."""
        return tuple(front(self.points, self.objective))

    @property
    def ended(self) -> int:
        """Trials that ended; report models that were skipped are none."""
        return sum(self.trials.get(name, 0) for name in ("completed", "stopped_early", "failed"))

    @cached_property
    def reference(self) -> tuple[Point, ...]:
        """All report models that were trained, on the front or not, smallest first."""
        models = (point for point in self.points if point.model is not None)
        return tuple(sorted(models, key=lambda point: (point.size_bytes, point.trial)))

    @cached_property
    def hypervolume(self) -> float | None:
        """The share of what the budget allows that the front dominates, 0 to 1.

        None without a limit above 1 KiB, and before the classes are known.
        """
        if len(self.classes) < 2:
            return None
        return hypervolume(self.front, self.budget.size_bytes, len(self.classes))

    def to_dict(self) -> dict[str, object]:
        """Give what `search --json` prints."""
        return {
            "run": self.run,
            "space": self.space,
            "rule": self.rule,
            "seed": self.seed,
            "objective": self.objective,
            "budget": self.budget.to_dict(),
            "data": dict(self.data),
            "trials": dict.fromkeys(TRIAL_COUNTS, 0) | dict(self.trials),
            "front": [point.to_dict() for point in self.front],
            "hypervolume": self.hypervolume,
            "seconds": self.seconds,
            "seeds_over_budget": [dict(seed) for seed in self.seeds_over_budget],
            "seeds_adapted": [dict(seed) for seed in self.seeds_adapted],
            "ensembles_skipped": [dict(entry) for entry in self.ensembles_skipped],
            "seeds_skipped": [dict(seed) for seed in self.seeds_skipped],
            "reference": [point.to_dict() for point in self.reference],
        }
