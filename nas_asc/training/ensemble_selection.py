"""Which trained networks vote best together within a budget.

Ensemble selection, Caruana et al. 2004, "Ensemble selection from libraries of models" (ICML): begin
with one network, then add, again and again, the one that lowers the loss of the averaged
probabilities most. One that is chosen twice has twice the weight and costs nothing more. The best
of all ensembles on the way is kept.

Conventions: under a budget the best network leaves little room for another. So the selection begins
with each network on the front of size and loss, and each time is done twice: by the lowest loss,
and by what the loss falls for each byte of the network that is added. Everything is chosen on the
same clips, those of validation. Of equal ensembles the smaller wins, then the earlier trials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd, inf

import numpy as np
from numpy.typing import NDArray

from nas_asc.complexity import MEASURES, Budget, Costs, total_costs
from nas_asc.errors import ConfigError
from nas_asc.training.metrics import SMALLEST, Labels, Probabilities

ROUNDS = 40  # in each of which a network is added, or one that is there gets more weight
_LEAST_GAIN = 1e-12  # of a loss, beyond rounding
_WORTH = 0.001  # of a loss or an accuracy: less is not seen in any table

Loss = tuple[float, ...]  # the objective's, then what decides between equals
Grown = tuple[Loss, int, tuple[tuple[int, int], ...]]  # bytes; number and weight of each member


@dataclass(frozen=True)
class Candidate:
    """A trained network.

    Attributes:
        trial: its number.
        costs: by the rule of the budget.
        probabilities: of the validation clips, (clip, class); of files where clips are windows.
    """

    trial: int
    costs: Costs
    probabilities: Probabilities


@dataclass(frozen=True)
class Selection:
    """What was selected: how often each trial, and the best network by itself.

    Attributes:
        weights: by trial, two of them at least; none where no ensemble is better by a thousandth.
        single: the best network within the budget.
    """

    weights: Mapping[int, int]
    single: Candidate


def select_members(
    candidates: Sequence[Candidate],
    labels: Labels,
    budget: Budget,
    objective: str,
    most: int | None = None,
) -> Selection:
    """Select an ensemble whose distinct members together keep to a budget.

    Args:
        candidates: in the order of their trials.
        labels: of the clips or files that they were judged by.
        budget: of the sums of bytes, parameters and multiply-accumulates, and of the largest peak
            memory, since networks run one after the other.
        objective: "log_loss" or "accuracy".
        most: distinct members; None for as many as there is room for.

    Raises:
        ConfigError: no two candidates keep to the budget together.
    """
    fitting = [each for each in candidates if budget.exceeded(each.costs) is None]
    if not any(
        budget.exceeded(total_costs([one.costs, other.costs])) is None
        for number, one in enumerate(fitting)
        for other in fitting[:number]
    ):
        raise ConfigError(_without_room(candidates, budget))
    library = _Library(fitting, labels, budget, objective, most)
    single = min(range(len(fitting)), key=library.rank)
    found = [
        library.grow(start, per_byte) for start in library.front() for per_byte in (False, True)
    ]
    loss, _, weights = min(found)
    chosen = dict(weights)
    if len(chosen) < 2 or loss[0] > library.losses[single][0] - _WORTH:
        return Selection({}, fitting[single])
    shared = reduce(gcd, chosen.values())
    return Selection({fitting[n].trial: k // shared for n, k in weights}, fitting[single])


def _without_room(candidates: Sequence[Candidate], budget: Budget) -> str:
    """Say that no two candidates fit, and which limit alone is too tight for any two, if one is."""
    least = ""
    for name, limit in budget.limits().items():
        measure = MEASURES[name]
        values = sorted(int(getattr(each.costs, measure.attribute)) for each in candidates)[:2]
        needed = max(values) if name == "peak_activation_bytes" else sum(values)
        if len(values) == 2 and needed > limit:
            least = f", of which the two smallest take {needed:,} {measure.unit}"
            break
    return (
        f"budget: expected room for two of the trained networks ({len(candidates)}){least}; "
        f"got {budget} - give more"
    )


class _Library:
    """Candidates that fit, by their place in a list, and what is known of them.

    Attributes:
        losses: of each by itself.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        labels: Labels,
        budget: Budget,
        objective: str,
        most: int | None,
    ) -> None:
        self._costs = [each.costs for each in candidates]
        self._budget, self._most = budget, inf if most is None else most
        self._labels = labels
        votes = np.stack([each.probabilities for each in candidates])
        # The log loss needs the probability of the true class alone.
        self._true = votes[:, np.arange(len(labels)), labels]
        self._votes = votes if objective == "accuracy" else None
        counts = np.bincount(labels)
        self._clip_shares = 1 / (counts[labels] * np.count_nonzero(counts))  # in macro accuracy
        every = list(range(len(candidates)))
        self.losses = self._losses(every, np.zeros(len(every), int), 0)

    def rank(self, number: int) -> tuple[Loss, int, int]:
        """Return what is the smaller the better a candidate is."""
        return self.losses[number], self._costs[number].size_bytes, number

    def front(self) -> list[int]:
        """Return the candidates that none of the same size or smaller beats, smallest first."""
        found: list[int] = []
        by_size = sorted(
            range(len(self._costs)), key=lambda n: (self._costs[n].size_bytes, self.rank(n))
        )
        for number in by_size:
            if not found or self.losses[number] < self.losses[found[-1]]:
                found.append(number)
        return found

    def grow(self, start: int, per_byte: bool) -> Grown:
        """Add candidates to a first one; return the best ensemble on the way.

        What is added lowers the loss most, or most for each of its bytes; where nothing lowers it,
        what raises it least, since twice the weight of some may make room for others.
        """
        weights = np.zeros(len(self._costs), int)
        weights[start] = 1
        best: Grown = (self.losses[start], self._costs[start].size_bytes, ((start, 1),))
        loss, allowed = self.losses[start], self._allowed([start])
        for _ in range(ROUNDS):
            found = self._losses(allowed, weights, int(weights.sum()))
            added = min(range(len(allowed)), key=lambda n: (found[n], allowed[n]))
            if per_byte:
                gains = [loss[0] - each[0] for each in found]
                sizes = [self._costs[n].size_bytes for n in allowed]
                by_byte = [gain / size for gain, size in zip(gains, sizes, strict=True)]
                if max(by_byte) > 0:
                    added = by_byte.index(max(by_byte))
            number, loss = allowed[added], found[added]
            is_new = not weights[number]
            weights[number] += 1
            members = [int(n) for n in np.flatnonzero(weights)]
            if is_new:
                allowed = self._allowed(members)
            size = sum(self._costs[n].size_bytes for n in members)
            if loss[0] < best[0][0] - _LEAST_GAIN:
                best = (loss, size, tuple((n, int(weights[n])) for n in members))
        return best

    def _allowed(self, members: list[int]) -> list[int]:
        """Return what may be added to members: they themselves, and what there is room for."""
        if len(members) >= self._most:
            return members
        costs = total_costs([self._costs[n] for n in members])
        return [
            n
            for n, each in enumerate(self._costs)
            if n in members or self._budget.exceeded(total_costs([costs, each])) is None
        ]

    def _losses(self, added: Sequence[int], weights: NDArray[np.int_], total: int) -> list[Loss]:
        """Return the loss of an ensemble of so many votes with each of some candidates added."""
        chosen = np.flatnonzero(weights)
        held = weights[chosen] @ self._true[chosen]
        true = np.clip((held + self._true[added]) / (total + 1), SMALLEST, 1 - SMALLEST)
        log_losses = -np.log(true).mean(axis=1)
        if self._votes is None:
            return [(float(loss),) for loss in log_losses]
        votes = np.tensordot(weights[chosen], self._votes[chosen], 1)
        errors = [
            1 - float(self._clip_shares @ ((votes + self._votes[n]).argmax(1) == self._labels))
            for n in added
        ]
        return list(zip(errors, map(float, log_losses), strict=True))
