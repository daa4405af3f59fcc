"""A plan for the recordings and the time at hand: the numbers of a study, each with its reason.

Conventions: seconds of one core of the reference, a laptop of 2020; time is planned for two of
them. Everything is computed from the data, the space, the time and the reference alone, never from
a clock or the number of workers: the same on every machine. A faster machine trains more candidates
of the same kind; `speed`, 1 for the reference, plans larger ones for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import log2
from typing import Any, NamedTuple

from nas_asc.study.config import StudyConfig
from nas_asc.study.recipe import Recipe
from nas_asc.units import format_duration

# What trains, fitted to 95 networks on clips of 0.6 to 5 s (two AVX2 cores, float32; within 15 % of
# most): each step; so much for each convolution and linear layer in it, which is most of it for
# small networks; a core's multiply-accumulates in a second, of which both passes together take
# three times those of the forward one; so much for each value that is normalised; and for each
# candidate, features and evaluation.
STEP_S = 0.004
LAYER_S = 0.43e-3
MACS_PER_S = 40e9
PASSES = 3
NORMALISED_S = 8e-9
CANDIDATE_S = 1.0
FEATURES_S = 1e-3  # of a second of sound
CORES = 2

TIME_S = 3600.0  # where neither time nor trials are given
SYNTHETIC_TIME_S = 170.0  # likewise, for the built-in scenes: all is done within 3 minutes
WARM_START_SHARE = 0.25  # of the time, for the report models

_BATCHES = 25  # so many training clips for each clip of a batch
_BATCH_SIZES = (16, 128)
_STEPS = (1000, 3000)
_LEAST_EPOCHS, _PARTS = 12, 27  # with fewer, an epoch is such a part of all: three before a rung
_STEPS_SHARE = 0.25  # of a candidate's time, for steps of a small network, besides arithmetic
_SMALL_LAYERS = 9  # also where a trial of before does not say how many it has
# As many candidates could be trained to the end in a minute; in longer searches more, of which each
# takes longer. Several times as many begin, since most rest at a rung.
_CANDIDATES = 8
_GROWTH = 0.6
_FIRST_LOOK = 10  # on the built-in scenes, few but good ones
_STARTUP_SHARE, _STARTUP = 0.25, (8, 32)  # of those that begin
_LEAST_SHARE = 0.03  # of what fits the budget that does not take too long
_MOST_VALIDATION = 5000
_PLANNED = ("time_s", "trials", "epochs", "longest_s", "startup_trials", "validation_clips")
_UNEVEN = 4.0  # largest class by smallest, above which classes are weighed


@dataclass(frozen=True)
class DataFacts:
    """What a plan needs to know of recordings.

    Attributes:
        training_clips: where recordings are cut into windows, those.
        validation_clips: where recordings are cut into windows, the recordings.
        sound_s: of all clips.
        imbalance: the training clips of the largest class by those of the smallest.
    """

    training_clips: int
    validation_clips: int
    clip_s: float
    sound_s: float
    imbalance: float

    @property
    def besides_s(self) -> float:
        """What a candidate takes besides its training: features, and what is always the same."""
        return CANDIDATE_S + FEATURES_S * self.sound_s


class TrainingWork(NamedTuple):
    """What training takes, in seconds of a core of the reference: of each step and of each clip."""

    step_s: float
    clip_s: float

    @classmethod
    def of(
        cls, macs: float, fvcore_total: float, layers: int | None = None, networks: int = 1
    ) -> "TrainingWork":
        """Return what a network takes, or several that are trained one after the other.

        Args:
            macs: multiply-accumulates for one clip.
            fvcore_total: these, and two for each value that is normalised, as fvcore counts.
            layers: convolutions and linear layers of all; None for few.
            networks: how many are trained.
        """
        step_s = networks * STEP_S + (_SMALL_LAYERS if layers is None else layers) * LAYER_S
        return cls(step_s, PASSES * macs / MACS_PER_S + (fvcore_total - macs) / 2 * NORMALISED_S)

    def training_s(self, clips: int, epochs: int, recipe: Recipe, speed: float = 1.0) -> float:
        """Return how long a training takes."""
        epochs += recipe.first_epochs(epochs)
        steps = epochs * recipe.epoch_steps(clips)
        trained = min(clips * epochs, steps * recipe.batch_size)
        return (steps * self.step_s + trained * self.clip_s) / speed


def plan(
    study: StudyConfig,
    facts: DataFacts,
    drawn: Collection[TrainingWork],
    given: Collection[str] = (),
) -> StudyConfig:
    """Return a study with numbers that suit the data and the time; those `given` stay.

    Args:
        study: all other settings.
        facts: of the data.
        drawn: the work of architectures drawn at random that fit the budget; none where so few fit
            that draws say nothing.
        given: names of settings that were asked for.
    """
    reasons = {name: "as asked" for name in _PLANNED if name in given}
    values: dict[str, Any] = {name: getattr(study, name) for name in reasons}

    def decide(name: str, value: object, reason: str) -> None:
        if name not in given:
            values[name], reasons[name] = value, reason

    if not {"time_s", "trials"} & {*given}:
        decide("time_s", TIME_S if study.data.paths else SYNTHETIC_TIME_S, "--time gives another")
    time_s = values.get("time_s") or TIME_S
    candidates = max(4, round(_CANDIDATES * (time_s / 60) ** _GROWTH))
    if not study.data.paths and time_s <= SYNTHETIC_TIME_S:
        candidates = _FIRST_LOOK
    search_s = time_s * CORES * (1 - WARM_START_SHARE * study.warm_start)
    # of large data features take long: few candidates, of which half the time is training
    candidates = min(candidates, max(4, int(search_s / (2 * facts.besides_s))))
    each_s = max(search_s / candidates - facts.besides_s, 1.0) * study.speed

    clips = facts.training_clips
    batch_size = 2 ** int(log2(max(1, clips / _BATCHES)))
    batch_size = min(max(batch_size, _BATCH_SIZES[0]), _BATCH_SIZES[1])
    recipe = study.recipe.model_copy(update={"batch_size": batch_size})
    small_s = TrainingWork.of(0, 0).step_s
    wanted = min(max(_STEPS_SHARE * each_s / small_s, _STEPS[0]), _STEPS[1])
    compared = study.early_stopping.enabled and "epochs" not in given
    if compared and wanted / recipe.epoch_steps(clips) < _LEAST_EPOCHS:
        in_part = int(wanted / _PARTS)
        recipe = recipe.model_copy(update={"epoch_clips": in_part * batch_size})
        share = in_part * batch_size / clips
        reasons["epoch_clips"] = f"{share:.0%} of the clips, so that trainings are compared early"
    in_epoch = recipe.epoch_steps(clips)
    epochs = max(1, round(wanted / in_epoch))
    steps = in_epoch * (study.epochs if "epochs" in given else epochs)
    extent = f"{steps:,} steps of {batch_size} clips"
    decide("epochs", epochs, extent)
    if "epochs" in given:
        reasons["epochs"] += f", {extent}"

    if drawn:
        how = (clips, values["epochs"], recipe, study.speed)
        planned_s = sorted(work.training_s(*how) for work in drawn)
        least_s = planned_s[int(_LEAST_SHARE * (len(drawn) - 1))]
        longest_s = round(max(each_s / study.speed, least_s) + 0.05, 1)
        whole = format_duration(longest_s + facts.besides_s)
        decide("longest_s", longest_s, f"by plan; with its features a candidate takes {whole}")
    begun = candidates / study.early_stopping.expected_share(values["epochs"])
    startup = min(max(round(_STARTUP_SHARE * begun), _STARTUP[0]), _STARTUP[1])
    share = "a quarter of the candidates, {} to {}".format(*_STARTUP)
    decide("startup_trials", startup, share)
    if facts.validation_clips > _MOST_VALIDATION:
        reason = f"of {facts.validation_clips:,}, spread evenly"
        decide("validation_clips", _MOST_VALIDATION, reason)
    reasons["batch_size"] = f"for {clips:,} training clips of {facts.clip_s:g} s"
    if facts.imbalance > _UNEVEN:
        loss = {**recipe.loss, "class_weights": "balanced"}
        recipe = recipe.model_copy(update={"loss": loss})
        uneven = f"the largest class has {facts.imbalance:.1f} times the clips of the smallest"
        reasons["class_weights"] = uneven
    planned = {**study.to_dict(), **values, "recipe": recipe.to_dict(), "plan": reasons}
    return StudyConfig.model_validate(planned)
