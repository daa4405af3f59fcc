"""One section of a search space: what is fixed in it and what is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from sys import intern

from nas_asc.architectures import Value
from nas_asc.errors import nearest, short_repr
from nas_asc.spaces.schema import SELECTORS, keys_in_use, section_kind, selector_in_use, sort_of


@dataclass(frozen=True)
class Parameter:
    """One choice: its dotted path and its options; options that are all numbers are ordered."""

    path: str
    options: tuple[Value, ...]

    @property
    def ordered(self) -> bool:
        """Whether the options are numbers, so that their order means something."""
        return all(isinstance(o, int | float) and not isinstance(o, bool) for o in self.options)

    def option(self, value: object) -> tuple[Value, ...]:
        """Return the option that a value is; none where it is not among them."""
        return tuple(
            o for o in self.options if o == value and isinstance(o, bool) == isinstance(value, bool)
        )

    def error_message(self, choices: Mapping[str, object]) -> str:
        """Return what was expected instead of what stands in the choices."""
        value = choices.get(self.path)
        got = "nothing" if self.path not in choices else short_repr(value)
        words = [o for o in self.options if isinstance(o, str)]
        hint = nearest(value, words) if isinstance(value, str) else ""
        return f"expected one of {short_repr(list(self.options))}, got {got}{hint}"


@dataclass(frozen=True)
class _Plan:
    """What is left to ask in a section once its selectors are known."""

    fixed: Mapping[str, Value]
    choices: tuple[tuple[str, Parameter, tuple[Value, ...], int], ...]
    chosen: tuple[tuple[str, str], ...]


class Section:
    """One section of a space: its selectors and, per selection, a plan of the rest."""

    def __init__(self, name: str, values: Mapping[str, tuple[Value, ...] | Value]) -> None:
        self.name = name
        self.kind = section_kind(name) or ""
        # Python matches keyword arguments by identity first, and a TOML's keys are not interned.
        self.values = values = {intern(key): value for key, value in values.items()}
        self.selectors = tuple(
            (key, self._options(key)) for key in SELECTORS[self.kind] if key in values
        )
        self._plans: dict[tuple[Value, ...], _Plan] = {}
        self.parameters = {
            key: Parameter(f"{name}.{key}", options)
            for key in values
            if len(options := self._options(key)) > 1
        }
        self.fixed = {key: self._options(key)[0] for key in values if key not in self.parameters}

    def _options(self, key: str) -> tuple[Value, ...]:
        value = self.values[key]
        return value if isinstance(value, tuple) else (value,)

    def plan(self, selected: tuple[Value, ...]) -> _Plan:
        """Return what is fixed and what is to be asked under a selection."""
        try:
            return self._plans[selected]
        except KeyError:
            self._plans[selected] = plan = self._make_plan(selected)
            return plan

    def _make_plan(self, selected: tuple[Value, ...]) -> _Plan:
        named: dict[str, Value] = {}
        for (key, _), value in zip(self.selectors, selected, strict=True):
            if selector_in_use(self.kind, key, named):
                named[key] = value
        rest = [key for key, _ in keys_in_use(self.kind, named) if key in self.values]
        asked = [key for key in rest if key in self.parameters]
        fixed = {key: self.fixed[key] for key in rest if key not in self.parameters}
        chosen = [key for key in (*named, *asked) if key in self.parameters]
        return _Plan(
            {**named, **fixed},
            tuple(
                (key, p, p.options, len(p.options)) for key in asked for p in [self.parameters[key]]
            ),
            tuple((self.name, key) for key in chosen),
        )

    def sample(self, choose: Callable[[Parameter], Value]) -> tuple[dict[str, Value], _Plan]:
        """Ask for every active choice of the section, in order."""
        named: dict[str, Value] = {}
        selected: list[Value] = []
        for key, options in self.selectors:
            value = options[0]
            if selector_in_use(self.kind, key, named):
                if key in self.parameters:
                    value = choose(self.parameters[key])
                named[key] = value
            selected.append(value)
        plan = self.plan(tuple(selected))
        values = dict(plan.fixed)
        for key, parameter, _, _ in plan.choices:
            values[key] = choose(parameter)
        return values, plan

    def size(self) -> int:
        """Count the section's different outcomes."""
        # Options of one sort are followed by the same choices: there are few sorts, many options.
        sorts = [_by_sort(key, options) for key, options in self.selectors]
        outcomes: dict[tuple[tuple[str, Value], ...], int] = {}
        for selected in product(*(each.values() for each in sorts)):
            plan = self.plan(tuple(options[0] for options in selected))
            used = {
                key: options
                for (key, _), options in zip(self.selectors, selected, strict=True)
                if key in plan.fixed
            }
            key = tuple((key, options[0]) for key, options in used.items())
            outcomes[key] = prod(map(len, used.values())) * prod(n for _, _, _, n in plan.choices)
        return sum(outcomes.values())


def _by_sort(selector: str, options: tuple[Value, ...]) -> dict[Value, list[Value]]:
    found: dict[Value, list[Value]] = {}
    for option in options:
        found.setdefault(sort_of(selector, option), []).append(option)
    return found
