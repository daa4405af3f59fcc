"""What a search is about: read once, at the door, and handed on as one value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

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
        measure: counts an architecture on clips of the data, by the rule.
    """

    config: StudyConfig
    space: SearchSpace
    ensembles: tuple[Ensemble, ...]
    rule: CountingRule
    budget: Budget
    trained_budget: Budget
    dataset: Dataset
    measure: Measure


def read_task(
    config: StudyConfig,
    load_data: Callable[[], Dataset],
    outline: Callable[[], tuple[int, float]] | None = None,
) -> Task:
    """Read what a study names, the data last, and check that something fits its budget.

    Checking the data may take long; `outline` returns the number of classes and about the clip
    length without decoding anything, so that what nothing fits is told before.

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
    most = [macs for macs in (budget.macs, config.macs_ceiling) if macs is not None]
    trained = replace(budget, macs=min(most, default=None))

    def checked_measure(n_classes: int, clip_s: float) -> Measure:
        measure = partial(count, n_classes=n_classes, clip_s=clip_s, rule=rule)
        check_that_something_fits(space, budget, measure, config.seed)
        if trained != budget:
            try:
                check_that_something_fits(space, trained, measure, config.seed)
            except NothingFits as error:
                reason = str(error).removeprefix("budget: ")
                raise NothingFits(f"macs_ceiling of the study: {reason}") from None
        return measure

    outlined = outline() if outline else None
    measure = checked_measure(*outlined) if outlined else None
    dataset = load_data()
    loaded = (len(dataset.classes), dataset.clip_s)
    if measure is None or outlined != loaded:
        measure = checked_measure(*loaded)
    named = tuple(ensembles.values())
    return Task(config, space, named, rule, budget, trained, dataset, measure)
