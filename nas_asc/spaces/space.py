"""A search space: the choices that lead to an architecture, and the report models in it.

In its TOML a list is a choice and a scalar is fixed. The dotted path (`stage2.width`) is at once
the place in the TOML, the name of the optuna parameter and the column of every table. A section
knows which of its keys are in use with which choices. A space can also be made of others: then the
first choice is the `family`, and the name of the family stands in front of its paths
(`mbconv.stage2.width`). docs/search_spaces.md teaches the language.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import compress, product
from math import prod
from sys import intern
from types import MappingProxyType

from nas_asc.architectures import RECIPE, Architecture, FrontEnd, Value, front_end
from nas_asc.errors import ConfigError, nearest, short_repr
from nas_asc.spaces.exact_values import Offered, exact_faults, offered_choices, with_exact_values
from nas_asc.spaces.schema import (
    DATA_RATE,
    SELECTORS,
    keys_in_use,
    section_kind,
    selector_in_use,
    sort_of,
)

_UNBOUND_RATE_HZ = 44100  # taken for the data's where a space is not bound to data


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
        """Return the option that a value is; none where it is not among them.

        A rate that is not among them is the data's, where that is an option.
        """
        is_flag = isinstance(value, bool)
        found = tuple(o for o in self.options if o == value and isinstance(o, bool) == is_flag)
        if not found and DATA_RATE in self.options and isinstance(value, int) and not is_flag:
            return (DATA_RATE,)
        return found

    def error_message(self, choices: Mapping[str, object]) -> str:
        """Return what was expected instead of what stands in the choices."""
        value = choices.get(self.path)
        got = "nothing" if self.path not in choices else short_repr(value)
        words = [o for o in self.options if isinstance(o, str)]
        hint = nearest(value, words) if isinstance(value, str) else ""
        return f"expected one of {short_repr(list(self.options))}, got {got}{hint}"


@dataclass(frozen=True)
class _Plan:
    """What is left to ask in a section once its selectors are known.

    A choice is a key, its parameter, what its options are in an architecture and their number.
    """

    fixed: Mapping[str, Value]
    choices: tuple[tuple[str, Parameter, tuple[Value, ...], int], ...]
    chosen: tuple[tuple[str, str], ...]


class Section:
    """One section of a space: its selectors and, per selection, a plan of the rest.

    `data_rate_hz` stands in architectures where the rate is the data's.
    """

    def __init__(
        self,
        name: str,
        values: Mapping[str, tuple[Value, ...] | Value],
        data_rate_hz: int = _UNBOUND_RATE_HZ,
    ) -> None:
        self.name = name
        self.kind = section_kind(name) or name
        self.data_rate_hz = data_rate_hz
        # Python matches keyword arguments by identity first, and a TOML's keys are not interned.
        self.values = values = {intern(key): value for key, value in values.items()}
        self.selectors = tuple(
            (key, self.options(key)) for key in SELECTORS.get(self.kind, ()) if key in values
        )
        self.plan = cache(self._plan)  # of a selection; a search asks for thousands a second
        self.parameters = {
            key: Parameter(f"{name}.{key}", options)
            for key in values
            if len(options := self.options(key)) > 1
        }
        self.fixed = {key: self.options(key)[0] for key in values if key not in self.parameters}

    def options(self, key: str) -> tuple[Value, ...]:
        """Return the options of a key, or its one value; none where it is not given."""
        value = self.values.get(key, ())
        return value if isinstance(value, tuple) else (value,)

    def for_data(self, sample_rate_hz: int) -> "Section":
        """Return the section for data of a rate."""
        return Section(self.name, self.values, sample_rate_hz)

    def named(self, selected: tuple[Value, ...]) -> dict[str, Value]:
        """Return the selectors in use under a selection, with their values."""
        named: dict[str, Value] = {}
        for (key, _), value in zip(self.selectors, selected, strict=True):
            if selector_in_use(self.kind, key, named):
                named[key] = value
        return named

    def _plan(self, selected: tuple[Value, ...]) -> _Plan:
        """Return what is fixed and what is to be asked under a selection."""
        named, asked, stated = self.named(selected), self.parameters, self._stated
        rest = [*self.values]
        if self.kind != RECIPE:
            rest = [key for key, _ in keys_in_use(self.kind, named) if key in self.values]
        choices = [(key, asked[key]) for key in rest if key in asked]
        return _Plan(
            {**named, **{key: stated(self.fixed[key]) for key in rest if key not in asked}},
            tuple((k, p, tuple(map(stated, p.options)), len(p.options)) for k, p in choices),
            tuple((self.name, key) for key in (*named, *rest) if key in asked),
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
            values[key] = self._stated(choose(parameter))
        return values, plan

    def _stated(self, option: Value) -> Value:
        """Return what an option is in an architecture: the word for the data's rate is that."""
        is_rate = option == DATA_RATE and self.kind != RECIPE  # where a folder may be called so
        return self.data_rate_hz if is_rate else option

    def selections(self) -> Iterator[tuple[list[Value], ...]]:
        """Yield the selections that decide differently which choices follow.

        Each has all options of a sort per selector: there are few sorts, but many options.
        """
        for sorts in product(
            *({sort_of(key, o): None for o in options} for key, options in self.selectors)
        ):
            yield tuple(
                [option for option in options if sort_of(key, option) == sort]
                for (key, options), sort in zip(self.selectors, sorts, strict=True)
            )

    def size(self) -> int:
        """Count the section's different outcomes."""
        outcomes: dict[tuple[Value | None, ...], int] = {}
        for selected in self.selections():
            plan = self.plan(tuple(options[0] for options in selected))
            used = [key in plan.fixed for key, _ in self.selectors]
            outcome = tuple(
                o[0] if is_used else None for o, is_used in zip(selected, used, strict=True)
            )
            outcomes[outcome] = prod(map(len, compress(selected, used))) * prod(
                n for *_, n in plan.choices
            )
        return sum(outcomes.values())


