"""Samplers: which architecture to try next, given what came of the trials before.

Conventions: a sampler's suggestions for trial n depend on the seed, on n and on the results that
were reported, and on nothing else. Results are reported in the order of the trials, those up to
n - lag right before trial n is asked for; trials are accepted in order too. So the suggestions are
the same with any number of workers, and after a resumption.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from nas_asc.architectures import Architecture
from nas_asc.search.samplers.optuna_samplers import OptunaSampler, Outcome, nsga2, tpe
from nas_asc.search.samplers.uniform import UniformSampler, draw
from nas_asc.spaces import SearchSpace

__all__ = ["SAMPLERS", "Outcome", "Sampler", "draw"]


class Sampler(Protocol):
    """Something that suggests architectures for one trial after the other."""

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield suggestions for a trial without end; any number of them may be turned down."""

    def accept(self, number: int, architecture: Architecture) -> None:
        """Note which architecture a trial has, whether it was suggested for it or not."""

    def report(self, number: int, outcome: Outcome) -> None:
        """Note what came of a trial."""


# How samplers are made, by name: from a space and a seed.
SAMPLERS: Mapping[str, Callable[[SearchSpace, int], Sampler]] = {
    "tpe": partial(OptunaSampler, tpe),
    "nsga2": partial(OptunaSampler, nsga2),
    "random": UniformSampler,
}
