"""Exact values of a front end that a space offers in other units, or not at all.

A report states samples; a space that states milliseconds may have no option that gives as many. Its
architecture then holds the samples, all lengths in them, and a sampler is told of the nearest
option. So too a rate that is none of the options but the data's own; and how a report resampled,
where the space leaves that out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from nas_asc.architectures import ABSOLUTE, LENGTHS, Architecture, Value, front_end, samples_of
from nas_asc.spaces.schema import DATA_RATE, DOMAINS

_DOMAINS = DOMAINS["frontend"]
_EXACT = ("sample_rate_hz", "n_fft", "resampling", *ABSOLUTE)
_LEAST = 1e-3  # far below every length and share; 0 is none, and next to nothing


@dataclass(frozen=True)
class Offered:
    """Choices in the options of a space, and the exact values that some of them stand for."""

    choices: Mapping[str, object]
    exact: Mapping[str, Value]
    faults: Mapping[str, str]


def offered_choices(
    options: Mapping[str, tuple[Value, ...]], choices: Mapping[str, object], data_rate_hz: int
) -> Offered:
    """Find the options of a front end that choices state exactly, or are nearest to.

    Args:
        options: of each key of the space's front end, one where it is fixed.
        choices: by dotted path; exact values among them are in use where the space has a key that
            is relative to the rate.
        data_rate_hz: what the space takes for the rate of the data.
    """
    offered, exact, faults = dict(choices), dict[str, Value](), dict[str, str]()
    for key in _EXACT:
        path = f"frontend.{key}"
        if path in choices and _is_exact(key, options, choices[path]):
            value: Any = choices[path]
            relative = f"frontend.{ABSOLUTE[key]}" if key in ABSOLUTE else ""
            if not _DOMAINS[key].accepts(value):
                faults[path] = _DOMAINS[key].error_message(value)
            elif relative in choices:
                faults[path] = f"expected either {path} or {relative}, got both"
            else:
                exact[key] = value
                continue
            del offered[path]  # said once
            stands_in = ABSOLUTE.get(key, key)
            if stands_in in options:
                offered.setdefault(f"frontend.{stands_in}", options[stands_in][0])
    rates = options.get("sample_rate_hz", ())
    rate_hz: Any = choices.get("frontend.sample_rate_hz", rates[0] if rates else DATA_RATE)
    if not isinstance(rate_hz, int):
        rate_hz = data_rate_hz
    for key, value in exact.items():
        if relative := ABSOLUTE.get(key, ""):
            del offered[f"frontend.{key}"]
            nearest = _nearest(_relative(key, value, rate_hz), options[relative])
            offered[f"frontend.{relative}"] = nearest
        elif key in ("n_fft", "resampling"):
            del offered[f"frontend.{key}"]
    return Offered(offered, exact, faults)


def with_exact_values(architecture: Architecture, exact: Mapping[str, Value]) -> Architecture:
    """Return the architecture with exact values in the place of its options."""
    if not exact:
        return architecture
    section = {**architecture.sections["frontend"]}
    replaced = {relative: key for key, relative in ABSOLUTE.items() if key in exact}
    section = {replaced.get(key, key): value for key, value in section.items()}
    section.update(exact)
    if any(key in exact for key in LENGTHS):
        rate_hz: Any = section["sample_rate_hz"]
        for key, relative in LENGTHS.items():
            if relative in section:
                length_ms: Any = section.pop(relative)
                section[key] = samples_of(rate_hz, length_ms)
                replaced[relative] = key
    stated = [("frontend", key) for key in exact]
    chosen = [(name, replaced.get(key, key)) for name, key in architecture.chosen]
    return Architecture(
        architecture.space,
        {**architecture.sections, "frontend": section},
        dict.fromkeys([*stated, *chosen]),
        architecture.family,
    )


def exact_faults(architecture: Architecture) -> dict[str, str]:
    """Return what cannot be of the exact values together, by dotted path."""
    section: Mapping[str, Any] = architecture.sections["frontend"]
    if section["kind"] != "logmel":
        return {}
    frontend, faults = front_end(section), dict[str, str]()
    half_hz = frontend.sample_rate_hz / 2
    if section.get("f_max_hz", 0) > half_hz:
        got = section["f_max_hz"]
        faults["frontend.f_max_hz"] = f"expected at most half the sample rate, got {got:g}"
    if frontend.n_fft < frontend.window:
        faults["frontend.n_fft"] = f"expected 0 or at least the window, {frontend.window}"
    return faults


def _is_exact(key: str, options: Mapping[str, tuple[Value, ...]], value: object) -> bool:
    """Check whether a key states exactly what the space has another option for."""
    if key in ABSOLUTE:
        return ABSOLUTE[key] in options
    if key == "resampling":
        return key not in options
    if key == "n_fft":
        return "window_ms" in options and value not in options.get(key, ())
    return DATA_RATE in options.get(key, ()) and value not in options[key]


def _relative(key: str, value: Any, rate_hz: int) -> float:
    """Return a length in milliseconds, or a limit as a share of half the rate."""
    if key in LENGTHS:
        return 1000 * float(value) / rate_hz
    return 2 * float(value) / rate_hz or 1.0


def _nearest(value: float, options: Sequence[Any]) -> Value:
    """Return the option whose ratio to a value is nearest to 1."""
    found: Value = min(options, key=lambda o: abs(log(max(o, _LEAST) / max(value, _LEAST))))
    return found
