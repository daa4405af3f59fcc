"""How much of a space fits a budget, by uniform draws.

Conventions: a draw is uniform over the options of each active choice, as a random search draws; the
share is of draws, not of different architectures. Intervals are Wilson's at 95 %.
"""

import random
from collections import Counter
from dataclasses import asdict, dataclass
from math import sqrt

from nas_asc.budget import MEASURES, Budget
from nas_asc.complexity import Complexity, count
from nas_asc.rules import CountingRule
from nas_asc.space import SearchSpace


@dataclass(frozen=True)
class Feasibility:
    """What uniform draws from a space cost.

    Attributes:
        share: of the draws that fit the budget; 1 without a budget.
        interval: of the share, at 95 %.
        binds: by limit, how many draws exceed it, the limit that excludes most in front.
        size_bytes: smallest, median and largest size of all draws.
        macs: likewise, multiply-accumulates that the rule judges.
        params: likewise, parameters that the rule counts; None unless they are limited.
        peak_activation_bytes: likewise, peak activation memory; None unless it is limited.
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
        """Give the estimate as JSON."""
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
            exceeded = _exceeded(budget, complexity)
            binds.update(exceeded)
            fitting -= bool(exceeded)
    return Feasibility(
        draws,
        fitting / draws,
        wilson_interval(fitting, draws),
        dict(binds.most_common()),
        **{name: _spread(reached) for name, reached in values.items()},
    )


def shown_measures(budget: Budget | None) -> list[str]:
    """Name what is told of a space: size and multiply-accumulates, and all that is limited."""
    limited = budget.limits() if budget else {}
    return [name for name in MEASURES if name in ("size_bytes", "macs") or name in limited]


def _exceeded(budget: Budget, complexity: Complexity) -> list[str]:
    """Name every limit that is exceeded."""
    limits = budget.limits().items()
    names = [
        name for name, limit in limits if getattr(complexity, MEASURES[name].attribute) > limit
    ]
    admitted = budget.precisions
    return [*names, "precision"] if admitted and complexity.precision not in admitted else names


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def _spread(values: list[int]) -> tuple[int, int, int]:
    values.sort()
    return values[0], values[len(values) // 2], values[-1]
