"""What a search found: the one value that tables, pictures, pages and JSON are made from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nas_asc.complexity import Budget, counting_rule
from nas_asc.results.finals import Figures, Finals, final_figures
from nas_asc.results.pareto import OBJECTIVES, POINT_COLUMNS, Point, hypervolume, pareto_front

if TYPE_CHECKING:
    import pandas as pd


def choice_columns(choices: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the paths of all choices in one order that keeps that of each network if it can."""
    merged: list[str] = []
    for each in choices:
        place = 0
        for path in each:
            if path in merged:
                place = merged.index(path) + 1
            else:
                merged.insert(place, path)
                place += 1
    return merged


def data_frame(
    rows: Sequence[Mapping[str, object]],
    choices: Sequence[Mapping[str, object]],
    columns: Sequence[str],
) -> "pd.DataFrame":
    """Build a DataFrame with the columns named, then one per choice.

    Whole numbers stay whole where some are missing: such columns have pandas' nullable types.

    Args:
        rows: values by column.
        choices: of each row, by dotted path.
        columns: their order; needed where there are no rows.
    """
    import pandas as pd

    # Without pandas' guess, which makes 12.0 of 12 where others have no such choice; without rows
    # nothing tells text from numbers, and `.str` is what would fail.
    kind = None if rows else "object"
    values = {name: pd.array([row.get(name) for row in rows], dtype=kind) for name in columns}
    for path in choice_columns(choices):
        values[path] = pd.array([each.get(path) for each in choices])
    return pd.DataFrame(values)


TRIAL_COUNTS = ("completed", "stopped_early", "failed", "duplicates", "rejected_over_budget")


