"""An architecture: one point of a search space, with every value that decides the model."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

from nas_asc.architectures.frontend import FrontEnd, front_end
from nas_asc.errors import ConfigError

Value = bool | int | float | str
Sections = Mapping[str, Mapping[str, Value]]


class Architecture:
    """One point of a search space; immutable, equal and hashed by what is active in it.

    Attributes:
        space: name of the space that it was drawn from.
        sections: every active value, chosen or fixed, as {"stage1": {"width": 12, ...}, ...}, in
            the order of the network. What stands for an ensemble has the section "ensemble" alone.
        chosen: (section, key) of those that are choices in the space, in asking order.
        family: the member that it was drawn from, where the space is one of several spaces; it is
            then a choice itself, and in front of the paths of the others.
    """

    def __init__(
        self,
        space: str,
        sections: Sections,
        chosen: Iterable[tuple[str, str]],
        family: str | None = None,
    ) -> None:
        self.space = space
        self.sections = sections
        self.chosen = chosen
        self.family = family

    @cached_property
    def choices(self) -> Mapping[str, Value]:
        """The active choices by dotted path."""
        values = {f"{section}.{key}": self.sections[section][key] for section, key in self.chosen}
        if self.family is not None:
            values = {f"{self.family}.{path}": value for path, value in values.items()}
            values = {"family": self.family, **values}
        return MappingProxyType(values)

    @cached_property
    def frontend(self) -> FrontEnd:
        """What the network is fed."""
        return front_end(self.sections["frontend"])

    @property
    def ensemble(self) -> str | None:
        """The id of the report's ensemble that it stands for; None for a network."""
        section = self.sections.get("ensemble")
        return None if section is None else str(section["id"])

    @cached_property
    def key(self) -> str:
        """A short hash of everything active; equal keys are the same model."""
        text = json.dumps({k: dict(v) for k, v in self.sections.items()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Architecture({self.space!r}, {dict(self.choices)!r})"

    def to_dict(self) -> dict[str, object]:
        """Return the architecture as JSON."""
        return {
            "space": self.space,
            **({} if self.family is None else {"family": self.family}),
            "sections": {name: dict(values) for name, values in self.sections.items()},
            "choices": [f"{section}.{key}" for section, key in self.chosen],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "Architecture":
        """Read an architecture from JSON.

        Raises:
            ConfigError: it is no architecture.
        """
        space, sections, choices = data.get("space"), data.get("sections"), data.get("choices")
        family = data.get("family")
        if (
            not isinstance(space, str)
            or not isinstance(sections, Mapping)
            or not all(isinstance(values, Mapping) for values in sections.values())
            or not isinstance(choices, list)
            or not isinstance(family, str | None)
        ):
            raise ConfigError(
                "architecture: expected space, sections and choices, "
                f"got {', '.join(map(str, data)) or 'nothing'}"
            )
        chosen = [tuple(str(path).split(".", 1)) for path in choices]
        missing = [".".join(c) for c in chosen if len(c) != 2 or c[1] not in sections.get(c[0], {})]
        if missing:
            raise ConfigError(f"architecture: expected a value for {', '.join(missing)}, got none")
        return cls(space, {name: dict(v) for name, v in sections.items()}, chosen, family)  # type: ignore[arg-type]
