"""The smallest architectures of a space: whether any fits a budget, and which come under it.

Conventions: coordinate descent from random draws: one choice after the other is set to its best
option, all choices of the space having a value whether they are active or not, until nothing gets
better. In the spaces of this project the smallest is reached that way, since each choice moves the
cost in one direction; in general what is found is an upper bound of it.
"""

import random
from collections.abc import Callable, Mapping
from itertools import islice
from math import inf, log

from nas_asc.architecture import Architecture, Value
from nas_asc.budget import MEASURES, Budget, Counted
from nas_asc.errors import NothingFits
from nas_asc.section import Parameter
from nas_asc.space import SearchSpace

Measure = Callable[[Architecture], Counted]

_DRAWS = 500
_STARTS = 4


def check_that_something_fits(
    space: SearchSpace, budget: Budget, measure: Measure, seed: int = 0
) -> None:
    """Make sure that a search can find something.

    Raises:
        NothingFits: the smallest that the space can reach is over the budget; names the limit that
            binds and that smallest value.
    """
    rng = random.Random(seed)
    if any(budget.exceeded(measure(space.random(rng))) is None for _ in range(_DRAWS)):
        return
    for name, limit in budget.limits().items():
        least = smallest(space, measure, name, rng)
        if least > limit:
            unit = MEASURES[name].unit
            raise NothingFits(
                f"budget: expected a limit on {MEASURES[name].noun} that space {space.name!r} can "
                f"meet, got {limit:,} {unit}; the smallest it reaches is {least:,} {unit}"
            )
    if not any(True for _ in islice(repaired(space, budget, measure, rng), 1)):
        admitted = "" if budget.precisions is None else f" in {', '.join(budget.precisions)}"
        raise NothingFits(
            f"budget: expected limits that space {space.name!r} can meet together{admitted}, got "
            f"{budget}; it can meet each alone, raise one"
        )


def smallest(space: SearchSpace, measure: Measure, limit: str, rng: random.Random) -> int:
    """Give the smallest value of what a limit bounds that coordinate descent finds."""
    if space.families:
        return min(smallest(member, measure, limit, rng) for member in space.families.values())
    attribute = MEASURES[limit].attribute
    values = (
        _descend(space, lambda a: getattr(measure(a), attribute), rng, stop_at=-inf)[1]
        for _ in range(_STARTS)
    )
    return int(min(values))


def repaired(
    space: SearchSpace, budget: Budget, measure: Measure, rng: random.Random, tries: int = _STARTS
) -> list[Architecture]:
    """Bring random draws under the budget, one choice at a time; give those where it worked."""
    found = (
        _descend(space, lambda a: _excess(budget, measure(a)), rng, stop_at=0.0)
        for _ in range(tries)
    )
    return [architecture for architecture, excess in found if excess == 0.0]


def _excess(budget: Budget, counted: Counted) -> float:
    """Say how far something is over the budget: the sum of the logarithms of all excesses."""
    if budget.exceeded(counted) is None:
        return 0.0
    over = sum(
        max(0.0, log(getattr(counted, MEASURES[name].attribute) / limit))
        for name, limit in budget.limits().items()
    )
    return over if over > 0.0 else 1.0  # a precision that the rule does not admit


def _descend(
    space: SearchSpace,
    cost: Callable[[Architecture], float],
    rng: random.Random,
    stop_at: float,
) -> tuple[Architecture, float]:
    values: dict[str, Value] = {p.path: rng.choice(p.options) for p in space.parameters()}
    best = cost(_with(space, values))
    improved = True
    while improved and best > stop_at:
        improved = False
        parameters = list(space.parameters())
        rng.shuffle(parameters)
        for parameter in parameters:
            for option in parameter.options:
                changed = {**values, parameter.path: option}
                value = cost(_with(space, changed))
                if value < best:
                    values, best, improved = changed, value, True
                    if best <= stop_at:
                        return _with(space, values), best
    return _with(space, values), best


def _with(space: SearchSpace, values: Mapping[str, Value]) -> Architecture:
    def choose(parameter: Parameter) -> Value:
        return values[parameter.path]

    return space.architecture(choose)
