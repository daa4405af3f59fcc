"""Whether a space is valid: each section by itself, what holds between keys, choices of models.

Conventions: what only makes sense once something else is valid is checked then: whether the keys of
a section are those in use, once those that decide it are valid; what holds between keys and the
choices of report models, once all sections are. No fault follows from another one.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

from nas_asc.architectures import (
    ABSOLUTE,
    BLOCKS,
    DEFAULT_BRANCHES,
    LENGTHS,
    Value,
    extent,
    read_dropout,
    read_pool,
)
from nas_asc.errors import short_repr, unknown_key
from nas_asc.spaces.schema import (
    DATA_RATE,
    DOMAINS,
    MOST_OPTIONS,
    MOST_UNITS,
    REQUIRED,
    SELECTORS,
    Domain,
    keys_in_use,
    section_kind,
)
from nas_asc.spaces.space import Section
from nas_asc.toml_file import Fault

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
    """Return a section of the keys that are valid, and the faults of it and of the others."""
    domains = DOMAINS[section_kind(name) or ""]
    faults: list[tuple[str, str]] = []
    options: dict[str, tuple[Value, ...] | Value] = {}
    for key, value in values.items():
        if key not in domains:
            faults.append((key, unknown_key(key, domains)))
        elif messages := list(_option_faults(key, domains[key], value)):
            faults += [(key, message) for message in messages]
        else:
            listed = value if isinstance(value, list) else [value]
            options[key] = tuple(listed) if len(listed) > 1 else listed[0]
    section = Section(name, options)
    if not any(key in SELECTORS[section.kind] for key, _ in faults):
        faults += _use_faults(section, values)
    return section, [Fault(f"{name}.{key}", message) for key, message in faults]


def _option_faults(key: str, domain: Domain, value: object) -> Iterator[str]:
    if not isinstance(value, list):
        if not domain.accepts(value):
            yield domain.error_message(value)
        return
    if len(value) > MOST_OPTIONS:
        yield f"expected at most {MOST_OPTIONS:,} options, got {len(value):,}"
        return
    bad = [option for option in value if not domain.accepts(option)]
    for place, option in enumerate(bad):
        if option not in bad[:place]:
            yield domain.error_message(option, f" in {short_repr(value)}")
    if not value:
        yield "expected at least one option, got an empty list"
    elif not bad and len({_read(key, domain, option) for option in value}) < len(value):
        yield f"expected different options, got {short_repr(value)}"


def _read(key: str, domain: Domain, option: Any) -> tuple[bool, object]:
    """Return the same for options that make the same network: 0 and 0.0, 3 and "3x3", not False."""
    read = _READERS.get(key)
    return isinstance(option, bool), option if not read or option in domain.words else read(option)


def _use_faults(section: Section, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the keys that are missing, and those that no option of the section uses."""
    if section.values.get("depth") == 0:
        if others := [key for key in section.values if key != "depth"]:
            yield (
                "depth",
                "expected an option above 0, got 0 alone, which drops the stage: "
                f"{', '.join(others)} would not be in use",
            )
        return
    domains = DOMAINS[section.kind]
    missing = REQUIRED.intersection(SELECTORS[section.kind]).difference(given)
    needed, used = {*missing}, {*domains} if missing else set[str]()
    for selected in () if missing else section.selections():
        named = section.named(tuple(options[0] for options in selected))
        keys = keys_in_use(section.kind, named)
        needed.update(key for key, has_default in keys if not has_default)
        used.update(named, (key for key, _ in keys))
    for key, domain in domains.items():
        if key in needed and key not in given:
            yield key, f"expected {domain.expected}, got nothing"
        elif key in section.values and key not in used:
            yield key, "expected a key that some option of the section uses"
    if "window" in used and not missing:
        yield from _unit_faults(domains, given)


