"""Lists in a `[recipe]` table: choices that a search makes for each candidate.

Conventions: as in a search space a list is a choice and a scalar is fixed. A choice is called by
its dotted path inside the recipe, such as "augmentations.mixup.alpha". Its first option is what
report models have, and all that asks the recipe itself. An option that is a table is known by its
JSON; "none" in the place of a table leaves it out.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import product
from math import prod
from typing import Any

from nas_asc.errors import short_repr

Option = bool | int | float | str

# What belongs to the data and to what is computed once for all candidates.
_FIXED = ("join_clips", "epoch_clips", "distillation", "distillation.temperature")
# Tables, and parts of a training, that are off where they are absent.
_MAY_BE_OFF = ("l2", "stop", "keep", "curriculum", "pruning", "order", "quantization_aware")
_OFF = "none"
_MOST_OPTIONS = 1000  # of a choice, and of those together that are settings of one part


def split_choices(table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[Option, ...]]]:
    """Return a `[recipe]` table with the first options in the place of lists, and all options.

    Raises:
        ValueError: a list is no choice; the message begins with its path.
    """
    choices: dict[str, tuple[Option, ...]] = {}
    first: Mapping[str, Any] = deepcopy(dict(table))
    for path, options in [*_lists(table, ())]:
        if path in _FIXED:
            raise ValueError(f"{path}: expected one value for all candidates, got a list")
        if not options or len(options) > _MOST_OPTIONS:
            raise ValueError(
                f"{path}: expected 1 to {_MOST_OPTIONS:,} options, got {len(options):,}"
            )
        for each in options:
            if isinstance(each, str) and each.startswith("{"):
                raise ValueError(
                    f"{path}: expected words that do not begin with {{, got {short_repr(each)}"
                )
            if isinstance(each, dict):
                for inside, _ in _lists(each, tuple(path.split("."))):
                    text = "expected one value in an option that is a table, got a list"
                    raise ValueError(f"{inside}: {text} - give an option for each of its values")
            elif not isinstance(each, Option):
                text = "expected options that are numbers, words, true, false or tables"
                raise ValueError(f"{path}: {text}, got {short_repr(options)}")
        known = tuple(
            json.dumps(each, sort_keys=True, default=str) if isinstance(each, dict) else each
            for each in options
        )
        if len({(isinstance(each, bool), each) for each in known}) < len(known):
            raise ValueError(f"{path}: expected different options, got {short_repr(options)}")
        first = with_options_chosen(first, {path: known[0]})
        if len(known) > 1:
            choices[path] = known
    return dict(first), choices


def _lists(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists that are choices in a table; those deeper in a setting are its value."""
    if len(path) > (2 if path[:1] == ("augmentations",) else 1):
        return
    for key, value in table.items():
        inside = (*path, key)
        if isinstance(value, list) and inside != ("distillation", "teachers"):
            yield ".".join(inside), value
        elif isinstance(value, dict):
            yield from _lists(value, inside)


def with_options_chosen(table: Mapping[str, Any], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a `[recipe]` table with these options, by path, in their places."""
    if not options:
        return table
    chosen = deepcopy(dict(table))
    for path, option in options.items():
        *outer, key = path.split(".")
        holder = chosen
        for name in outer:
            holder = holder.setdefault(name, {})
        if option == _OFF and (path in _MAY_BE_OFF or outer == ["augmentations"]):
            holder.pop(key, None)
        else:
            holder[key] = _value(option)
    return chosen


def _value(option: Any) -> Any:
    """Return an option as the table holds it."""
    is_table = isinstance(option, str) and option.startswith("{")
    return json.loads(option) if is_table else option


def with_lists(
    table: Mapping[str, Any], choices: Mapping[str, tuple[Option, ...]]
) -> dict[str, Any]:
    """Return the `[recipe]` table that `split_choices` splits into this one and the choices."""
    lists = {path: [*map(_value, options)] for path, options in choices.items()}
    return dict(with_options_chosen(table, lists))


def recipes_to_check(
    table: Mapping[str, Any], choices: Mapping[str, tuple[Option, ...]]
) -> Iterator[Mapping[str, Any]]:
    """Yield recipes, this one first, such that all that can be chosen are valid if these are.

    The settings of one part, such as an optimizer, must go together, those of different ones do.

    Raises:
        ValueError: one part has too many options to look at.
    """
    yield table
    parts: dict[tuple[str, ...], dict[str, tuple[Option, ...]]] = {}
    for path, options in choices.items():
        names = path.split(".")
        part = tuple(names[:2] if names[0] == "augmentations" else names[:1])
        parts.setdefault(part, {})[path] = options
    for part, own in parts.items():
        if (count := prod(map(len, own.values()))) > _MOST_OPTIONS:
            raise ValueError(
                f"{'.'.join(part)}: expected at most {_MOST_OPTIONS:,} options together, got "
                f"{count:,} - leave out some"
            )
        for chosen in product(*own.values()):
            yield with_options_chosen(table, dict(zip(own, chosen, strict=True)))
