"""Which front ends suit the data; others are refused at proposal, like what is over the budget.

A rate above the data's own adds nothing but work, and a mel bin that no Fourier frequency lies in,
or that lies above what the recordings hold, is the same number for every clip. Where a space has
nothing else, a rule is waived: poor front ends are better than no search. Where a recipe crops
clips, neither is proposed what takes whole ones alone. Report models are what they are, and exempt.
"""

import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product

from nas_asc.architectures import (
    RECIPE,
    Architecture,
    FrontEnd,
    Value,
    has_empty_band,
    highest_centre_hz,
)
from nas_asc.datasets import Dataset, join_training_clips
from nas_asc.errors import ConfigError
from nas_asc.spaces import SearchSpace
from nas_asc.study import Recipe

_log = logging.getLogger(__name__)


def _is_above_the_rate(frontend: FrontEnd, dataset: Dataset) -> bool:
    return frontend.sample_rate_hz > dataset.sample_rate_hz


def _has_empty_bin(frontend: FrontEnd, dataset: Dataset) -> bool:
    return any(map(has_empty_band, frontend.spectrograms(dataset.clip_s)))


def _is_above_the_recordings(frontend: FrontEnd, dataset: Dataset) -> bool:
    held_hz = min(dataset.highest_hz, dataset.sample_rate_hz / 2)
    return any(highest_centre_hz(f) > held_hz for f in frontend.spectrograms(dataset.clip_s))


Rule = Callable[[FrontEnd, Dataset], bool]
_CROPS = re.compile(r"augmentations(\.time_crop.*)?")  # choices of them
_WHOLE_CLIPS = "flatten"  # the pooling after which a network takes clips of one length alone

# Whether a front end breaks a rule, by what it then has.
_OF_RATES: Mapping[str, Rule] = {"a rate above that of the data": _is_above_the_rate}
_OF_MEL_BINS: Mapping[str, Rule] = {
    "mel bins above what the recordings hold": _is_above_the_recordings,
    "mel bins without a Fourier bin": _has_empty_bin,
}


def suits(space: SearchSpace, dataset: Dataset, recipe: Recipe) -> Callable[[Architecture], bool]:
    """Return what checks whether an architecture suits the data, and the crops of a recipe.

    Where no front end of the space keeps all rules, the fewest are waived, with a warning.

    Raises:
        ConfigError: no front end has a frequency between its limits, or the recipe always crops
            clips and no network of the space takes crops.
    """
    waived = _waived(space, dataset)
    if waived:
        _log.warning(
            "space %s: every front end has %s (%d Hz); proposed all the same - "
            "give frontend.sample_rate_hz, f_max_share or n_mels other options",
            *(space.name, " and ".join(waived), dataset.sample_rate_hz),
        )

    @lru_cache(maxsize=1 << 14)
    def is_suitable(frontend: FrontEnd) -> bool:
        return waived.issuperset(_broken(frontend, dataset))

    joins = recipe.join_clips and join_training_clips(dataset)
    of_joined = {"length_s": dataset.clip_s} if joins else {}
    of_crops = [path for path in recipe.choices if _CROPS.fullmatch(path)]

    def crop_s(own: Recipe) -> float | None:
        """Return how long crops of clips are; None where there are none."""
        length_s: float | None = own.augmentations.get("time_crop", of_joined).get("length_s")
        return length_s

    @lru_cache(maxsize=1 << 10)
    def chosen_crop_s(chosen: tuple[tuple[str, Value], ...]) -> float | None:
        return crop_s(recipe.of({RECIPE: dict(chosen)}))

    def takes(length_s: float | None, pooling: Value | None, second_window: float) -> bool:
        if length_s is None:
            return True
        return not second_window and (length_s >= dataset.clip_s or pooling != _WHOLE_CLIPS)

    def is_suitable_for_crops(architecture: Architecture) -> bool:
        frontend, head = architecture.frontend, architecture.sections["head"]
        chosen = architecture.sections.get(RECIPE, {})
        length_s = chosen_crop_s(tuple((path, chosen[path]) for path in of_crops if path in chosen))
        pooling, window = head.get("pooling"), frontend.second_window
        return takes(length_s, pooling, window) and is_suitable(frontend)

    lengths_s = {crop_s(option) for option in recipe.with_each_option()}

    def takes_any(family: SearchSpace) -> bool:
        poolings: set[Value | None] = {*family.options("head.pooling")}
        of_recipe_and_head = [*product(lengths_s, poolings or {None})]
        windows = (frontend.second_window for frontend in family.front_ends())
        return any(takes(*each, window) for window in windows for each in of_recipe_and_head)

    if not any(map(takes_any, space.families.values() or [space])):
        raise ConfigError(
            "recipe.augmentations.time_crop, or join_clips: expected a space with networks that "
            f"take clips of any length, got {space.name!r}, whose networks take {dataset.clip_s:g} "
            "s alone - pool over time in a head (head.pooling, not flatten only), allow a front "
            "end without a second window, cut clips into windows as long as a crop (--window), or "
            "leave crops out"
        )
    return is_suitable_for_crops


def _waived(space: SearchSpace, dataset: Dataset) -> frozenset[str]:
    """Return the rules that the front end breaks which breaks fewest."""
    least: frozenset[str] | None = None
    for frontend in space.front_ends():
        if frontend.kind == "logmel" and frontend.f_min_hz >= frontend.f_max_hz:
            continue
        broken = frozenset(_broken(frontend, dataset))
        if least is None or len(broken) < len(least):
            least = broken
        if not least:
            break
    if least is None:
        half_hz = dataset.sample_rate_hz / 2
        raise ConfigError(
            f"frontend.f_min_hz: expected less than half the rate of the data, {half_hz:g} Hz, "
            f"in space {space.name!r}"
        )
    return least


def _broken(frontend: FrontEnd, dataset: Dataset) -> list[str]:
    rules = {**_OF_RATES, **(_OF_MEL_BINS if frontend.kind == "logmel" else {})}
    return [name for name, is_broken in rules.items() if is_broken(frontend, dataset)]
