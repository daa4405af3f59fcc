"""What a search is about: read once, at the door, and handed on as one value."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import inf, log
from statistics import fmean
from typing import Any

from nas_asc.architectures import Architecture
from nas_asc.complexity import (
    Budget,
    Complexity,
    Counted,
    CountingRule,
    count,
    counting_rule,
    parse_budget,
)
from nas_asc.datasets import Dataset
from nas_asc.errors import ConfigError, NothingFits
from nas_asc.reports import Candidate, Ensemble, read_ensembles
from nas_asc.search.front_end_rules import suits
from nas_asc.search.storage.trials import Trial
from nas_asc.search.teachers import Teacher, check_hearing, check_teachers, find_teachers
from nas_asc.shipped import find
from nas_asc.spaces import SearchSpace, check_that_something_fits, excess, load_space
from nas_asc.study import DataFacts, Recipe, StudyConfig, TrainingWork, plan

Measure = Callable[[Architecture], Complexity]

_DRAWS = 300
_TRIES = 10_000


@dataclass(frozen=True)
class Task:
    """A study with all that it names.

    Attributes:
        ensembles: of the reports, as the space's file has them.
        budget: that nothing on the front exceeds: the study's limits and those of its rule.
        trained_budget: the same with the multiply-accumulates that the study allows.
        measure: counts an architecture on clips of the data, by the rule.
        suits_data: checks whether the front end of an architecture suits the data.
        drawn: the work of what was drawn within the trained budget; None where nothing was.
        teachers: that networks learn from, checked against the data.
    """

    config: StudyConfig
    space: SearchSpace
    ensembles: tuple[Ensemble, ...]
    rule: CountingRule
    budget: Budget
    trained_budget: Budget
    dataset: Dataset
    measure: Measure
    suits_data: Callable[[Architecture], bool]
    drawn: Sequence[TrainingWork] | None = None
    teachers: tuple[Teacher, ...] = ()

    def suits(self, architecture: Architecture) -> bool:
        """Return whether its front end suits the data, and it does not take too long to train."""
        return self.suits_data(architecture) and (
            self.config.longest_s is None or not self.overtime(_work(self.measure(architecture)))
        )

    def over(self, architecture: Architecture, budget: Budget, share: float = 1.0) -> float:
        """Return how far it is over a budget and a share of the longest training, 0 if it is not.

        As `excess` does; infinite where the front end does not suit the data.
        """
        if not self.suits_data(architecture):
            return inf
        counted = self.measure(architecture)
        return excess(budget, counted) + self.overtime(_work(counted), share)

    def overtime(self, work: TrainingWork, share: float = 1.0) -> float:
        """Return the logarithm of how many times too long it is planned to take; 0 if not.

        Too long is what takes more than a share of the longest training.
        """
        longest_s = self.config.longest_s
        if longest_s is None:
            return 0.0
        return max(0.0, log(self._training_s(work) / (share * longest_s)))

    def affordable(self, drawn: Sequence[TrainingWork]) -> list[TrainingWork]:
        """Return those of the works that do not take too long."""
        return [work for work in drawn if not self.overtime(work)]

    @cached_property
    def candidate_s(self) -> float | None:
        """How long one candidate takes on average on a core of the study's speed.

        Most end at a rung. Right within a factor of two or three, not better; None where so little
        of the space fits that draws say nothing about it.
        """
        drawn, limits = self.drawn, (self.space, self.trained_budget, self.measure)
        if drawn is None:  # the same as in the session that planned
            drawn = _draw_fitting(*limits, self.suits_data)
        affordable = self.affordable(drawn) or _draw_fitting(*limits, self.suits)
        if not affordable:
            return None
        trained = self.config.early_stopping.expected_share(self.config.epochs)
        trained_s = fmean(map(self._training_s, affordable))
        return self._facts.besides_s + trained * trained_s

    def trial_s(self, trial: Trial) -> float:
        """Return how long a trial takes to its end, its features included."""
        return self.job_s(trial, 0, self.config.epochs)

    def job_s(self, trial: Trial, before: int, until: int) -> float:
        """Return how long a trial takes after an epoch, 0 for the start, until another."""
        networks = len(trial.network_macs)
        besides_s = 0.0 if before else networks * self._facts.besides_s
        share = (until - before) / self.config.epochs
        return besides_s + share * self.training_s(trial.complexity, networks)

    def training_s(self, costs: Mapping[str, Any], networks: int = 1) -> float:
        """Return how long a trial trains, one network after the other."""
        counted = (costs["macs"], costs["macs_fvcore_total"], costs.get("weight_layers"))
        return self._training_s(TrainingWork.of(*counted, networks))

    def first_epoch_s(self, trial: Trial) -> float:
        """Return how long it takes at most until a trial has done an epoch, features included."""
        epochs = self.config.epochs
        before = self.recipe_of(trial.architecture).first_epochs(epochs)
        training_s = self.training_s(trial.complexity)
        return self._facts.besides_s + training_s * (1 + before) / (epochs + before)

    def recipe_of(self, candidate: Candidate) -> Recipe:
        """Return the recipe by which a candidate is trained; networks of an ensemble may differ."""
        chosen = candidate.sections if isinstance(candidate, Architecture) else {}
        return self.config.recipe.of(chosen)

    def _training_s(self, work: TrainingWork) -> float:
        study, clips = self.config, self._facts.training_clips
        return work.training_s(clips, study.epochs, study.recipe, study.speed)

    @cached_property
    def _facts(self) -> DataFacts:
        return _facts(self.dataset)


def read_task(
    config: StudyConfig,
    load_data: Callable[[], Dataset],
    outline: Callable[[], tuple[int, float, int | None]] | None = None,
    given: Collection[str] | None = None,
) -> Task:
    """Read what a study names, the data last, and check that something fits its budget.

    Checking the data may take long; `outline` returns the number of classes and about the clip
    length and rate without decoding anything, so that what nothing fits is told before. Where
    `given` names the settings that were asked for, the others are planned for the data and the
    time.

    Raises:
        ConfigError: it names no space or no limit, or one that is not valid, with every fault; or
            a teacher that is none for the data.
        RunError: a run has no trial that is named as a teacher.
        NothingFits: no architecture of the space fits the budget; names what binds.
    """
    if config.space is None:
        raise ConfigError("space: expected a search space (nas-asc spaces), got nothing")
    space = load_space(config.space)
    ensembles = read_ensembles(find("search_spaces", config.space, "space"), space.models)
    space = space.with_recipe(config.recipe.choices)
    rule = counting_rule(config.rule)
    budget = parse_budget(config.budget, rule, with_limits=True)
    teachers = find_teachers(config.recipe)

    def checked_measure(
        space: SearchSpace,
        n_classes: int,
        clip_s: float,
        suiting: Callable[[Architecture], bool] | None = None,
    ) -> Measure:
        measure = partial(count, n_classes=n_classes, clip_s=clip_s, rule=rule)
        check_that_something_fits(space, budget, measure, config.seed, suiting)
        return measure

    if outline:
        n_classes, clip_s, rate_hz = outline()
        checked_measure(space.for_data(rate_hz) if rate_hz else space, n_classes, clip_s)
    dataset = load_data()
    check_teachers(teachers, dataset)
    for recipe in config.recipe.with_each_option():
        recipe.class_weights(dataset.classes)  # none is missing
    space = space.for_data(dataset.sample_rate_hz)
    suiting = suits(space, dataset, config.recipe)
    measure = checked_measure(space, len(dataset.classes), dataset.clip_s, suiting)
    most = [macs for macs in (budget.macs, config.macs_ceiling) if macs is not None]
    trained = replace(budget, macs=min(most, default=None))
    drawn = None if given is None else _draw_fitting(space, trained, measure, suiting)
    if drawn is not None and given is not None:
        config = plan(config, _facts(dataset), drawn, given)
    check_hearing(teachers, config.recipe, dataset)
    named, limits = tuple(ensembles.values()), (rule, budget, trained)
    task = Task(config, space, named, *limits, dataset, measure, suiting, drawn, teachers)
    limited = trained != budget or config.longest_s is not None
    if limited and not task.affordable(drawn or ()):
        try:
            check_that_something_fits(space, trained, measure, config.seed, task.suits)
        except NothingFits as error:
            reason = str(error).removeprefix("budget: ")
            raise NothingFits(f"macs_ceiling or longest_s of the study: {reason}") from None
    return task


def _facts(dataset: Dataset) -> DataFacts:
    return DataFacts(
        training_clips=len(dataset.indices("train")),
        validation_clips=sum(clip.split == "validation" for clip in dataset.files),
        clip_s=dataset.clip_s,
        sound_s=dataset.clip_s * len(dataset.clips),
        imbalance=dataset.imbalance,
    )


def _draw_fitting(
    space: SearchSpace, budget: Budget, measure: Measure, suits: Callable[[Architecture], bool]
) -> list[TrainingWork]:
    """Draw architectures that may be proposed; return their work."""
    rng, drawn = random.Random(0), list[TrainingWork]()
    for _ in range(_TRIES):
        if len(drawn) == _DRAWS:
            break
        architecture = space.random(rng)
        if not suits(architecture):
            continue
        counted = measure(architecture)
        if budget.exceeded(counted) is None:
            drawn.append(_work(counted))
    return drawn


def _work(counted: Counted) -> TrainingWork:
    return TrainingWork.of(counted.macs, counted.macs_fvcore_total, counted.weight_layers)
