"""The points of a front trained again when the search has ended: which differences are luck.

Conventions: a search trains each candidate once, and its front is made of the best of many. So its
points are trained again with other seeds, or on the folds of the data. A standard deviation is that
of a sample (n - 1). Two points are a tie where the means of the objective, on validation clips,
differ by less than the larger of their standard deviations. Nothing is chosen by these figures:
they are computed when the front is final.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from nas_asc.results.pareto import OBJECTIVES

# Why a point is trained again: the nouns of seeds and folds count its trainings.
KINDS = ("seeds", "folds")
SPLITS = ("validation", "test")


@dataclass(frozen=True)
class Retraining:
    """One more training of a trial's network, and how good it was.

    Attributes:
        kind: "seeds" on the split of the search, "folds" on one fold of the data.
        number: of the seed or fold, from 0.
        seed: that it was trained with.
        validation, test: metrics of the clips of these splits.
        seconds: that it took.
        retries, learning_rate, machine: as of `JobResult`.
    """

    trial: int
    kind: str
    number: int
    seed: int
    validation: Mapping[str, object]
    test: Mapping[str, object]
    seconds: float
    retries: int = 0
    learning_rate: float | None = None
    machine: str = ""


@dataclass(frozen=True)
class Finals:
    """What was trained again, by a run that goes on or has ended.

    Attributes:
        asked: how many trainings of each point, by kind.
        folds: what the folds are, in words.
    """

    asked: Mapping[str, int]
    retrainings: tuple[Retraining, ...]
    folds: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return what was asked for as JSON; the figures are those of points."""
        return {"asked": dict(self.asked), "folds": self.folds}


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation; None of a single value."""

    mean: float
    sd: float | None


@dataclass(frozen=True)
class Figures:
    """What came of the trainings of one kind of one point.

    Attributes:
        spreads: by split and error measure.
        ties: trials on the front that it is a tie with.
    """

    trainings: int
    spreads: Mapping[tuple[str, str], Spread]
    ties: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the figures as JSON."""
        return {
            "trainings": self.trainings,
            **{
                split: {measure: vars(self.spreads[split, measure]) for measure in OBJECTIVES}
                for split in SPLITS
            },
            "ties": list(self.ties),
        }

    def to_row(self, kind: str) -> dict[str, object]:
        """Return the figures as columns of a table."""
        row: dict[str, object] = {f"{kind}_trainings": self.trainings}
        for (split, measure), spread in self.spreads.items():
            row |= {f"{kind}_{split}_{measure}_{name}": n for name, n in vars(spread).items()}
        return row | {f"{kind}_ties": " ".join(map(str, self.ties))}


def final_figures(
    finals: Finals | None, front: Collection[int], objective: str
) -> dict[str, dict[int, Figures]]:
    """Return the figures of all trials that were trained again, by kind; no kind without any.

    `front` are the trials among which ties are looked for.
    """
    by_kind = {kind: _by_trial(finals, kind) for kind in KINDS}
    return {kind: _figures(trials, front, objective) for kind, trials in by_kind.items() if trials}


def _by_trial(finals: Finals | None, kind: str) -> dict[int, list[Retraining]]:
    of_trial: dict[int, list[Retraining]] = {}
    for each in finals.retrainings if finals else ():
        if each.kind == kind:
            of_trial.setdefault(each.trial, []).append(each)
    return dict(sorted(of_trial.items()))


def _figures(
    trials: Mapping[int, Sequence[Retraining]], front: Collection[int], objective: str
) -> dict[int, Figures]:
    spreads = {
        trial: {
            (split, measure): _spread([getattr(each, split)[measure] for each in found])
            for split in SPLITS
            for measure in OBJECTIVES
        }
        for trial, found in trials.items()
    }
    tied: dict[int, list[int]] = {trial: [] for trial in trials}
    judged = {trial: each["validation", objective] for trial, each in spreads.items()}
    for one, other in combinations([trial for trial in trials if trial in front], 2):
        if _is_tie(judged[one], judged[other]):
            tied[one].append(other)
            tied[other].append(one)
    return {
        trial: Figures(len(found), spreads[trial], tuple(sorted(tied[trial])))
        for trial, found in trials.items()
    }


def _spread(values: Sequence[float]) -> Spread:
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def _is_tie(one: Spread, other: Spread) -> bool:
    """Return whether two means are closer than the larger deviation; False without both."""
    if one.sd is None or other.sd is None:
        return False
    return abs(one.mean - other.mean) < max(one.sd, other.sd)
