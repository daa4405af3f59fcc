"""What may become a trial: it suits the data, fits the budget, is new and can be afforded."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Complexity
from nas_asc.reports import Candidate
from nas_asc.search.task import Measure
from nas_asc.spaces import SearchSpace, repaired

_RANDOM_DRAWS = 20_000
_REPAIRS = 20


class SpaceExhausted(Exception):
    """No architecture was found that fits the budget and is not known already."""


@dataclass(frozen=True)
class Proposal:
    """An architecture that may be trained, and how many were turned away before it."""

    architecture: Architecture
    complexity: Complexity
    rejected_over_budget: int
    duplicates: int


class Gate:
    """Lets through what suits the data, fits the budget, is new and can be afforded.

    What is over the budget counts as rejected; what is over `trained_budget` alone does not, nor
    what does not suit the data.
    """

    def __init__(
        self,
        space: SearchSpace,
        budget: Budget,
        measure: Measure,
        trained_budget: Budget,
        suits: Callable[[Architecture], bool],
    ) -> None:
        self._suits = suits
        self._space = space
        self._budget = budget
        self._trained_budget = trained_budget
        self._measure = measure
        self._known: set[str] = set()

    def remember(self, architecture: Candidate) -> None:
        """Count this architecture as known from now on."""
        self._known.add(architecture.key)

    def next_candidate(
        self,
        suggestions: Iterator[Architecture],
        max_suggestions: int,
        at_random: Iterator[Architecture],
        seed: int,
    ) -> Proposal:
        """Return the first architecture that may be trained.

        So many of a sampler's suggestions are looked at, then architectures at random, and last,
        with a seed, what repair makes of random draws that are over the budget.

        Raises:
            SpaceExhausted: thousands of draws gave nothing.
        """
        space, trained = self._space, self._trained_budget
        rng = random.Random(seed)
        tries = (
            repaired(space, trained, self._measure, rng, tries=1, admits=self._suits)
            for _ in range(_REPAIRS)
        )
        rejected = duplicates = 0
        for architecture in chain(
            islice(suggestions, max_suggestions),
            islice(at_random, _RANDOM_DRAWS),
            chain.from_iterable(tries),
        ):
            if not self._suits(architecture):
                continue
            complexity = self._measure(architecture)
            if self._budget.exceeded(complexity) is not None:
                rejected += 1
            elif trained.exceeded(complexity) is not None:
                continue
            elif architecture.key in self._known:
                duplicates += 1
            else:
                return Proposal(architecture, complexity, rejected, duplicates)
        raise SpaceExhausted
