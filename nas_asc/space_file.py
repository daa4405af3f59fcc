"""Reading a search space from its TOML; all faults are reported at once, each with its line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_asc.architecture import Architecture, Value
from nas_asc.errors import ConfigError, did_you_mean, meant, misspelt, nearest, shown
from nas_asc.model_tables import read_models
from nas_asc.section import Section
from nas_asc.section_checks import read_section
from nas_asc.space import SearchSpace
from nas_asc.space_checks import faults_between
from nas_asc.toml_file import Fault, TomlFile, read_toml
from nas_asc.vocabulary import DOMAINS, FAMILY_KEYS, NAMING_DOMAINS, section_kind

_REQUIRED = ("frontend", "head", "compression")
_KEYS = ("title", "family")
_KNOWN = ("models", "stem", "stage1", *_REQUIRED)


def read_space(path: Path, load: Callable[[str], SearchSpace] | None = None) -> SearchSpace:
    """Read a search space.

    Args:
        path: of its TOML.
        load: gives a space of one family (see `check_family`), by name or path, that a space of
            several is made of.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a search space")
    title = str(file.data.get("title", path.stem))
    if "family" in file.data:
        families = _families(path, file, load)
        return SearchSpace(path.stem, title, families=families)
    faults = _title_faults(file)
    tables = {name: v for name, v in file.data.items() if name not in ("title", "models")}
    sections, unknown, hinted = _sections(tables, faults)
    space = SearchSpace(path.stem, title, sections)
    models = file.data.get("models", {})
    space.models.update(read_models(models, space, unknown, faults, "models" not in hinted))
    if faults:
        raise file.error(faults)
    return space


def check_family(path: Path, name: str) -> None:
    """Check, before a space that another one names is read, that it does not name others itself.

    Raises:
        ConfigError: it does, or the file is absent or no TOML.
    """
    if "family" in read_toml(path, "a search space").data:
        raise ConfigError(f"expected a space of one family, got {name!r}")


def check_architecture(architecture: Architecture) -> None:
    """Check that an architecture, read from a file, is a point that some space could have.

    Raises:
        ConfigError: it is not; the message has every fault.
    """
    faults = [
        Fault("", f"{name}.{key}: expected one value, got {shown(value)}")
        for name, values in architecture.sections.items()
        for key, value in values.items()
        if not isinstance(value, Value)
    ]
    if not faults:
        dropped = {"depth": 0}
        _sections({n: v for n, v in architecture.sections.items() if v != dropped}, faults)
    if faults:
        raise ConfigError("\n".join(f"architecture: {fault.text}" for fault in faults))


def _title_faults(file: TomlFile) -> list[Fault]:
    domain = NAMING_DOMAINS["title"]
    title = file.data.get("title", "")
    return [] if domain.holds(title) else [Fault("title", f"title: {domain.refusal(title)}")]


def _families(
    path: Path, file: TomlFile, load: Callable[[str], SearchSpace] | None
) -> dict[str, SearchSpace]:
    """Read the spaces that a space is made of; nas_asc/ensemble_file.py reads its ensembles."""
    faults = _title_faults(file) + [
        Fault(key, f"{key}: expected one of {', '.join(FAMILY_KEYS)}{nearest(key, FAMILY_KEYS)}")
        for key in file.data
        if key not in FAMILY_KEYS
    ]

    def refuse(text: str) -> None:
        faults.extend(Fault("family", f"family: {line}") for line in text.splitlines())

    names = file.data["family"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        refuse(f"expected a list of search spaces, got {shown(names)}")
        names = []
    families: dict[str, SearchSpace] = {}
    for name in names:
        try:
            space = load(name) if load else _beside(path, name)
        except ConfigError as error:
            refuse(str(error))
            continue
        if space.name in families:
            refuse(f"expected spaces of different names, got {space.name!r} twice")
        else:
            families[space.name] = space
    owners: dict[str, str] = {}
    for space in families.values():
        for model in space.models:
            owner = owners.setdefault(model, space.name)
            if owner != space.name:
                refuse(
                    f"expected models of different names, got {model!r} in {owner} and {space.name}"
                )
    if faults:
        raise file.error(faults)
    return families


def _beside(path: Path, name: str) -> SearchSpace:
    check_family(path.parent / name, name)
    return read_space(path.parent / name)


def _sections(
    tables: Mapping[str, Any], faults: list[Fault]
) -> tuple[tuple[Section, ...], Callable[[str], bool], set[str]]:
    """Give the sections without a fault, in order.

    Also what says whether a name is of another section, and what misspelt names may stand for.
    """
    sections: dict[str, Section] = {}
    found: list[Fault] = []
    broken: set[str] = set()
    hinted: set[str] = set()  # by misspelt names
    unsure: set[str] = set()  # what misspelt keys may stand for
    for name, values in tables.items():
        is_table = isinstance(values, dict)
        kind = name
        if not section_kind(name) or not is_table:
            text, words = _stray(name, values)
            found.append(Fault(name, f"{name}: {text}"))
            hinted.update(words)
            broken.add(name)
            kind = words[-1] if words else ""
        if section_kind(kind) and is_table:
            section, own = read_section(kind, values)
            own_keys = misspelt(values, DOMAINS[section.kind])
            unsure.update(f"{name}.{key}" for key in own_keys)
            found += [Fault(*(name + part.removeprefix(kind) for part in fault)) for fault in own]
            if own:
                broken.add(name)
            if kind == name:
                sections[name] = section
    if {"family", "ensembles"} & {*hinted, *tables} and not sections:
        hinted.update(_REQUIRED)  # it is meant to be made of other spaces
    if "family" in hinted and not sections:
        found = [fault for fault in found if fault.path != "ensembles"]
    for name in _REQUIRED:
        if name not in tables:
            broken.add(name)
            if name not in hinted:
                found.append(Fault(name, f"{name}: expected this section, got none"))
    faults += found
    faults += faults_between(sections, unsure.union(fault.path for fault in found))
    stages = [name for name in sections if section_kind(name) == "stage"]
    stages.sort(key=lambda name: int(name.removeprefix("stage") or 0) if name != "stem" else 0)
    order = ["frontend", *stages, "head", "compression"]
    sound = tuple(sections[name] for name in order if name in sections and name not in broken)
    return sound, lambda name: name in broken or (bool(hinted) and name not in sections), hinted


def _stray(name: str, values: object) -> tuple[str, list[str]]:
    """Say what was expected instead of what is no section, and which words it may stand for."""
    if name == "ensembles":
        return "expected ensembles in a space of several families only, which has a family", []
    if section_kind(name):
        return f"expected a section of a space, got {shown(values)}", []
    if isinstance(values, dict):
        words = meant(name, _KNOWN) or _by_keys(values)
        return f"expected a section of a space{did_you_mean(words)}", words
    text = "expected title, family or a section of a space"
    kinds = [kind for kind, domains in DOMAINS.items() if name in domains]
    if kinds:
        places = " or ".join("[stage1]" if kind == "stage" else f"[{kind}]" for kind in kinds)
        return f"{text} - put {name} below the line {places}", []
    known = _KEYS if meant(name, _KEYS) else _KNOWN
    return text + nearest(name, known), meant(name, known)


def _by_keys(table: Mapping[str, Any]) -> list[str]:
    """Give the section that has most of the keys of a table, where it has more than half."""
    known = {kind: len(table.keys() & domains.keys()) for kind, domains in DOMAINS.items()}
    kind = max(known, key=known.__getitem__)
    name = "stage1" if kind == "stage" else kind
    return [name] if known[kind] > len(table) / 2 else []
