"""How much of a space fits a budget, by uniform draws, and the smallest that a space can reach.

Conventions: a draw is uniform over the options of each active choice, as a random search draws; the
share is of draws, not of different architectures. Intervals are Wilson's at 95 %.

The smallest is found by coordinate descent from random draws: one choice after the other, active or
not, is set to its best option until nothing gets better. Where each choice moves the cost in one
direction, as in the spaces of this project, that is the smallest; in general an upper bound of it.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf, log, sqrt

from nas_asc.architectures import Architecture, Value
from nas_asc.complexity import MEASURES, Budget, Counted, CountingRule, count
from nas_asc.errors import NothingFits
from nas_asc.spaces.space import SearchSpace

Measure = Callable[[Architecture], Counted]
Admits = Callable[[Architecture], bool]

_DRAWS = 500
_STARTS = 4


@dataclass(frozen=True)
class Feasibility:
    """What uniform draws from a space cost, of each measure the smallest, median and largest.

    Attributes:
        share: of the draws that fit the budget; 1 without a budget.
        interval: of the share, at 95 %.
        binds: by limit, how many draws exceed it, the limit that excludes most in front.
        macs: those that the rule judges.
        params: those that the rule counts; None, as the peak, unless limited.
    """

    draws: int
    share: float
    interval: tuple[float, float]
    binds: dict[str, int]
    size_bytes: tuple[int, int, int]
    macs: tuple[int, int, int]
    params: tuple[int, int, int] | None = None
    peak_activation_bytes: tuple[int, int, int] | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the estimate as JSON."""
        return asdict(self)


def feasibility(
    space: SearchSpace,
    rule: CountingRule,
    budget: Budget | None,
    *,
    classes: int,
    clip_s: float,
    draws: int = 5000,
    seed: int = 0,
) -> Feasibility:
    """Estimate how much of a space fits a budget; takes about half a second.

    Raises:
        ConfigError: an architecture cannot be built on such clips.
    """
    rng = random.Random(seed)
    binds: Counter[str] = Counter()
    values: dict[str, list[int]] = {name: [] for name in shown_measures(budget)}
    fitting = draws
    for _ in range(draws):
        complexity = count(space.random(rng), classes, clip_s, rule)
        for name, reached in values.items():
            reached.append(getattr(complexity, MEASURES[name].attribute))
        if budget is not None:
            exceeded = list(budget.all_exceeded(complexity))
            binds.update(exceeded)
            fitting -= bool(exceeded)
    return Feasibility(
        draws,
        fitting / draws,
        wilson_interval(fitting, draws),
        dict(binds.most_common()),
        **{name: (min(v), sorted(v)[draws // 2], max(v)) for name, v in values.items()},
    )


def shown_measures(budget: Budget | None) -> list[str]:
    """Return what is told of a space: size and multiply-accumulates, and all that is limited."""
    limited = budget.limits() if budget else {}
    return [name for name in MEASURES if name in ("size_bytes", "macs") or name in limited]


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def check_that_something_fits(
    space: SearchSpace,
    budget: Budget,
    measure: Measure,
    seed: int = 0,
    admits: Admits | None = None,
) -> None:
    """Check that a search can find something, among those that `admits` is true of, if given.

    Raises:
        NothingFits: the smallest that the space can reach is over the budget; names the limit that
            binds and that smallest value.
    """
    rng = random.Random(seed)
    drawn = (space.random(rng) for _ in range(_DRAWS))
    admitted = drawn if admits is None else filter(admits, drawn)
    if any(budget.exceeded(measure(architecture)) is None for architecture in admitted):
        return
    for name, limit in budget.limits().items():
        least = smallest(space, measure, name, rng, admits)
        if least > limit:
            unit = MEASURES[name].unit
            raise NothingFits(
                f"budget: expected a limit on {MEASURES[name].noun} that space {space.name!r} can "
                f"meet, got {limit:,} {unit}; the smallest it reaches is {least:,} {unit}"
            )
    offered = {*space.options("compression.precision")}
    if budget.precisions is not None and offered.isdisjoint(budget.precisions):
        raise NothingFits(
            f"budget: expected a space with compression.precision {' or '.join(budget.precisions)},"
            f" as its rule wants, got {space.name!r} with {', '.join(sorted(map(str, offered)))} - "
            "add one, or take another rule"
        )
    if not repaired(space, budget, measure, rng, admits=admits):
        words = "" if budget.precisions is None else f" in {', '.join(budget.precisions)}"
        raise NothingFits(
            f"budget: expected limits that space {space.name!r} can meet together{words}, got "
            f"{budget}; it can meet each alone, raise one"
        )


def smallest(
    space: SearchSpace,
    measure: Measure,
    limit: str,
    rng: random.Random,
    admits: Admits | None = None,
) -> int:
    """Return the smallest value of what a limit bounds that coordinate descent finds.

    Of those that `admits` is true of, unless random draws find none.
    """
    attribute = MEASURES[limit].attribute

    def cost(architecture: Architecture) -> float:
        return float(getattr(measure(architecture), attribute))

    members = space.families.values() or (space,)
    found = [_descend(s, cost, rng, admits=admits) for s in members for _ in range(_STARTS)]
    least = min(value for _, value in found)
    return int(least) if least < inf else smallest(space, measure, limit, rng)


def repaired(
    space: SearchSpace,
    budget: Budget,
    measure: Measure,
    rng: random.Random,
    tries: int = _STARTS,
    admits: Admits | None = None,
) -> list[Architecture]:
    """Bring random draws under the budget, one choice at a time; return those where it worked.

    Where a space is made of families, each has so many tries, by turns.
    """

    def cost(architecture: Architecture) -> float:
        return excess(budget, measure(architecture))

    names: list[str | None] = [None]
    if space.families:
        names = rng.sample([*space.families], len(space.families))
    found = []
    for name in names * tries:
        member = space if name is None else space.families[name]
        architecture, left = _descend(member, cost, rng, 0.0, admits)
        if left == 0.0:
            found.append(architecture if name is None else space.in_family(name, architecture))
    return found


def excess(budget: Budget, counted: Counted) -> float:
    """Return how far something is over the budget: the sum of the logarithms of all excesses.

    A precision that the budget does not admit counts 1.
    """
    limits = budget.limits()
    return sum(
        log(getattr(counted, MEASURES[name].attribute) / limits[name]) if name in limits else 1.0
        for name in budget.all_exceeded(counted)
    )


def _descend(
    space: SearchSpace,
    cost: Callable[[Architecture], float],
    rng: random.Random,
    stop_at: float = -inf,
    admits: Admits | None = None,
) -> tuple[Architecture, float]:
    def cost_of(values: dict[str, Value]) -> float:
        architecture = space.with_options(values)
        return cost(architecture) if admits is None or admits(architecture) else inf

    parameters = space.parameters()
    best = inf
    for _ in range(_DRAWS):  # until one is admitted, as almost always the first ones are
        values: dict[str, Value] = {p.path: rng.choice(p.options) for p in parameters}
        best = cost_of(values)
        if best < inf:
            break
    improved = best < inf
    while improved and best > stop_at:
        improved = False
        shuffled = [*parameters]
        rng.shuffle(shuffled)
        for path, option in [(p.path, option) for p in shuffled for option in p.options]:
            changed = {**values, path: option}
            value = cost_of(changed)
            if value < best:
                values, best, improved = changed, value, True
                if best <= stop_at:
                    break
    return space.with_options(values), best