@dataclass(frozen=True)
class Summary:
    """The state of a search, finished or not.

    Attributes:
        run: the run folder, as the user named it.
        rule: id of the counting rule that sizes are counted by.
        objective: "log_loss" or "accuracy"; `front` is the front of size and this error measure.
        data: what `Dataset.describe` gives: name, clips, classes, splits.
        classes: names of the classes.
        trials: how many trials ended how, by the names of `TRIAL_COUNTS`.
        points: all trials that were trained to the end, report models among them.
        seeds_over_budget: report models that were not trained: model, size_bytes, macs, binds.
        seeds_adapted: report models that were made to go with the data: model, changes in words.
        ensembles_skipped: ensembles of reports that do not go with the data: ensemble, reason.
        seeds_skipped: report models of which nothing was trained so far: model, reason.
        seconds: wall clock time spent, in all sessions of the run; without `finals`.
        epochs: of a full training.
        resting: trials that rest at a rung, as what they are there.
        utilisation: share of their time that the workers of the last session spent in jobs whose
            results are stored, 0 to 1; None where that is not known.
        ensembles: of trials of the run, within its budget; they are no trials of the search, count
            nowhere, and stand on the front if nothing beats them.
        ensembles_over_budget: those that were made for a larger budget: trial, binds.
        finals: the points of the front trained again when the search had ended; None where that
            was not asked for.
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
    seconds: float = 0.0
    seeds_adapted: tuple[Mapping[str, object], ...] = ()
    ensembles_skipped: tuple[Mapping[str, object], ...] = ()
    seeds_skipped: tuple[Mapping[str, object], ...] = ()
    finals: Finals | None = None
    epochs: int = 0
    resting: tuple[Point, ...] = ()
    utilisation: float | None = None
    ensembles: tuple[Point, ...] = ()
    ensembles_over_budget: tuple[Mapping[str, object], ...] = ()

    @property
    def shown(self) -> tuple[Point, ...]:
        """All points that may be on a front."""
        return (*self.points, *self.ensembles)

    @cached_property
    def fronts(self) -> dict[str, tuple[Point, ...]]:
        """The non-dominated points by error measure, smallest first."""
        return {measure: tuple(pareto_front(self.shown, measure)) for measure in OBJECTIVES}

    @cached_property
    def front_of_trials(self) -> tuple[Point, ...]:
        """The front as it is without ensembles of trials: what can be trained again."""
        return tuple(pareto_front(self.points, self.objective))

    @property
    def front(self) -> tuple[Point, ...]:
        """The front of size and the study's objective, smallest first."""
        return self.fronts[self.objective]

    @cached_property
    def other_front(self) -> tuple[Point, ...]:
        """The points that are only on the front of the other error measure, smallest first."""
        (other,) = set(OBJECTIVES) - {self.objective}
        return tuple(point for point in self.fronts[other] if point not in self.front)

    def on_front(self, point: Point) -> list[str]:
        """Return the error measures by which a point is on the front of all trials."""
        return [measure for measure, points in self.fronts.items() if point in points]

    @cached_property
    def final_figures(self) -> dict[str, dict[int, Figures]]:
        """What came of training points again, by kind and trial; no kind without any."""
        front = {point.trial for point in self.front_of_trials}
        return final_figures(self.finals, front, self.objective)

    def final_row(self, point: Point) -> dict[str, object]:
        """Return what came of training a point again, as columns of a table."""
        row: dict[str, object] = {}
        for kind, of_trial in self.final_figures.items():
            if point.trial in of_trial:
                row |= of_trial[point.trial].to_row(kind)
        return row

    @property
    def final_columns(self) -> tuple[str, ...]:
        """The columns of `final_row`; none where nothing was trained again."""
        return tuple(
            name
            for kind, of_trial in self.final_figures.items()
            for name in next(iter(of_trial.values())).to_row(kind)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The attributes of a point in every table; those of windows only where there are some."""
        windowed = "windows" in self.data
        return tuple(n for n in POINT_COLUMNS if windowed or not n.startswith("window"))

    @property
    def kb(self) -> int:
        """Bytes in a KB, by the counting rule."""
        return counting_rule(self.rule).kb

    @cached_property
    def reference(self) -> tuple[Point, ...]:
        """All report models that were trained, on the front or not, smallest first."""
        models = (point for point in self.points if point.model is not None)
        return tuple(sorted(models, key=lambda point: (point.size_bytes, point.trial)))

    @cached_property
    def hypervolume(self) -> float | None:
        """The share of what the budget allows that the front dominates in the objective, 0 to 1.

        None without a limit above 1 KiB, and before the classes are known.
        """
        if len(self.classes) < 2:
            return None
        limit = self.budget.size_bytes
        return hypervolume(self.front, limit, len(self.classes), self.objective)

    def point_to_dict(self, point: Point) -> dict[str, object]:
        """Return a point as JSON, with the fronts that it is on."""
        values = {name: getattr(point, name) for name in self.columns}
        again = {
            kind: of_trial[point.trial].to_dict()
            for kind, of_trial in self.final_figures.items()
            if point.trial in of_trial
        }
        return {
            **values,
            **({"source": "ensemble"} if point.is_of_trials else {}),
            "on_front": self.on_front(point),
            **({"finals": again} if self.finals else {}),
            "choices": dict(point.choices),
        }

    def to_dict(self) -> dict[str, object]:
        """Return what `search --json` prints."""
        return {
            "run": self.run,
            "space": self.space,
            "rule": self.rule,
            "seed": self.seed,
            "objective": self.objective,
            "budget": self.budget.to_dict(),
            "data": dict(self.data),
            "trials": dict.fromkeys(TRIAL_COUNTS, 0) | dict(self.trials),
            "front": [self.point_to_dict(point) for point in self.front],
            "other_front": [self.point_to_dict(point) for point in self.other_front],
            "hypervolume": self.hypervolume,
            "hypervolume_objective": self.objective,
            "seconds": self.seconds,
            "seeds_over_budget": [dict(seed) for seed in self.seeds_over_budget],
            "seeds_adapted": [dict(seed) for seed in self.seeds_adapted],
            "ensembles_skipped": [dict(entry) for entry in self.ensembles_skipped],
            "seeds_skipped": [dict(seed) for seed in self.seeds_skipped],
            "reference": [
                self.point_to_dict(p) | {"after_end": p.after_end} for p in self.reference
            ],
            "resting": [self.point_to_dict(p) | {"epochs": p.epochs} for p in self.resting],
            "utilisation": self.utilisation,
            **({"finals": self.finals.to_dict()} if self.finals else {}),
            **self._ensembles_to_dict(),
        }

    def _ensembles_to_dict(self) -> dict[str, object]:
        if not (self.ensembles or self.ensembles_over_budget):
            return {}
        return {
            "ensembles": [self.point_to_dict(point) for point in self.ensembles],
            "ensembles_over_budget": [dict(each) for each in self.ensembles_over_budget],
        }

    def to_frame(self) -> "pd.DataFrame":
        """Build a DataFrame of the points that are on a front, smallest first.

        Its columns are those of `front.csv`; `on_front` names the error measures, a space between
        them.
        """
        points = sorted((*self.front, *self.other_front), key=lambda p: (p.size_bytes, p.trial))
        rows = [
            self.point_to_dict(p) | {"on_front": " ".join(self.on_front(p))} | self.final_row(p)
            for p in points
        ]
        columns = (*self.columns, "on_front", *self.final_columns)
        return data_frame(rows, [point.choices for point in points], columns)
