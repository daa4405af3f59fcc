"""Trials of the space mbconv to be stored, and what comes of them."""

import random

from nas_asc.complexity.counting import count
from nas_asc.search.storage.trials import Trial
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import JobResult

SPACE = load_space("mbconv")
RESULT = JobResult(
    {"log_loss": 0.5, "accuracy": 0.75, "per_class": {"bus": 0.5}},
    {"macs": 1},
    [{"epoch": 1, "log_loss": None, "accuracy": None}, {"epoch": 2, "log_loss": 0.5}],
    1.5,
)


def make_trial(number: int, **given: object) -> Trial:
    """A trial of its own architecture, in training unless a state is given."""
    architecture = SPACE.random(random.Random(number))
    complexity = count(architecture, 10, 1.0).to_dict()
    values = {"model": None, "seed": 7 + number, "complexity": complexity, **given}
    return Trial(number=number, architecture=architecture, **values)
