"""What must hold in a section and between the keys of a space, so that each point can be built."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product
from math import inf
from typing import Any

from nas_asc.architecture import Value
from nas_asc.blocks import ODD_KERNEL_BLOCKS
from nas_asc.domain import Domain
from nas_asc.errors import misspelt, nearest, shown
from nas_asc.layers import extent, read_dropout, read_pool
from nas_asc.section import Section
from nas_asc.toml_file import Fault
from nas_asc.vocabulary import (
    DOMAINS,
    MOST_OPTIONS,
    MOST_UNITS,
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
    unsure = [
        key
        for key in SELECTORS[kind]
        if key not in section.values and (key in values or key in REQUIRED)
    ]
    needs = [
        _needed_and_used(section, dict(zip(unsure, guess, strict=True)))
        for guess in product(*(sorts(kind, key) for key in unsure))
    ]
    needed = set.intersection(*(needed for needed, _ in needs)) | REQUIRED.intersection(unsure)
    used = set.union(*(used for _, used in needs)).union(unsure)
    hinted = misspelt(values, domains)
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


def faults_between(sections: Mapping[str, Section], faulty: Collection[str] = ()) -> list[Fault]:
    """Name what cannot be built, or give an empty list.

    Args:
        sections: of the keys that are valid.
        faulty: dotted paths of those that are not, and that nothing is said about.
    """
    frontend, head = sections.get("frontend"), sections.get("head")
    found: list[tuple[str, str]] = []
    for section in sections.values():
        if section.kind == "stage":
            found += [*_even_kernels(section), *_no_branch(section, faulty), *_many_units(section)]
    if frontend and "waveform" in _options(frontend, "kind"):
        found += _pairs(sections)
    if frontend and ("logmel" in _options(frontend, "kind") or "frontend.kind" in faulty):
        found += [*_spectra(frontend, faulty), *_third_planes(frontend)]
    if (
        frontend
        and head
        and True in _options(frontend, "mean_spectrum")
        and (maps := [c for c in _options(head, "classifier") if c != "linear"])
    ):
        found.append(
            (
                "head.classifier",
                "expected linear where frontend.mean_spectrum can be true, "
                f"got {' and '.join(map(repr, maps))}",
            )
        )
    return [Fault(path, f"{path}: {text}") for path, text in found]


def _options(section: Section, key: str) -> tuple[Value, ...]:
    value = section.values.get(key, ())
    return value if isinstance(value, tuple) else (value,)


def _even_kernels(section: Section) -> Iterator[tuple[str, str]]:
    if not ODD_KERNEL_BLOCKS & {str(block) for block in _options(section, "block")}:
        return
    even = [
        kernel
        for kernel in _options(section, "kernel")
        if any(int(part) % 2 == 0 for part in str(kernel).split("x"))
    ]
    if even:
        yield (
            f"{section.name}.kernel",
            "expected odd numbers, so that a block and its shortcut have one size, "
            f"got {' and '.join(map(repr, even))}",
        )


def _many_units(section: Section) -> Iterator[tuple[str, str]]:
    depths, units = ([int(value) for value in _options(section, key)] for key in ("depth", "units"))
    if units and max(depths, default=1) * max(units) > MOST_UNITS:
        yield (
            f"{section.name}.units",
            f"expected at most {MOST_UNITS:,} units in a stage, depth x units, "
            f"got {max(depths)} x {max(units)}",
        )


def _no_branch(section: Section, faulty: Collection[str]) -> Iterator[tuple[str, str]]:
    if "inception" not in _options(section, "block"):
        return
    branches = ("width_3x3", "width_5x5", "width_pool")
    if any(f"{section.name}.{key}" in faulty for key in ("width", *branches)):
        return
    default = _options(section, "width")
    if all(0 in (_options(section, branch) or default or (0,)) for branch in branches):
        yield (
            f"{section.name}.width_pool",
            "expected at least one branch that is always there, got 0 for each",
        )


def _spectra(frontend: Section, faulty: Collection[str]) -> Iterator[tuple[str, str]]:
    lows, highs, rates, windows, transforms, mels = (
        [float(value) for value in _options(frontend, key)]
        for key in ("f_min_hz", "f_max_hz", "sample_rate_hz", "window", "n_fft", "n_mels")
    )
    half = min(rates, default=inf) / 2
    if max(highs, default=0.0) > half:
        yield (
            "frontend.f_max_hz",
            f"expected at most half the sample rate, got {max(highs):g}",
        )
    top = min([half, *(high or half for high in highs)])
    if max(lows, default=0.0) >= top:
        yield "frontend.f_min_hz", f"expected less than f_max_hz, got {max(lows):g}"
    if any(0 < n_fft < max(windows, default=0.0) for n_fft in transforms):
        yield (
            "frontend.n_fft",
            f"expected 0 or at least the window, {max(windows):g}, "
            f"got {min(n for n in transforms if n):g}",
        )
    if "frontend.n_fft" in faulty:
        return
    lengths = [n_fft for n_fft in transforms if n_fft]
    if 0 in transforms or not transforms:
        lengths += windows
    # More mel bins than a spectrum has values: some filters would be empty, whatever the clip.
    bins = min(lengths, default=inf) // 2 + 1
    if max(mels, default=0.0) > bins:
        yield (
            "frontend.n_mels",
            f"expected at most the {bins:g} values of the shortest spectrum (n_fft // 2 + 1), "
            f"got {max(mels):.0f}",
        )


def _third_planes(frontend: Section) -> Iterator[tuple[str, str]]:
    several = [n for n in _options(frontend, "channels") if int(n) > 1]
    if several and any(_options(frontend, "second_window")):
        yield (
            "frontend.channels",
            "expected 1 where frontend.second_window can be above 0, "
            f"got {' and '.join(map(str, several))}",
        )


def _pairs(sections: Mapping[str, Section]) -> Iterator[tuple[str, str]]:
    for section in sections.values():
        for key in ("kernel", "stride", "pool", "classifier"):
            pairs = [
                value
                for value in _options(section, key)
                if any(c.isdecimal() for c in str(value)) and "x" in str(value).split(" ")[-1]
            ]
            if pairs:
                yield (
                    f"{section.name}.{key}",
                    "expected lengths along one axis where frontend.kind can be waveform, "
                    f"got {' and '.join(map(repr, pairs))}",
                )
