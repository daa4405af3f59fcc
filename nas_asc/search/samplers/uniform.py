"""Random search: each active choice uniform over its options."""

import random
from collections.abc import Iterator

from nas_asc.architectures import Architecture
from nas_asc.spaces import SearchSpace
from nas_asc.study import trial_seed


class UniformSampler:
    """Suggests at random and learns nothing."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield architectures for a trial."""
        return draw(self._space, trial_seed(self._seed, number, "sampler"))

    def accept(self, number: int, architecture: Architecture) -> None:
        """Note nothing."""

    def report(self, number: int, outcome: object) -> None:
        """Note nothing."""


def draw(space: SearchSpace, seed: int) -> Iterator[Architecture]:
    """Yield random architectures of a space without end."""
    rng = random.Random(seed)
    while True:
        yield space.random(rng)
