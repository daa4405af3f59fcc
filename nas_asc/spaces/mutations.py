"""Architectures near known good ones: for the start of a search, and one choice away.

One of the `mutations` for a start changes what scales a network (depth, width, kernel, mel bins,
precision), one step at a time, each sort as likely as the next. Its blocks are as designed or all
of one kind, by turns; the rest is left as its designers chose it, as far as the limits let it.
Plain blocks compute more for each weight, but far faster: they are few and wide. Where a front end
does not suit the data, it is drawn anew.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from math import exp2, inf

from nas_asc.architectures import RECIPE, Architecture, Value
from nas_asc.complexity import Budget
from nas_asc.spaces.feasibility import Measure
from nas_asc.spaces.space import Parameter, SearchSpace

# How far an architecture is over a budget and other limits: 0 for what may be trained, infinite for
# what cannot be brought there by single steps.
Over = Callable[[Architecture, Budget], float]

_SCALES = frozenset({
    "depth", "width", "width_1x1", "width_3x3", "width_5x5", "width_pool", "units", "expand",
    "kernel", "dense", "conv", "n_mels", "precision",
})  # fmt: skip
_CHANGES = (1, 4)  # steps at least, by chance
_PLAIN, _WIDER = "conv", 3  # one block in a stage for several, so many options wider
_OCTAVES = 5.0  # how much smaller than its parent a mutation is at most, as a power of two
_STEPS = 300
_COMPARED = 4
_DRAWS = 200


def mutations(
    space: SearchSpace,
    parents: Sequence[Architecture],
    budget: Budget,
    measure: Measure,
    over: Over,
    rng: random.Random,
    number: int,
) -> Iterator[Architecture]:
    """Yield mutations of parents without end, each parent as likely as the next.

    They are brought under the budget and under a size between that of the parent, or the budget,
    and a thirty-second of it. The number decides which, that of the parent for 0, so that the first
    few spread over all, and the kind of the blocks, as designed for 0. Where that does not succeed,
    what came of it is over the budget.
    """
    smaller = exp2(_OCTAVES * _van_der_corput(number))
    while True:
        parent = rng.choice(parents)
        sizes = [measure(parent).size_bytes, budget.size_bytes]
        most = min(size for size in sizes if size is not None) / smaller
        limits = replace(budget, size_bytes=int(most))
        yield _mutation(space, parent, limits, over, rng, number)


def _van_der_corput(number: int) -> float:
    """Return one of 0, 1/2, 1/4, 3/4, 1/8 and so on: any first few of them are spread evenly."""
    return int(f"{number:b}"[::-1], 2) / (1 << number.bit_length())


def one_choice_mutations(
    space: SearchSpace, parents: Sequence[Architecture], rng: random.Random
) -> Iterator[Architecture]:
    """Yield without end what becomes of parents when one active choice is another option.

    Each parent is as likely as the next, each of its choices, whichever they are, and each option.
    Choices that become active with the change are drawn. The budget is not looked at.
    """
    parameters = {parameter.path: parameter for parameter in space.parameters()}
    values_of = [space.options_of(parent) for parent in parents]
    while True:
        values = rng.choice(values_of)
        path = rng.choice([*values])
        option = rng.choice([o for o in parameters[path].options if o != values[path]])
        yield space.architecture(_taken_or_drawn({**values, path: option}, rng))


def _taken_or_drawn(
    values: Mapping[str, Value], rng: random.Random
) -> Callable[[Parameter], Value]:
    def choose(parameter: Parameter) -> Value:
        path = parameter.path
        return values[path] if path in values else rng.choice(parameter.options)

    return choose


def _mutation(
    space: SearchSpace,
    parent: Architecture,
    limits: Budget,
    over: Over,
    rng: random.Random,
    number: int,
) -> Architecture:
    """Walk at random from a parent; while it is over its limits, by the best of a few steps.

    Those that lessen most what it is over the limits leave most of the parent as it is.
    """
    parameters = space.parameters()
    values: dict[str, Value] = {p.path: rng.choice(p.options) for p in parameters}
    values |= space.options_of(parent)
    blocks = [p for p in parameters if p.path.endswith(".block")]
    kinds = [None, *dict.fromkeys(option for p in blocks for option in p.options)]
    if kind := kinds[number % len(kinds)]:
        values |= _of_kind(kind, parameters, values)
    for _ in range(_DRAWS):
        now = over(space.with_options(values), limits)
        if now < inf:
            break
        values |= {p.path: rng.choice(p.options) for p in parameters if "frontend" in _parts(p)}
    changes = rng.randint(*_CHANGES)
    for _ in range(_STEPS):
        if changes <= 0 and not now:
            break
        found: list[tuple[float, str, Value]] = []
        for path, option in _steps(space, values, rng, also_others=now > 0):
            stepped = over(space.with_options({**values, path: option}), limits)
            if stepped < now or (not now and stepped < inf):
                found.append((stepped, path, option))
            if len(found) == (_COMPARED if now else 1):
                break
        if not found:
            break  # as far as single steps lead
        now, path, option = min(found, key=lambda each: each[0])
        values[path] = option
        changes -= 1
    return space.with_options(values)


def _of_kind(
    kind: Value, parameters: Sequence[Parameter], values: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the blocks of one kind where they may be; of plain ones few and wide."""
    blocks = [p.path for p in parameters if p.path.endswith(".block") and kind in p.options]
    changed = dict.fromkeys(blocks, kind)
    if kind != _PLAIN:
        return changed
    for parameter in parameters:
        path, options = parameter.path, parameter.options
        stage, _, key = path.rpartition(".")
        if f"{stage}.block" not in blocks:
            continue
        if key == "depth" and values[path]:
            changed[path] = next(option for option in options if option)
        elif key == "width":
            changed[path] = options[min(options.index(values[path]) + _WIDER, len(options) - 1)]
    return changed


def _steps(
    space: SearchSpace, values: Mapping[str, Value], rng: random.Random, also_others: bool
) -> Iterator[tuple[str, Value]]:
    """Yield single steps of active choices by chance, those that scale a network first."""
    asked: list[Parameter] = []

    def choose(parameter: Parameter) -> Value:
        asked.append(parameter)
        return values[parameter.path]

    space.architecture(choose)
    by_key: dict[str, list[tuple[str, Value]]] = {}
    for parameter in asked:
        steps = [(parameter.path, o) for o in _neighbours(parameter, values[parameter.path])]
        parts = _parts(parameter)
        # the width of a time shift scales no network
        key = parameter.path if RECIPE in parts else parts[-1]
        by_key.setdefault(key, []).extend(steps)
    scaling = [key for key in by_key if key in _SCALES]
    others = [key for key in by_key if key not in _SCALES and key != "family"]
    for keys in (scaling, others if also_others else []):
        rng.shuffle(keys)
        for key in keys:
            rng.shuffle(by_key[key])
        by_turns = zip_longest(*(by_key[key] for key in keys))
        yield from (step for turn in by_turns for step in turn if step is not None)


def _neighbours(parameter: Parameter, value: Value) -> list[Value]:
    """Return the options beside one; all others where they have no order."""
    options = parameter.options
    if not parameter.ordered:
        return [option for option in options if option != value]
    at = options.index(value)
    return [*options[max(at - 1, 0) : at], *options[at + 1 : at + 2]]


def _parts(parameter: Parameter) -> list[str]:
    return parameter.path.split(".")
