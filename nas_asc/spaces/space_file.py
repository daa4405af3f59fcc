"""Search spaces and architectures read from files; all faults at once, each with its line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nas_asc.architectures import RECIPE, Architecture, Value
from nas_asc.errors import ConfigError, nearest, short_repr, unknown_key
from nas_asc.shipped import find, is_path
from nas_asc.spaces.schema import (
    DATA_RATE,
    MODEL_DOMAINS,
    MODEL_KEYS,
    PRINTED_KEYS,
    section_kind,
    table_faults,
)
from nas_asc.spaces.space import ReportModel, SearchSpace, Section
from nas_asc.spaces.space_checks import faults_between, read_section
from nas_asc.toml_file import Fault, TomlFile, read_toml

_REQUIRED = ("frontend", "head", "compression")
_FAMILY_KEYS = ("title", "family", "ensembles")
_MODEL_NEEDS = (*MODEL_DOMAINS, "choices")
_KNOWN = ("title", "family", "frontend", "stem", "stage1", "head", "compression", "models")


def load_space(name_or_path: str) -> SearchSpace:
    """Load a search space by name or path.

    Raises:
        ConfigError: there is no such space, or it is not valid; the message has every fault.
    """
    path = find("search_spaces", name_or_path, "space")
    return _loaded(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _loaded(path: Path, modified_ns: int) -> SearchSpace:
    return read_space(path)


def read_space(path: Path) -> SearchSpace:
    """Read a search space from its TOML.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a search space")
    title = str(file.data.get("title", path.stem))
    if "family" in file.data:
        return SearchSpace(path.stem, title, families=_families(path, file))
    tables = {name: v for name, v in file.data.items() if name not in ("title", "models")}
    sections, faults = _sections(tables)
    faults += _title_faults(file)
    space = SearchSpace(path.stem, title, sections)
    space.models.update(_models(file.data.get("models", {}), space, faults))
    if faults:
        raise file.error(faults)
    return space


def check_architecture(architecture: Architecture) -> None:
    """Check that an architecture, read from a file, is a point that some space could have.

    Raises:
        ConfigError: it is not; the message has every fault.
    """
    faults = [
        Fault(f"{name}.{key}", f"expected one value, got {short_repr(value)}")
        for name, values in architecture.sections.items()
        for key, value in values.items()
        if not isinstance(value, Value)
    ]
    rate = architecture.sections.get("frontend", {}).get("sample_rate_hz")
    if rate == DATA_RATE:
        text = f"expected the rate of the data in Hz, got {rate!r}"
        faults.append(Fault("frontend.sample_rate_hz", text))
    tables = {
        name: values
        for name, values in architecture.sections.items()
        if values != {"depth": 0} and name != RECIPE  # whose options the training checks
    }
    if faults := faults or _sections(tables)[1]:
        raise ConfigError("\n".join(f"architecture: {fault.text}" for fault in faults))


def _title_faults(file: TomlFile) -> list[Fault]:
    domain, title = MODEL_KEYS["title"], file.data.get("title", "")
    return [] if domain.accepts(title) else [Fault("title", domain.error_message(title))]


def _sections(tables: Mapping[str, Any]) -> tuple[tuple[Section, ...], list[Fault]]:
    """Return the sections in the order of the network, and their faults."""
    sections: dict[str, Section] = {}
    faults = [
        Fault(name, "expected this section, got none") for name in _REQUIRED if name not in tables
    ]
    for name, values in tables.items():
        if name == "ensembles":
            text = "expected ensembles in a space of several families only, which has a family"
            faults.append(Fault(name, text))
        elif not section_kind(name):
            faults.append(Fault(name, unknown_key(name, _KNOWN)))
        elif not isinstance(values, dict):
            faults.append(Fault(name, f"expected a section of a space, got {short_repr(values)}"))
        else:
            sections[name], own = read_section(name, values)
            faults += own
    if not faults:
        faults += faults_between(sections)
    return tuple(sections[name] for name in sorted(sections, key=_place)), faults


def _place(section: str) -> int:
    """Return where in the network a section is; stages have at most three digits."""
    ends = {"frontend": -2, "stem": -1, "head": 1000, "compression": 1001}
    return ends[section] if section in ends else int(section.removeprefix("stage"))


def _models(tables: object, space: SearchSpace, faults: list[Fault]) -> dict[str, ReportModel]:
    """Read the `[models.ID]` tables, by id; none where there are faults, which are added.

    Choices are checked only where the sections have no faults.
    """
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        faults.append(Fault("models", "expected one table per model, [models.ID]"))
        return {}
    is_sound = not faults
    alone = [model_id for model_id, table in tables.items() if "like" not in table]
    merged: dict[str, dict[str, Any]] = {}
    faulty: set[str] = set()
    for model_id in sorted(tables, key=lambda each: each not in alone):
        own = tables[model_id]
        where, like = f"models.{model_id}", own.get("like")
        found = table_faults(where, own, MODEL_KEYS, () if "like" in own else _MODEL_NEEDS)
        if isinstance(own.get("printed"), dict):
            found += table_faults(f"{where}.printed", own["printed"], PRINTED_KEYS)
        if isinstance(like, str) and like not in alone:
            text = f"expected a model that stands for itself, got {like!r}{nearest(like, alone)}"
            found.append(Fault(f"{where}.like", text))
        if is_sound and not found and like not in faulty:
            original = merged.get(str(like), {})
            choices = {**original.get("choices", {}), **dict(_flat(own.get("choices", {})))}
            merged[model_id] = {**original, **own, "choices": choices}
            wrong = space.choice_faults(choices).items()
            found = [Fault(f"{where}.choices.{path}", message) for path, message in wrong]
        if found:
            faulty.add(model_id)
        faults += found
    return {} if faults else {name: _model(name, merged[name], space) for name in tables}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _model(model_id: str, table: Mapping[str, Any], space: SearchSpace) -> ReportModel:
    given = {key: value for key, value in table.items() if key not in ("choices", "like")}
    described = {"title": model_id, **given, "clip_s": float(table["clip_s"])}
    choices = table["choices"]
    architecture = space.from_choices(choices)
    return ReportModel(model_id, architecture=architecture, choices=choices, **described)


