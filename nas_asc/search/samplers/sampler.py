"""What a sampler is and what it knows of a search; random search.

Conventions: a sampler's suggestions for trial n depend on the seed, on n, on the trials accepted
before it and on the results that were reported, and on nothing else. Results are reported in the
order in which jobs end by plan, those that trial n depends on before it is asked for; trials are
accepted in the order of their numbers. So the suggestions are the same with any number of workers,
and after a resumption.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Complexity
from nas_asc.reports import Candidate
from nas_asc.search.task import Measure
from nas_asc.spaces import SearchSpace
from nas_asc.study import trial_seed

# Loss and size, both to be minimised; the state of a trial that failed.
Outcome = tuple[float, float] | str


@dataclass(frozen=True)
class Scope:
    """What may be suggested in a search, and what is known of it before it is trained.

    Attributes:
        seed: of the study.
        budget: that nothing trained exceeds.
        measure: counts an architecture.
        suits: checks whether its front end suits the data, and that it trains in the time it may.
        guessing_loss: of guessing; a worse one is of no use.
    """

    space: SearchSpace
    seed: int
    budget: Budget
    measure: Measure
    suits: Callable[[Architecture], bool]
    guessing_loss: float

    def random_seed(self, number: int) -> int:
        """Return the seed of what is suggested for a trial."""
        return trial_seed(self.seed, number, "sampler")

    def fitting(self, architecture: Architecture) -> Complexity | None:
        """Return what an architecture costs; None where it may not be trained."""
        if not self.suits(architecture):
            return None
        cost = self.measure(architecture)
        return None if self.budget.exceeded(cost) else cost


class Sampler(Protocol):
    """Something that suggests architectures for one trial after the other."""

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield suggestions for a trial without end; any number of them may be turned down.

        It is gone on with for the next trials where a study asks for a batch.
        """

    def accept(self, number: int, architecture: Candidate) -> None:
        """Note which architecture a trial has, whether it was suggested for it or not."""

    def report(self, number: int, outcome: Outcome, share: float = 1.0) -> None:
        """Note what came of a trial after a share of its epochs, at a rung or at the end."""


class UniformSampler(Sampler):
    """Random search: each active choice uniform over its options; learns nothing."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield architectures for a trial."""
        return draw(self._scope.space, self._scope.random_seed(number))


def draw(space: SearchSpace, seed: int) -> Iterator[Architecture]:
    """Yield random architectures of a space without end."""
    rng = random.Random(seed)
    while True:
        yield space.random(rng)


def first_front(outcomes: Sequence[tuple[float, float]]) -> list[int]:
    """Return the positions of the outcomes that no other beats in loss and size, smallest first.

    Of equal ones the first is taken.
    """
    front: list[int] = []
    for at in sorted(range(len(outcomes)), key=lambda i: (outcomes[i][1], outcomes[i][0], i)):
        if not front or outcomes[at][0] < outcomes[front[-1]][0]:
            front.append(at)
    return front
