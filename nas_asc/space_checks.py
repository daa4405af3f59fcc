"""What must hold between the keys of a space, so that each of its points can be built."""

from collections.abc import Collection, Iterator, Mapping
from math import inf

from nas_asc.architecture import Value
from nas_asc.blocks import BLOCKS
from nas_asc.blocks.inception import DEFAULT_BRANCHES
from nas_asc.section import Section
from nas_asc.toml_file import Fault
from nas_asc.vocabulary import MOST_UNITS


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
            found += [
                *_even_kernels(section),
                *_branch_widths(section, faulty),
                *_many_units(section),
            ]
    if frontend and "waveform" in _options(frontend, "kind"):
        found += _pairs(sections)
    if frontend and ("logmel" in _options(frontend, "kind") or "frontend.kind" in faulty):
        found += [*_spectra(frontend, faulty), *_second_plane(frontend)]
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
    if not any(BLOCKS[str(block)].odd_kernels for block in _options(section, "block")):
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


def _branch_widths(section: Section, faulty: Collection[str]) -> Iterator[tuple[str, str]]:
    blocks = _options(section, "block")
    unsure = {path.removeprefix(f"{section.name}.") for path in faulty}
    if "inception" not in blocks or not unsure.isdisjoint(("width", "branches")):
        return
    sets = _options(section, "branches") or (DEFAULT_BRANCHES,)
    used = {f"width_{branch}" for each in sets for branch in str(each).split("+")}
    without = sorted(used - section.values.keys() - unsure)
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
    channels = [n for n in _options(frontend, "channels") if n != 1]
    if channels and any(_options(frontend, "second_window")):
        yield (
            "frontend.channels",
            "expected 1 where frontend.second_window can be set, "
            f"got {' and '.join(map(repr, channels))}",
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