@dataclass(frozen=True)
class ReportModel:
    """A network of a technical report, or another one to be counted, as a point in a space.

    Attributes:
        report: that it is of, whose classes, clip length and counting rule these are; or empty.
        printed: the numbers that the report prints: params, nonzero_params, size_kb.
        choices: as its table states them, by dotted path.
        note: what explains a printed number that cannot be reproduced.
    """

    id: str
    report: str
    title: str
    architecture: Architecture
    classes: int
    clip_s: float
    rule: str
    printed: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    choices: Mapping[str, object] = field(default_factory=dict)

    def adapted(self, classes: int | None = None, clip_s: float | None = None) -> "ReportModel":
        """Return it for data with `classes` classes and clips of `clip_s` seconds; None is its own.

        A report's network is its own where both are the report's; elsewhere it is another one, and
        its classifier is not pruned: that could take whole classes from it.
        """
        if classes in (None, self.classes) and clip_s in (None, self.clip_s):
            return self
        own = self.architecture
        if self.report and own.sections["compression"].get("prune_classifier", False):
            spared = {**own.sections["compression"], "prune_classifier": False}
            sections = {**own.sections, "compression": spared}
            own = Architecture(own.space, sections, own.chosen, own.family)
        classes, clip_s = classes or self.classes, clip_s or self.clip_s
        return replace(self, architecture=own, classes=classes, clip_s=clip_s)


