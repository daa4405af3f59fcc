"""Regularised evolution for two objectives.

After Real et al. (2019, arXiv:1802.01548): those who die are the oldest, not the worst, so that
nobody lives on by a lucky training, and a child is the best of a random sample of the population
with one choice changed. Here the best are a front, and one of them is a parent the more likely, the
more of the hypervolume it adds alone: where points lie close to each other, few are needed. A child
has another choice changed, and another, each with even chance, since a search trains dozens of
networks, not thousands.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from math import log2

from nas_asc.architectures import Architecture
from nas_asc.reports import Candidate
from nas_asc.results import SMALLEST_SIZE_BYTES
from nas_asc.search.samplers.sampler import Outcome, Scope, draw, first_front
from nas_asc.spaces import one_choice_mutations

_POPULATION = 32  # trials that completed last
_SAMPLE = 16
_LEAST_TRIALS = 8  # below this it draws at random
_ONE_MORE = 0.5  # the chance that another choice is changed
_TRIES = 200  # for a child that is new and fits
_LEAST_SHARE = 1e-9  # of a point that adds nothing: where none does, each is a parent


class EvolutionSampler:
    """Changes choices of a trial that none beats in a sample of the latest ones."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._accepted: dict[int, Architecture] = {}
        self._population = deque[tuple[Architecture, tuple[float, float]]](maxlen=_POPULATION)

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield children that fit the budget and are new, as long as such are found."""
        rng = random.Random(self._scope.random_seed(number))
        population = [*self._population]
        known = {architecture.key for architecture in self._accepted.values()}
        while len(population) >= _LEAST_TRIALS:
            child = self._child(population, known, rng)
            if child is None:
                break
            known.add(child.key)
            yield child
        yield from draw(self._scope.space, rng.getrandbits(32))

    def accept(self, number: int, architecture: Candidate) -> None:
        """Note which architecture a trial has."""
        if isinstance(architecture, Architecture):  # an ensemble has no choices to change
            self._accepted[number] = architecture

    def report(self, number: int, outcome: Outcome, share: float = 1.0) -> None:
        """Add a trial that was trained to its end to the population."""
        if isinstance(outcome, tuple) and share == 1 and number in self._accepted:
            self._population.append((self._accepted[number], outcome))

    def _child(
        self,
        population: Sequence[tuple[Architecture, tuple[float, float]]],
        known: set[str],
        rng: random.Random,
    ) -> Architecture | None:
        """Return a child that may be trained and is not known; None where none is found."""
        scope = self._scope
        for _ in range(_TRIES):
            sample = rng.sample(population, min(_SAMPLE, len(population)))
            outcomes = [outcome for _, outcome in sample]
            front = first_front(outcomes)
            shares = added_alone([outcomes[at] for at in front], scope)
            (parent,) = rng.choices(front, [share + _LEAST_SHARE for share in shares])
            child = next(one_choice_mutations(scope.space, [sample[parent][0]], rng))
            while rng.random() < _ONE_MORE:
                child = next(one_choice_mutations(scope.space, [child], rng))
            if scope.fitting(child) is not None and child.key not in known:
                return child
        return None


def added_alone(front: Sequence[tuple[float, float]], scope: Scope) -> list[float]:
    """Compute the hypervolume that each (loss, size) of a front, smallest first, adds alone.

    In octaves of size times loss. Without a limit on the size it ends an octave above the largest.
    """
    limit = scope.budget.size_bytes or 2 * front[-1][1]
    ends = [*(size for _, size in front[1:]), limit]
    above = [scope.guessing_loss, *(loss for loss, _ in front[:-1])]
    return [
        max(log2(end / max(size, SMALLEST_SIZE_BYTES)), 0.0) * max(before - loss, 0.0)
        for (loss, size), end, before in zip(front, ends, above, strict=True)
    ]
