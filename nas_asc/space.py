"""A search space: the choices that lead to an architecture, and the report models in it.

In its TOML a list is a choice and a scalar is fixed. The dotted path (`stage2.width`) is at once
the place in the TOML, the name of the optuna parameter and the column of every table. A space can
also be made of others: then the first choice is the `family`, and the name of the family stands in
front of its paths (`mbconv.stage2.width`).
docs/search_spaces.md teaches the language.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from sys import intern
from types import MappingProxyType

from nas_asc.architecture import Architecture, Value
from nas_asc.errors import ConfigError, nearest
from nas_asc.vocabulary import SELECTORS, keys_in_use, section_kind, selector_in_use

_Options = Mapping[str, tuple[Value, ...]]


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
        """Give the option that a value is; none where it is not among them."""
        return tuple(
            o for o in self.options if o == value and isinstance(o, bool) == isinstance(value, bool)
        )

    def refusal(self, choices: Mapping[str, object]) -> str:
        """Say what was expected instead of what stands in the choices."""
        value = choices.get(self.path)
        got = "nothing" if self.path not in choices else repr(value)
        words = [o for o in self.options if isinstance(o, str)]
        meant = nearest(value, words) if isinstance(value, str) else ""
        return f"expected one of {list(self.options)}, got {got}{meant}"


@dataclass(frozen=True)
class ReportModel:
    """A network of a technical report, as a point in a space.

    Attributes:
        classes: what the report's network tells apart.
        clip_s: the clip length of the report, in seconds.
        rule: the counting rule that the report used.
        printed: the numbers that the report prints: params, nonzero_params, size_kb.
        note: what explains a printed number that cannot be reproduced.
    """

    id: str
    report: str
    title: str
    architecture: Architecture
    classes: int
    clip_s: float
    rule: str
    printed: Mapping[str, float]
    note: str = ""

    def adapted(self, n_classes: int, clip_s: float | None = None) -> Architecture:
        """Give its architecture for data with `n_classes` classes and clips of `clip_s` seconds.

        It is the report's own where both are the report's (None is); elsewhere the network is
        another one, and its classifier is not pruned: that could take whole classes from it.
        """
        own = self.architecture
        compression = own.sections["compression"]
        is_own = n_classes == self.classes and clip_s in (None, self.clip_s)
        if is_own or not compression.get("prune_classifier", False):
            return own
        spared = {**compression, "prune_classifier": False}
        return Architecture(
            own.space, {**own.sections, "compression": spared}, own.chosen, own.family
        )


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

    def _options(self, key: str) -> tuple[Value, ...]:
        value = self.values[key]
        return value if isinstance(value, tuple) else (value,)

    def selections(self) -> list[tuple[Value, ...]]:
        """Give every combination of the selectors' options."""
        return list(product(*(options for _, options in self.selectors)))

    def plan(self, selected: tuple[Value, ...]) -> _Plan:
        """Give what is fixed and what is to be asked under a selection."""
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
        fixed = {key: self._options(key)[0] for key in rest if key not in self.parameters}
        chosen = [key for key in (*named, *asked) if key in self.parameters]
        return _Plan(
            {**named, **fixed},
            tuple(
                (key, p, p.options, len(p.options)) for key in asked for p in [self.parameters[key]]
            ),
            tuple((self.name, key) for key in chosen),
        )

    def draw(self, choose: Callable[[Parameter], Value]) -> tuple[dict[str, Value], _Plan]:
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
        outcomes = {}
        for selected in self.selections():
            plan = self.plan(selected)
            key = tuple(sorted((k, plan.fixed[k]) for k, _ in self.selectors if k in plan.fixed))
            outcomes[key] = prod(n for _, _, _, n in plan.choices)
        return sum(outcomes.values())