class SearchSpace:
    """The choices that lead to an architecture.

    Attributes:
        sections: in the order of the network; none where it is made of families.
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
            model.id: replace(model, architecture=self.in_family(family, model.architecture))
            for family, space in families.items()
            for model in space.models.values()
        }
        # By family, None for a space of one: the sections with the options of their selectors.
        self._draws = {
            family: [(s.name, s.plan, [(o, len(o)) for _, o in s.selectors]) for s in drawn]
            for family, drawn in [(None, sections), *((f, families[f].sections) for f in families)]
        }
        self._names = tuple(families)
        self._family = Parameter("family", self._names)
        self._prefixed = {
            family: {p.path: Parameter(f"{family}.{p.path}", p.options) for p in space.parameters()}
            for family, space in families.items()
        }

    def in_family(self, family: str, architecture: Architecture) -> Architecture:
        """Return an architecture of one of the families as one of the whole."""
        return Architecture(self.name, architecture.sections, architecture.chosen, family)

    def for_data(self, sample_rate_hz: int) -> "SearchSpace":
        """Return the space for data of a rate; its choices and options are the same.

        Its models have the rate that they state, or that of the data where they state none.
        """
        families = {name: space.for_data(sample_rate_hz) for name, space in self.families.items()}
        sections = tuple(section.for_data(sample_rate_hz) for section in self.sections)
        bound = SearchSpace(self.name, self.title, sections, families)
        own = (model for model in self.models.values() if model.id not in bound.models)
        bound.models.update({model.id: bound._with_its_rate(model) for model in own})
        return bound

    def with_recipe(self, choices: Mapping[str, tuple[Value, ...]]) -> "SearchSpace":
        """Return the space in which a candidate has an option of each choice of a recipe, too.

        Report models have the first ones.

        Args:
            choices: options by their path inside the recipe.
        """
        if not choices:
            return self
        families = {name: space.with_recipe(choices) for name, space in self.families.items()}
        in_order = {
            path: tuple(sorted(options, key=float)) if Parameter(path, options).ordered else options
            for path, options in choices.items()
        }
        sections = (*self.sections, Section(RECIPE, in_order)) if self.sections else ()
        wider = SearchSpace(self.name, self.title, sections, families)
        first = {f"{RECIPE}.{path}": options[0] for path, options in choices.items()}
        for model in self.models.values() if self.sections else ():
            own = {**model.choices, **first}
            built = wider.from_choices(own)
            wider.models[model.id] = replace(model, choices=own, architecture=built)
        return wider

    def _with_its_rate(self, model: ReportModel) -> ReportModel:
        try:
            return replace(model, architecture=self.from_choices(model.choices))
        except ConfigError:  # what it states in Hz or samples cannot be at the rate of the data
            return model

    def front_ends(self) -> Iterator[FrontEnd]:
        """Yield every front end of the space, each once or more often."""
        for space in self.families.values():
            yield from space.front_ends()
        for section in self.sections[:1]:
            for selected in product(*(options for _, options in section.selectors)):
                plan = section.plan(selected)
                keys = [key for key, *_ in plan.choices]
                for values in product(*(options for _, _, options, _ in plan.choices)):
                    yield front_end({**plan.fixed, **dict(zip(keys, values, strict=True))})

    def parameters(self) -> tuple[Parameter, ...]:
        """Return all choices, active or not, in asking order."""
        if self.families:
            members = (p for prefixed in self._prefixed.values() for p in prefixed.values())
            return (self._family, *members)
        return tuple(p for section in self.sections for p in section.parameters.values())

    def options(self, path: str) -> Iterator[Value]:
        """Yield what stands for a key such as "frontend.n_mels", in all families."""
        for space in self.families.values():
            yield from space.options(path)
        for section in self.sections:
            name, _, key = path.partition(".")
            if section.name == name:
                yield from section.options(key)

    def fixed(self) -> dict[str, Value]:
        """Return everything that is no choice, by dotted path."""
        if self.families:
            members = ((f"{name}.", space.fixed()) for name, space in self.families.items())
            return {prefix + path: v for prefix, fixed in members for path, v in fixed.items()}
        return {f"{s.name}.{key}": v for s in self.sections for key, v in s.fixed.items()}

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
            return self.in_family(family, member)
        sections: dict[str, dict[str, Value]] = {}
        chosen: list[tuple[str, str]] = []
        for section in self.sections:
            sections[section.name], plan = section.sample(choose)
            chosen.extend(plan.chosen)
        return Architecture(self.name, sections, chosen)

    def random(self, rng: random.Random) -> Architecture:
        """Draw an architecture; each active choice is uniform over its options."""
        # The same walk as `architecture`, written out: a search draws thousands a second. With 24
        # bits options are equally likely to one in 10,000 for a thousand of them; a whole product
        # is twice as fast as that of a float.
        bits, names = rng.getrandbits, self._names
        family = names[bits(24) * len(names) >> 24] if names else None
        sections: dict[str, dict[str, Value]] = {}
        chosen: list[tuple[str, str]] = []
        for name, plan_of, selectors in self._draws[family]:
            plan = plan_of(tuple([o[bits(24) * n >> 24] if n > 1 else o[0] for o, n in selectors]))
            values = dict(plan.fixed)
            for key, _, options, count in plan.choices:
                values[key] = options[bits(24) * count >> 24]
            sections[name] = values
            chosen += plan.chosen
        return Architecture(self.name, sections, chosen, family)

    def from_choices(self, choices: Mapping[str, object]) -> Architecture:
        """Build the architecture that has exactly these active choices, by dotted path.

        Samples may stand for milliseconds, and Hz for a share.

        Raises:
            ConfigError: a choice is missing, unknown, not in use, or not among its options.
        """
        if faults := self.choice_faults(choices):
            raise ConfigError("; ".join(f"{path}: {fault}" for path, fault in faults.items()))
        if self.families:
            family = str(choices["family"])
            member = self.families[family].from_choices(_without(f"{family}.", choices))
            return self.in_family(family, member)
        return self._built(self._offered(choices))

    def options_of(self, architecture: Architecture) -> dict[str, Value]:
        """Return the option that each active choice of an architecture is, or is nearest to."""
        if self.families:
            family = str(architecture.family)
            alone = Architecture(self.name, architecture.sections, architecture.chosen)
            options = self.families[family].options_of(alone)
            return {"family": family, **{f"{family}.{path}": o for path, o in options.items()}}
        offered = self._offered(architecture.choices).choices
        known = [p for p in self.parameters() if p.path in offered]
        return {p.path: p.option(offered[p.path])[0] for p in known}

    def with_options(self, options: Mapping[str, Value]) -> Architecture:
        """Build the architecture that has these options; those not in use are ignored."""
        return self.architecture(lambda parameter: options[parameter.path])

    def _offered(self, choices: Mapping[str, object]) -> Offered:
        section = next(s for s in self.sections if s.kind == "frontend")
        options = {key: section.options(key) for key in section.values}
        return offered_choices(options, choices, section.data_rate_hz)

    def _built(self, offered: Offered) -> Architecture:
        choices = offered.choices
        built = self.architecture(lambda parameter: parameter.option(choices[parameter.path])[0])
        return with_exact_values(built, offered.exact)

    def choice_faults(self, choices: Mapping[str, object]) -> dict[str, str]:
        """Return why these are not exactly the active choices of an architecture, by dotted path.

        A path that the space fixes may be given its value.
        """
        if not self.families:
            offered = self._offered(choices)
            choices, found = offered.choices, dict(offered.faults)
            for section in self.sections:
                found |= _section_faults(section, choices)
            if not found and offered.exact:
                found = exact_faults(self._built(offered))
            known = [f"{section.name}.{key}" for section in self.sections for key in section.values]
            others = [path for path in choices if path not in known]
            text = "expected a choice of the space"
            return found | {path: text + nearest(path, known) for path in others}
        if not (named := self._family.option(choices.get("family"))):
            return {"family": self._family.error_message(choices)}
        family, prefix = str(named[0]), f"{named[0]}."
        found = self.families[family].choice_faults(_without(prefix, choices))
        others = [p for p in choices if p != "family" and not p.startswith(prefix)]
        return {
            **{prefix + path: fault for path, fault in found.items()},
            **dict.fromkeys(others, f"expected a choice of the family {family}"),
        }


def _without(prefix: str, choices: Mapping[str, object]) -> dict[str, object]:
    """Return the choices of a family by the paths that they have there."""
    return {p.removeprefix(prefix): v for p, v in choices.items() if p.startswith(prefix)}


def _section_faults(section: Section, choices: Mapping[str, object]) -> dict[str, str]:
    """Return the faults of the choices in a section.

    Where one that decides which others are in use is not valid, nothing is said about those.
    """
    faults: dict[str, str] = {}

    def choose(parameter: Parameter) -> Value:
        option = parameter.option(choices.get(parameter.path))
        if not option:
            faults[parameter.path] = parameter.error_message(choices)
        return (option or parameter.options)[0]

    values, _ = section.sample(choose)
    paths = {f"{section.name}.{key}": key for key in section.values}
    given = {path: key for path, key in paths.items() if path in choices}
    for path, key in given.items():
        value = section.fixed.get(key)
        if value is not None and not Parameter(path, (value,)).option(choices[path]):
            got, fixed = short_repr(choices[path]), short_repr(value)
            faults[path] = (
                f"expected {fixed}, at which the space fixes it, got {got} - "
                f"make {got} an option there, or give {fixed}"
            )
    faulty = [path for path in faults if paths[path] in SELECTORS.get(section.kind, ())]
    if faulty:
        return {path: text for path, text in faults.items() if path in (*choices, faulty[0])}
    idle = [path for path, key in given.items() if key not in values]
    if idle and values.get("depth") == 0:
        depth = f"{section.name}.depth"
        text = f"expected no other choices of the stage with {depth} = 0, which drops it, got "
        return {**faults, depth: text + ", ".join(idle)}
    return faults | dict.fromkeys(idle, "expected a choice that is in use")
