"""Reading a search space from its TOML; all faults are reported at once."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_asc.architecture import Architecture, Value
from nas_asc.errors import ConfigError, nearest
from nas_asc.rules import RULES
from nas_asc.space import ReportModel, SearchSpace, Section
from nas_asc.space_checks import faults_between
from nas_asc.vocabulary import (
    DOMAINS,
    MODEL_DOMAINS,
    REQUIRED,
    SELECTORS,
    keys_in_use,
    section_kind,
    selector_in_use,
)

_MODEL_KEYS = {"report", "title", "classes", "clip_s", "rule", "printed", "choices", "like", "note"}
_PRINTED_KEYS = {
    "params",
    "params_with_norms",
    "nonzero_params",
    "size_kb",
    "unpruned_size_kb",
    "mmacs",
}
_FAMILY_KEYS = ("title", "family", "ensembles")
_REQUIRED = ("frontend", "head", "compression")


def read_space(path: Path, load: Callable[[str], SearchSpace] | None = None) -> SearchSpace:
    """Read a search space.

    Args:
        path: of its TOML.
        load: gives the spaces, by name or path, that a space of several families is made of.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a search space, {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML, {error}") from None
    faults: list[str] = []
    if "family" in data:
        return _family_space(path, data, load)
    sections = _sections(data, faults)
    models = data.get("models", {})
    if not _is_table(models) or not all(_is_table(model) for model in models.values()):
        faults.append("models: expected one table per model, [models.ID]")
    if faults:
        raise ConfigError(f"{path.name}: " + "; ".join(faults))
    space = SearchSpace(path.stem, str(data.get("title", path.stem)), sections)
    for model_id in models:
        try:
            space.models[model_id] = _model(space, model_id, models)
        except ConfigError as error:
            faults.append(f"models.{model_id}: {error}")
    if faults:
        raise ConfigError(f"{path.name}: " + "; ".join(faults))
    return space


def check_architecture(architecture: Architecture) -> None:
    """Check that an architecture, read from a file, is a point that some space could have.

    Raises:
        ConfigError: it is not; the message has every fault.
    """
    faults = [
        f"{name}.{key}: expected one value, got {value!r}"
        for name, values in architecture.sections.items()
        for key, value in values.items()
        if not isinstance(value, Value)
    ]
    if not faults:
        dropped = {"depth": 0}
        _sections({n: v for n, v in architecture.sections.items() if v != dropped}, faults)
    if faults:
        raise ConfigError("architecture: " + "; ".join(faults))


def _family_space(
    path: Path, data: Mapping[str, Any], load: Callable[[str], SearchSpace] | None
) -> SearchSpace:
    """Read a space that is made of others; its ensembles are read by nas_asc/ensemble_file.py."""
    faults = [
        f"{key}: expected one of {', '.join(_FAMILY_KEYS)}{nearest(key, _FAMILY_KEYS)}"
        for key in data
        if key not in _FAMILY_KEYS
    ]
    names = data["family"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        faults.append(f"family: expected a list of search spaces, got {names!r}")
        names = []
    families: dict[str, SearchSpace] = {}
    for name in names:
        try:
            space = load(name) if load else read_space(path.parent / name)
        except ConfigError as error:
            faults.append(f"family: {error}")
            continue
        if space.families:
            faults.append(f"family: expected a space of one family, got {name!r}")
        elif space.name in families:
            faults.append(f"family: expected spaces of different names, got {space.name!r} twice")
        else:
            families[space.name] = space
    if faults:
        raise ConfigError(f"{path.name}: " + "; ".join(faults))
    return SearchSpace(path.stem, str(data.get("title", path.stem)), families=families)


def _sections(data: Mapping[str, Any], faults: list[str]) -> tuple[Section, ...]:
    known = ("title", "models", "frontend", "stem", "stage1", "head", "compression")
    sections = {}
    for name, values in data.items():
        if name in ("title", "models"):
            continue
        if section_kind(name) is None or not isinstance(values, dict):
            faults.append(f"{name}: expected a section of a space{nearest(name, known)}")
        elif (section := _section(name, values, faults)) is not None:
            sections[name] = section
    for name in _REQUIRED:
        if name not in data:
            faults.append(f"{name}: expected this section, got none")
    stages = [name for name in sections if section_kind(name) == "stage"]
    stages.sort(key=lambda name: int(name.removeprefix("stage") or 0) if name != "stem" else 0)
    order = ["frontend", *stages, "head", "compression"]
    faults += faults_between(sections)
    return tuple(sections[name] for name in order if name in sections)


def _section(name: str, values: Mapping[str, Any], faults: list[str]) -> Section | None:
    kind = section_kind(name) or ""
    domains = DOMAINS[kind]
    before = len(faults)
    options: dict[str, tuple[Value, ...] | Value] = {}
    for key, value in values.items():
        if key not in domains:
            faults.append(f"{name}.{key}: expected a known key{nearest(key, domains)}")
            continue
        listed = value if isinstance(value, list) else [value]
        bad = [v for v in listed if not domains[key].holds(v)]
        if bad:
            inside = f" in {value}" if isinstance(value, list) else ""
            faults.append(f"{name}.{key}: expected {domains[key].expected}, got {bad[0]!r}{inside}")
        elif not listed:
            faults.append(f"{name}.{key}: expected at least one option, got an empty list")
        elif len({(type(v), v) for v in listed}) < len(listed):
            faults.append(f"{name}.{key}: expected different options, got {value}")
        else:
            options[key] = tuple(listed) if len(listed) > 1 else listed[0]
    for key in SELECTORS[kind]:
        if key not in values and key in REQUIRED:
            faults.append(f"{name}.{key}: expected {domains[key].expected}, got nothing")
    if len(faults) > before:
        return None
    section = Section(name, options)
    used: set[str] = set()
    for selected in section.selections():
        named: dict[str, Value] = {}
        for (key, _), value in zip(section.selectors, selected, strict=True):
            if selector_in_use(kind, key, named):
                used.add(key)
                named[key] = value
        for key, has_default in keys_in_use(kind, named):
            used.add(key)
            if key not in values and not has_default:
                fault = f"{name}.{key}: expected {domains[key].expected}, got nothing"
                if fault not in faults:
                    faults.append(fault)
    for key in options:
        if key not in used:
            faults.append(f"{name}.{key}: expected a key that some option of the section uses")
    return section if len(faults) == before else None


def _model(space: SearchSpace, model_id: str, tables: Mapping[str, Any]) -> ReportModel:
    table = _inherited(model_id, tables)
    faults = [
        f"{key}: expected a key of a model{nearest(key, _MODEL_KEYS)}"
        for key in table
        if key not in _MODEL_KEYS
    ]
    for key, domain in MODEL_DOMAINS.items():
        if not domain.holds(table.get(key)):
            faults.append(f"{key}: expected {domain.expected}, got {table.get(key)!r}")
    rule = str(table.get("rule"))
    if rule not in RULES:
        faults.append(f"rule: expected a counting rule, got {rule!r}{nearest(rule, RULES)}")
    printed = table.get("printed", {})
    if not _is_table(printed):
        faults.append(f"printed: expected a table, got {printed!r}")
    else:
        faults += [
            f"printed.{key}: expected one of {', '.join(sorted(_PRINTED_KEYS))}"
            for key in printed
            if key not in _PRINTED_KEYS
        ]
    if faults:
        raise ConfigError("; ".join(faults))
    architecture = space.from_choices(_choices(table))
    return ReportModel(
        id=model_id,
        report=table["report"],
        title=table.get("title", model_id),
        architecture=architecture,
        classes=table["classes"],
        clip_s=float(table["clip_s"]),
        rule=table["rule"],
        printed=printed,
        note=table.get("note", ""),
    )


def _inherited(model_id: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Give a model's table with what it takes over from the one that it is `like`."""
    table = dict(tables[model_id])
    like = table.pop("like", None)
    if like is None:
        return table
    if not isinstance(like, str) or like not in tables or "like" in tables[like]:
        raise ConfigError(f"like: expected a model that stands for itself, got {like!r}")
    base = {**tables[like], **table}
    base["choices"] = {**_choices(tables[like]), **_choices(table)}
    return base


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _choices(table: Mapping[str, Any]) -> dict[str, Any]:
    choices = table.get("choices", {})
    if not _is_table(choices):
        raise ConfigError(f"choices: expected a table, got {choices!r}")
    return _flat(choices)


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": v for inner, v in _flat(value).items()})
        else:
            flat[key] = value
    return flat
