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
from math import prod
from types import MappingProxyType

from nas_asc.architectures import Architecture, Value
from nas_asc.errors import ConfigError
from nas_asc.spaces.section import Parameter, Section
from nas_asc.spaces.space_checks import choice_faults


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

    def adapted(self, classes: int | None = None, clip_s: float | None = None) -> "ReportModel":
        """Return it for data with `classes` classes and clips of `clip_s` seconds; None is its own.

        It is the report's own where both are the report's; elsewhere the network is another one,
        and its classifier is not pruned: that could take whole classes from it.
        """
        if classes in (None, self.classes) and clip_s in (None, self.clip_s):
            return self
        own = self.architecture
        if own.sections["compression"].get("prune_classifier", False):
            spared = {**own.sections["compression"], "prune_classifier": False}
            sections = {**own.sections, "compression": spared}
            own = Architecture(own.space, sections, own.chosen, own.family)
        return replace(
            self,
            architecture=own,
            classes=classes or self.classes,
            clip_s=clip_s or self.clip_s,
        )


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
        self._draws = [
            (s.name, s.plan, [(options, len(options)) for _, options in s.selectors])
            for s in sections
        ]
        self._names = tuple(families)
        self._family = Parameter("family", self._names)
        self._prefixed = {
            family: {p.path: Parameter(f"{family}.{p.path}", p.options) for p in space.parameters()}
            for family, space in families.items()
        }

    def _member(self, family: str, architecture: Architecture) -> Architecture:
        return Architecture(self.name, architecture.sections, architecture.chosen, family)

    def parameters(self) -> tuple[Parameter, ...]:
        """Return all choices, active or not, in asking order."""
        if self.families:
            members = (p for prefixed in self._prefixed.values() for p in prefixed.values())
            return (self._family, *members)
        return tuple(p for section in self.sections for p in section.parameters.values())

    def fixed(self) -> dict[str, Value]:
        """Return everything that is no choice, by dotted path."""
        if self.families:
            members = ((f"{name}.", space.fixed()) for name, space in self.families.items())
            return {prefix + path: v for prefix, fixed in members for path, v in fixed.items()}
        return {
            f"{section.name}.{key}": value
            for section in self.sections
            for key, value in section.fixed.items()
        }

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
            sections[section.name], plan = section.sample(choose)
            chosen.extend(plan.chosen)
        return Architecture(self.name, sections, chosen)

    def random(self, rng: random.Random) -> Architecture:
        """Draw an architecture; each active choice is uniform over its options."""
        if self.families:
            family = self._names[rng.getrandbits(24) * len(self._names) >> 24]
            return Architecture(
                self.name, *self.families[family]._sample_sections(rng.getrandbits), family
            )
        return Architecture(self.name, *self._sample_sections(rng.getrandbits))

    def _sample_sections(
        self, bits: Callable[[int], int]
    ) -> tuple[dict[str, dict[str, Value]], list[tuple[str, str]]]:
        """Draw the sections of an architecture and what was chosen in them."""
        sections: dict[str, dict[str, Value]] = {}
        chosen: list[tuple[str, str]] = []
        # The same walk as `architecture`, written out: a search draws thousands a second. With 24
        # bits options are equally likely to one in 10,000 for a thousand of them; a whole product
        # is twice as fast as that of a float.
        for name, plan_of, selectors in self._draws:
            plan = plan_of(tuple([o[bits(24) * n >> 24] if n > 1 else o[0] for o, n in selectors]))
            values = dict(plan.fixed)
            for key, _, options, count in plan.choices:
                values[key] = options[bits(24) * count >> 24]
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
        """Return why these are not the choices of an architecture of the space, by dotted path."""
        if not self.families:
            return choice_faults(self.sections, choices)
        if not (named := self._family.option(choices.get("family"))):
            return {"family": self._family.error_message(choices)}
        family, prefix = str(named[0]), f"{named[0]}."
        own = {p.removeprefix(prefix): v for p, v in choices.items() if p.startswith(prefix)}
        found = self.families[family].choice_faults(own)
        others = [p for p in choices if p != "family" and not p.startswith(prefix)]
        return {
            **{prefix + path: fault for path, fault in found.items()},
            **dict.fromkeys(others, f"expected a choice of the family {family}"),
        }
