"""Which suggestion becomes a trial: nothing over the budget and nothing known is ever trained.

Conventions: what a sampler suggests is counted in closed form first; over the budget it is counted
as rejected and the next is asked for, an architecture that some trial has already is counted as a
duplicate likewise. Neither is stored or trained, and the sampler does not hear of it: told about
architectures over the budget it would need fewer proposals, but the front would be no better.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Complexity
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
    """Lets through what fits the budget, is new and can be afforded.

    Args:
        budget: what is over it counts as rejected.
        trained_budget: what is over this one alone is passed over in silence.
    """

    def __init__(
        self, space: SearchSpace, budget: Budget, measure: Measure, trained_budget: Budget
    ) -> None:
        self._space = space
        self._budget = budget
        self._trained_budget = trained_budget
        self._measure = measure
        self._known: set[str] = set()

    def remember(self, architecture: Architecture) -> None:
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

        Args:
            suggestions: of the sampler.
            max_suggestions: how many of these are looked at before chance takes over.
            at_random: architectures at random.
            seed: of what comes last, the repair of random draws that are over the budget.

        Raises:
            SpaceExhausted: thousands of draws gave nothing.
        """
        rejected = duplicates = 0
        for architecture in chain(
            islice(suggestions, max_suggestions),
            islice(at_random, _RANDOM_DRAWS),
            self._repaired(seed),
        ):
            complexity = self._measure(architecture)
            if self._budget.exceeded(complexity) is not None:
                rejected += 1
            elif self._trained_budget.exceeded(complexity) is not None:
                continue
            elif architecture.key in self._known:
                duplicates += 1
            else:
                return Proposal(architecture, complexity, rejected, duplicates)
        raise SpaceExhausted

    def _repaired(self, seed: int) -> Iterator[Architecture]:
        rng = random.Random(seed)
        for _ in range(_REPAIRS):
            yield from repaired(self._space, self._trained_budget, self._measure, rng, tries=1)
