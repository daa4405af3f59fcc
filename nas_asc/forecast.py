"""How long a search will take, roughly, before anything was measured."""

import random

from nas_asc.complexity import count
from nas_asc.datasets import Dataset
from nas_asc.library import load_space
from nas_asc.proposals import affordable
from nas_asc.rules import counting_rule
from nas_asc.run_summary import budget_of
from nas_asc.study_config import StudyConfig

_DRAWS = 300
_BASE_S = 2.0  # features from the cache, counting, evaluation
_MACS_PER_S = 4e9  # of one thread of a laptop in training; forward and backward are three passes
_PASSES = 3


def expected_seconds(config: StudyConfig, dataset: Dataset, workers: int) -> float | None:
    """Estimate how long a search takes: right within a factor of two or three, not better.

    None where so little of the space fits that draws say nothing about it.
    """
    space = load_space(config.space or "")
    budget = affordable(budget_of(config), config.macs_ceiling)
    rule = counting_rule(config.rule)
    rng = random.Random(0)
    counted = [
        count(space.random(rng), len(dataset.classes), dataset.clip_s, rule) for _ in range(_DRAWS)
    ]
    fitting = [c for c in counted if budget.exceeded(c) is None]
    if not fitting:
        return None
    macs = sum(c.macs for c in fitting) / len(fitting)
    clips = len(dataset.indices("train"))
    each_s = _BASE_S + _PASSES * macs * clips * config.epochs / _MACS_PER_S
    return (config.trials or 0) * each_s / workers
