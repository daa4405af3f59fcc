"""What a search is about: read once, at the door, and handed on as one value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Complexity, CountingRule, count, counting_rule, parse_budget
from nas_asc.datasets import Dataset
from nas_asc.errors import ConfigError, NothingFits
from nas_asc.reports import Ensemble, read_ensembles
from nas_asc.shipped import find
from nas_asc.spaces import SearchSpace, check_that_something_fits, load_space
from nas_asc.study import StudyConfig

Measure = Callable[[Architecture], Complexity]


@dataclass(frozen=True)
class Task:
    """A study with all that it names.

    Attributes:
        ensembles: of the reports, as the space's file has them.
        budget: that nothing on the front exceeds: the study's limits and those of its rule.
        trained_budget: the same with the multiply-accumulates that the study can afford to train.
    """

    config: StudyConfig
    space: SearchSpace
    ensembles: tuple[Ensemble, ...]
    rule: CountingRule
    budget: Budget
    trained_budget: Budget
    dataset: Dataset

    @cached_property
    def measure(self) -> Measure:
        """The function that counts an architecture on clips of the data, by the rule."""
        return measure_of(self.rule, len(self.dataset.classes), self.dataset.clip_s)


def read_task(
    config: StudyConfig,
    load_data: Callable[[], Dataset],
    outline: Callable[[], tuple[int, float]] | None = None,
) -> Task:
    """Read what a study names, the data last, and check that something fits its budget.

    Args:
        config: the study.
        load_data: checks the data, which may take long.
        outline: gives the number of classes and about the clip length without decoding anything, so
            that what nothing fits is told before the data are checked.

    Raises:
        ConfigError: it names no space or no limit, or one that is not valid; has every fault.
        NothingFits: no architecture of the space fits the budget; names what binds.
    """
    if config.space is None:
        raise ConfigError("space: expected a search space (nas-asc spaces), got nothing")
    space = load_space(config.space)
    ensembles = read_ensembles(find("search_spaces", config.space, "space"), space.models)
    rule = counting_rule(config.rule)
    budget = parse_budget(config.budget, rule, with_limits=True)
    trained = with_macs_ceiling(budget, config.macs_ceiling)
    outlined = outline() if outline else None
    if outlined:
        _check_fit(space, budget, trained, measure_of(rule, *outlined), config.seed)
    dataset = load_data()
    if outlined != (len(dataset.classes), dataset.clip_s):
        measure = measure_of(rule, len(dataset.classes), dataset.clip_s)
        _check_fit(space, budget, trained, measure, config.seed)
    return Task(config, space, tuple(ensembles.values()), rule, budget, trained, dataset)


def measure_of(rule: CountingRule, n_classes: int, clip_s: float) -> Measure:
    """Return the function that counts an architecture by a rule."""
    return partial(count, n_classes=n_classes, clip_s=clip_s, rule=rule)


def _check_fit(
    space: SearchSpace, budget: Budget, trained: Budget, measure: Measure, seed: int
) -> None:
    check_that_something_fits(space, budget, measure, seed)
    if trained != budget:
        try:
            check_that_something_fits(space, trained, measure, seed)
        except NothingFits as error:
            reason = str(error).removeprefix("budget: ")
            raise NothingFits(f"macs_ceiling of the study: {reason}") from None


def with_macs_ceiling(budget: Budget, macs_ceiling: int | None) -> Budget:
    """Return a budget with at most so many multiply-accumulates; None changes nothing."""
    if macs_ceiling is None or (budget.macs is not None and budget.macs <= macs_ceiling):
        return budget
    return replace(budget, macs=macs_ceiling)
