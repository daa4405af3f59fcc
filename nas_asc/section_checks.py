"""Reading a section of a space: what its keys may be, which must be there and which are in use."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from nas_asc.architecture import Value
from nas_asc.domain import Domain
from nas_asc.errors import misspelt, nearest, shown
from nas_asc.layers import extent, read_dropout, read_pool
from nas_asc.section import Section
from nas_asc.toml_file import Fault
from nas_asc.vocabulary import (
    DOMAINS,
    MOST_OPTIONS,
    REQUIRED,
    SELECTORS,
    keys_in_use,
    section_kind,
    selector_in_use,
    sort_of,
    sorts,
)

# How the options of a key are read, as far as they may be written in several ways; 2 axes.
_READERS: Mapping[str, Callable[[Any], object]] = {
    "kernel": lambda value: extent(value, 2),
    "stride": lambda value: extent(value, 2),
    "pool": lambda value: read_pool(value, 2),
    "classifier": lambda value: extent(value.removeprefix("conv "), 2),
    "dropout": read_dropout,
    "map_dropout": read_dropout,
}


def read_section(name: str, values: Mapping[str, Any]) -> tuple[Section, list[Fault]]:
    """Give a section of the keys that are valid, and the faults of it and of the others."""
    domains = DOMAINS[section_kind(name) or ""]
    faults: list[tuple[str, str]] = []
    options: dict[str, tuple[Value, ...] | Value] = {}
    for key, value in values.items():
        if key not in domains:
            faults.append((key, f"expected a known key{nearest(key, domains)}"))
        elif refusals := list(_refusals(key, domains[key], value)):
            faults += [(key, refusal) for refusal in refusals]
        else:
            listed = value if isinstance(value, list) else [value]
            options[key] = tuple(listed) if len(listed) > 1 else listed[0]
    section = Section(name, options)
    faults += _misused(section, values)
    return section, [Fault(f"{name}.{key}", f"{name}.{key}: {text}") for key, text in faults]


def _refusals(key: str, domain: Domain, value: object) -> Iterator[str]:
    if not isinstance(value, list):
        if not domain.holds(value):
            yield domain.refusal(value)
        return
    if len(value) > MOST_OPTIONS:
        yield f"expected at most {MOST_OPTIONS:,} options, got {len(value):,}"
        return
    bad = [option for option in value if not domain.holds(option)]
    for place, option in enumerate(bad):
        if option not in bad[:place]:
            yield domain.refusal(option, f" in {shown(value)}")
    if not value:
        yield "expected at least one option, got an empty list"
    elif not bad and len({_read(key, domain, option) for option in value}) < len(value):
        yield f"expected different options, got {shown(value)}"


def _read(key: str, domain: Domain, option: Any) -> tuple[bool, object]:
    """Give the same for options that make the same network: 0 and 0.0, 3 and "3x3", not False."""
    read = _READERS.get(key)
    return isinstance(option, bool), option if not read or option in domain.words else read(option)


def _misused(section: Section, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the keys that are missing, and those that no option of the section uses.

    A selector that is not valid might have been of any sort: what holds for each is a fault.
    """
    kind, domains = section.kind, DOMAINS[section.kind]
    others = [key for key in section.values if key != "depth"]
    if others and section.values.get("depth") == 0:
        yield (
            "depth",
            "expected an option above 0, got 0 alone, which drops the stage: "
            f"{', '.join(others)} would not be in use",
        )
        return
    hinted = misspelt(values, domains)
    unsure = [
        key
        for key in SELECTORS[kind]
        if key not in section.values and (key in REQUIRED or key in (*values, *hinted))
    ]
    needs = [
        _needed_and_used(section, dict(zip(unsure, guess, strict=True)))
        for guess in product(*(sorts(kind, key) for key in unsure))
    ]
    needed = set.intersection(*(needed for needed, _ in needs)) | REQUIRED.intersection(unsure)
    used = set.union(*(used for _, used in needs)).union(unsure)
    for key, domain in domains.items():
        if key in needed and key not in (*values, *hinted):
            yield key, f"expected {domain.expected}, got nothing"
    for key in section.values:
        if key not in used:
            yield key, "expected a key that some option of the section uses"


def _needed_and_used(section: Section, guess: Mapping[str, Value]) -> tuple[set[str], set[str]]:
    selectors = {**dict(section.selectors), **{key: (value,) for key, value in guess.items()}}
    order = [key for key in SELECTORS[section.kind] if key in selectors]
    needed: set[str] = set()
    used: set[str] = set()
    for selected in product(*({sort_of(key, v): 0 for v in selectors[key]} for key in order)):
        named: dict[str, Value] = {}
        for key, value in zip(order, selected, strict=True):
            if selector_in_use(section.kind, key, named):
                named[key] = value
        keys = keys_in_use(section.kind, named)
        needed.update(key for key, has_default in keys if not has_default)
        used.update(named, (key for key, _ in keys))
    return needed, used
