"""Samplers: which architecture to try next, given what came of the trials before.

Conventions: a sampler's suggestions for trial n depend on the seed, on n and on the results that
were reported, and on nothing else. Results are reported in the order in which the trials end by
plan, those that trial n depends on right before it is asked for; trials are accepted in the order
of their numbers. So the suggestions are the same with any number of workers, and after a
resumption.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from nas_asc.architectures import Architecture
from nas_asc.reports import Candidate
from nas_asc.search.samplers.optuna_samplers import OptunaSampler, Outcome, nsga2, tpe
from nas_asc.spaces import SearchSpace
from nas_asc.study import trial_seed

__all__ = ["SAMPLERS", "Outcome", "Sampler", "UniformSampler", "draw"]


class Sampler(Protocol):
    """Something that suggests architectures for one trial after the other."""

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield suggestions for a trial without end; any number of them may be turned down."""

    def accept(self, number: int, architecture: Candidate) -> None:
        """Note which architecture a trial has, whether it was suggested for it or not."""

    def report(self, number: int, outcome: Outcome) -> None:
        """Note what came of a trial."""


class UniformSampler(Sampler):
    """Random search: each active choice uniform over its options; learns nothing."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield architectures for a trial."""
        return draw(self._space, trial_seed(self._seed, number, "sampler"))


def draw(space: SearchSpace, seed: int) -> Iterator[Architecture]:
    """Yield random architectures of a space without end."""
    rng = random.Random(seed)
    while True:
        yield space.random(rng)


# How samplers are made, by name: from a space and a seed.
SAMPLERS: Mapping[str, Callable[[SearchSpace, int], Sampler]] = {
    "tpe": partial(OptunaSampler, tpe),
    "nsga2": partial(OptunaSampler, nsga2),
    "random": UniformSampler,
}