def _unit_faults(
    domains: Mapping[str, Domain], given: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield the keys of a front end that lack a unit, or have two."""
    for key, relative in ABSOLUTE.items():
        if key in given and relative in given:
            yield relative, f"expected either {key} or {relative}, got both"
        elif key not in given and relative not in given and key != "second_window":
            yield key, f"expected {domains[key].expected}, or {relative}, got nothing"
    lengths, in_ms = ([k for k in keys if k in given] for keys in (LENGTHS, LENGTHS.values()))
    if lengths and in_ms and not any(LENGTHS[key] in given for key in lengths):
        mixed = " and ".join((*lengths, *in_ms))
        yield in_ms[0], f"expected all lengths in samples or all in milliseconds, got {mixed}"


def faults_between(sections: Mapping[str, Section]) -> list[Fault]:
    """Return what cannot be built of sections that are valid each by itself."""
    found: list[tuple[str, str]] = []
    for section in sections.values():
        if section.kind == "stage":
            found += [*_even_kernels(section), *_branch_widths(section), *_many_units(section)]
    frontend, head = sections.get("frontend"), sections.get("head")
    if frontend and "waveform" in frontend.options("kind"):
        found += _pairs(sections)
    if frontend and "logmel" in frontend.options("kind"):
        found += [*_spectra(frontend), *_second_plane(frontend)]
    maps = [c for c in head.options("classifier") if c != "linear"] if head else []
    if frontend and maps and True in frontend.options("mean_spectrum"):
        text = "expected linear where frontend.mean_spectrum can be true, got "
        found.append(("head.classifier", text + _listed(maps)))
    return [Fault(path, text) for path, text in found]


def _listed(values: Sequence[Value]) -> str:
    return " and ".join(map(repr, values))


def _even_kernels(section: Section) -> Iterator[tuple[str, str]]:
    must_be_odd = any(BLOCKS[str(block)].odd_kernels for block in section.options("block"))
    even = [k for k in section.options("kernel") if not all(n % 2 for n in extent(k, 2))]
    if must_be_odd and even:
        yield (
            f"{section.name}.kernel",
            "expected odd numbers, so that a block and its shortcut have one size, "
            f"got {_listed(even)}",
        )


def _many_units(section: Section) -> Iterator[tuple[str, str]]:
    depths, units = ([int(value) for value in section.options(key)] for key in ("depth", "units"))
    if units and max(depths, default=1) * max(units) > MOST_UNITS:
        yield (
            f"{section.name}.units",
            f"expected at most {MOST_UNITS:,} units in a stage, depth x units, "
            f"got {max(depths)} x {max(units)}",
        )


def _branch_widths(section: Section) -> Iterator[tuple[str, str]]:
    blocks = section.options("block")
    if "inception" not in blocks:
        return
    sets = section.options("branches") or (DEFAULT_BRANCHES,)
    used = {f"width_{branch}" for each in sets for branch in str(each).split("+")}
    without = sorted(used - section.values.keys())
    path = f"{section.name}.width"
    if "width" not in section.values:
        for key in without:
            yield (
                f"{section.name}.{key}",
                f"expected a whole number, or {path} for branches without one of their own, "
                "got nothing",
            )
    elif "width" in section.parameters and set(blocks) == {"inception"} and not without:
        yield path, "expected one option, as every branch has a width of its own, got a choice"


def _second_plane(frontend: Section) -> Iterator[tuple[str, str]]:
    channels = [n for n in frontend.options("channels") if n != 1]
    windows = (*frontend.options("second_window"), *frontend.options("second_window_ms"))
    if channels and any(windows):
        text = "expected 1 where frontend.second_window can be set, got "
        yield "frontend.channels", text + _listed(channels)


def _spectra(frontend: Section) -> Iterator[tuple[str, str]]:
    """Yield what cannot be with some rate that is stated; the gate of a search sees to the rest."""
    lows, highs, shares, windows, transforms, mels = (
        [float(value) for value in frontend.options(key)]
        for key in ("f_min_hz", "f_max_hz", "f_max_share", "window", "n_fft", "n_mels")
    )
    rates = [float(r) for r in frontend.options("sample_rate_hz") if r != DATA_RATE]
    half = min(rates, default=inf) / 2
    if max(highs, default=0.0) > half:
        yield "frontend.f_max_hz", f"expected at most half the sample rate, got {max(highs):g}"
    limits = [half * min(shares, default=1.0), *(high or half for high in highs)]
    if max(lows) >= min(limits):
        yield "frontend.f_min_hz", f"expected less than f_max_hz, got {max(lows):g}"
    if any(0 < n_fft < max(windows, default=0.0) for n_fft in transforms):
        yield (
            "frontend.n_fft",
            f"expected 0 or at least the window, {max(windows):g}, "
            f"got {min(n for n in transforms if n):g}",
        )
    lengths = [n_fft for n_fft in transforms if n_fft]
    if 0 in transforms or not transforms:
        lengths += windows
    # More mel bins than a spectrum has values: some filters would be empty, whatever the clip.
    bins = min(lengths) // 2 + 1 if windows else inf
    if max(mels) > bins:
        yield (
            "frontend.n_mels",
            f"expected at most the {bins:g} values of the shortest spectrum (n_fft // 2 + 1), "
            f"got {max(mels):.0f}",
        )


def _pairs(sections: Mapping[str, Section]) -> Iterator[tuple[str, str]]:
    for section in sections.values():
        for key in ("kernel", "stride", "pool", "classifier"):
            if pairs := [v for v in section.options(key) if re.search(r"\dx\d", str(v))]:
                text = "expected lengths along one axis where frontend.kind can be waveform, got "
                yield f"{section.name}.{key}", text + _listed(pairs)