class SearchSpace:
    """The choices that lead to an architecture.

    Attributes:
        name: how the space is called.
        title: one line on what it holds.
        sections: of the space; none where it is made of families.
        families: the spaces that it is made of, by name.
        models: the report models in it, by id; those of its families too.
    """

    def __init__(
        self,
        name: str,
        title: str,
        sections: tuple[Section, ...] = (),
        families: Mapping[str, "SearchSpace"] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.title = title
        self.sections = sections
        self.families = families
        self.models: dict[str, ReportModel] = {
            model.id: replace(model, architecture=self._member(family, model.architecture))
            for family, space in families.items()
            for model in space.models.values()
        }
        self._draws = [(s.name, s, s.selectors) for s in sections]
        self._names = tuple(families)
        self._family = Parameter("family", self._names)
        self._prefixed = {
            family: {p.path: Parameter(f"{family}.{p.path}", p.options) for p in space.parameters()}
            for family, space in families.items()
        }

    def _member(self, family: str, architecture: Architecture) -> Architecture:
        return Architecture(self.name, architecture.sections, architecture.chosen, family)

    def parameters(self) -> tuple[Parameter, ...]:
        """Give all choices, active or not, in asking order."""
        if self.families:
            members = (p for prefixed in self._prefixed.values() for p in prefixed.values())
            return (self._family, *members)
        return tuple(p for section in self.sections for p in section.parameters.values())

    def size(self) -> int:
        """Count the architectures of the space."""
        if self.families:
            return sum(space.size() for space in self.families.values())
        return prod(section.size() for section in self.sections)

    def architecture(self, choose: Callable[[Parameter], Value]) -> Architecture:
        """Walk the space, asking `choose` for each choice that is active, in order."""
        if self.families:
            family = str(choose(self._family))
            prefixed = self._prefixed[family]
            member = self.families[family].architecture(lambda p: choose(prefixed[p.path]))
            return self._member(family, member)
        sections: dict[str, dict[str, Value]] = {}
        chosen: list[tuple[str, str]] = []
        for section in self.sections:
            sections[section.name], plan = section.draw(choose)
            chosen.extend(plan.chosen)
        return Architecture(self.name, sections, chosen)

    def random(self, rng: random.Random) -> Architecture:
        """Draw an architecture; each active choice is uniform over its options."""
        if self.families:
            family = self._names[int(rng.random() * len(self._names))]
            return Architecture(self.name, *self.families[family]._drawn(rng.random), family)
        return Architecture(self.name, *self._drawn(rng.random))

    def _drawn(
        self, uniform: Callable[[], float]
    ) -> tuple[dict[str, dict[str, Value]], list[tuple[str, str]]]:
        """Draw the sections of an architecture and what was chosen in them."""
        sections: dict[str, dict[str, Value]] = {}
        chosen: list[tuple[str, str]] = []
        # The same walk as `architecture`, written out: a search draws thousands a second.
        for name, section, selectors in self._draws:
            plan = section.plan(
                tuple([options[int(uniform() * len(options))] for _, options in selectors])
            )
            values = dict(plan.fixed)
            for key, _, options, count in plan.choices:
                values[key] = options[int(uniform() * count)]
            sections[name] = values
            chosen += plan.chosen
        return sections, chosen

    def from_choices(self, choices: Mapping[str, object]) -> Architecture:
        """Build the architecture that has exactly these active choices, by dotted path.

        Raises:
            ConfigError: a choice is missing, unknown, not in use, or not among its options.
        """
        if faults := self.choice_faults(choices):
            raise ConfigError("; ".join(f"{path}: {fault}" for path, fault in faults.items()))
        return self.architecture(lambda parameter: parameter.option(choices[parameter.path])[0])

    def choice_faults(self, choices: Mapping[str, object]) -> dict[str, str]:
        """Say why these are not exactly the active choices of an architecture, by dotted path.

        What only follows from another fault is not among them.
        """
        paths = [p.path for p in self.parameters()]
        faults: dict[str, str] = {}
        used = {"family"} if self.families else set()
        sections, prefix = self.sections, ""
        if self.families:
            if family := self._family.option(choices.get("family")):
                sections, prefix = self.families[str(family[0])].sections, f"{family[0]}."
            else:
                faults["family"] = self._family.refusal(choices)
                used.update(paths)
        for section in sections:
            named = {
                k: Parameter(prefix + p.path, p.options) for k, p in section.parameters.items()
            }
            found, asked = _section_faults(section, named, choices)
            faults |= found
            used |= asked
        for path in choices:
            if path not in paths:
                faults[path] = f"expected a choice of the space{nearest(path, paths)}"
            elif path not in used:
                faults[path] = "expected a choice that is in use"
        return faults


def _section_faults(
    section: Section, parameters: Mapping[str, Parameter], choices: Mapping[str, object]
) -> tuple[dict[str, str], set[str]]:
    """Give the faults of the choices in a section, and the paths that are dealt with.

    A selector without a valid choice might be any of its options: what holds for each is a fault.
    """
    found = {key: p.option(choices.get(p.path)) for key, p in parameters.items()}
    unsure = [key for key, _ in section.selectors if key in found and not found[key]]
    walks: list[set[str]] = []
    for guess in product(*(parameters[key].options for key in unsure)):
        assumed = {**found, **{k: (v,) for k, v in zip(unsure, guess, strict=True)}}
        asked: set[str] = set()

        def choose(p: Parameter, asked: set[str] = asked, assumed: _Options = assumed) -> Value:
            key = p.path.removeprefix(f"{section.name}.")
            asked.add(key)
            return (assumed[key] or p.options)[0]

        section.draw(choose)
        walks.append(asked)
    always, ever = set.intersection(*walks), set.union(*walks)
    faults = {
        p.path: p.refusal(choices)
        for key, p in parameters.items()
        if not found[key] and (key in always or (key in ever and p.path in choices))
    }
    used = {parameters[key].path for key in ever}
    idle = [p.path for p in parameters.values() if p.path in choices and p.path not in used]
    if idle and found.get("depth") == (0,):
        path = parameters["depth"].path
        faults[path] = (
            f"expected no other choices of the stage with {path} = 0, which drops it, "
            f"got {', '.join(idle)}"
        )
        used.update(idle)
    return faults, used