def _families(path: Path, file: TomlFile) -> dict[str, SearchSpace]:
    """Read the spaces that a space is made of; reports/ensemble.py reads its ensembles."""
    faults = _title_faults(file) + [
        Fault(key, unknown_key(key, _FAMILY_KEYS)) for key in file.data if key not in _FAMILY_KEYS
    ]

    def refuse(text: str) -> None:
        faults.extend(Fault("family", line) for line in text.splitlines())

    names = file.data["family"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        refuse(f"expected a list of search spaces, got {short_repr(names)}")
        names = []
    families: dict[str, SearchSpace] = {}
    owners: dict[str, str] = {}
    for name in names:
        place = str(path.parent / name) if is_path(name) else name
        try:
            # Seen before it is loaded: two spaces that name each other would be loaded for ever.
            member = read_toml(find("search_spaces", place, "space"), "a search space")
            if "family" in member.data:
                raise ConfigError(f"expected a space of one family, got {place!r}")
            space = load_space(place)
        except ConfigError as error:
            refuse(str(error))
            continue
        if space.name in families:
            refuse(f"expected spaces of different names, got {space.name!r} twice")
            continue
        families[space.name] = space
        for model in space.models:
            if owners.setdefault(model, space.name) != space.name:
                refuse(
                    f"expected models of different names, got {model!r} in {owners[model]} "
                    f"and {space.name}"
                )
    if faults:
        raise file.error(faults)
    return families


ARCHITECTURE = "architecture.json"


@dataclass(frozen=True)
class StoredArchitecture:
    """What such a file holds; `class_names`, as the logits, are none where it has their number.

    Attributes:
        align: where a shorter clip lies in its length, at the "start" or in the "center".
        hop_s: from one window of a file to the next; None where clips are no windows.
    """

    architecture: Architecture
    classes: int
    class_names: tuple[str, ...]
    clip_s: float
    rule: str
    align: str = "start"
    hop_s: float | None = None


def architecture_json(
    architecture: Architecture,
    class_names: Sequence[str],
    clip_s: float,
    rule: str,
    align: str = "start",
    hop_s: float | None = None,
) -> dict[str, object]:
    """Return what is written into such a file; how clips are read only where that is special."""
    described = {"classes": list(class_names), "clip_s": clip_s, "rule": rule}
    reading = {"align": align} if align != "start" else {}
    windows = {} if hop_s is None else {"hop_s": hop_s}
    return {**architecture.to_dict(), **described, **reading, **windows}


def read_architecture(path: Path) -> StoredArchitecture:
    """Read such a file; it may give a number of classes and leave out the rule, which is `plain`.

    Without `align` clips lie at the start, without `hop_s` they are no windows.

    Raises:
        ConfigError: there is none, or it is not valid; the message has every fault.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        classes, clip_s, rule = data["classes"], data["clip_s"], data.get("rule", "plain")
        align, hop_s = data.get("align", "start"), data.get("hop_s")
    except OSError as error:
        raise ConfigError(f"{path}: expected an architecture, {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(
            f"{path}: expected JSON with an architecture, classes and clip_s, as in models/TRIAL"
        ) from None
    faults = []
    try:
        architecture = Architecture.from_dict(data)
        check_architecture(architecture)
    except ConfigError as error:
        faults += str(error).splitlines()
    names: tuple[str, ...] = ()
    if isinstance(classes, list):
        if all(isinstance(name, str) for name in classes) and len({*classes}) == len(classes):
            names, classes = tuple(classes), len(classes)
        else:
            faults.append(
                f"classes: expected different names or their number, got {short_repr(classes)}"
            )
            classes = 2  # said once
    for key, value in (("classes", classes), ("clip_s", clip_s), ("rule", rule)):
        if not MODEL_DOMAINS[key].accepts(value):
            faults.append(f"{key}: {MODEL_DOMAINS[key].error_message(value)}")
    if align not in ("start", "center"):
        faults.append(f"align: expected start or center, got {short_repr(align)}")
    if hop_s is not None and not MODEL_DOMAINS["clip_s"].accepts(hop_s):
        faults.append(f"hop_s: {MODEL_DOMAINS['clip_s'].error_message(hop_s)}")
    if faults:
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults))
    return StoredArchitecture(architecture, classes, names, float(clip_s), rule, align, hop_s)
