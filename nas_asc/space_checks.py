"""What must hold between the keys of a space, so that every point of it can be built."""

from collections.abc import Iterator, Mapping

from nas_asc.architecture import Value
from nas_asc.blocks import ODD_KERNEL_BLOCKS
from nas_asc.space import Section


def faults_between(sections: Mapping[str, Section]) -> list[str]:
    """Name what cannot be built, or give an empty list."""
    faults = [
        fault
        for section in sections.values()
        if section.kind == "stage"
        for fault in (*_even_kernels(section), *_no_branch(section))
    ]
    frontend, head = sections.get("frontend"), sections.get("head")
    if frontend and "waveform" in _options(frontend, "kind"):
        faults += _pairs(sections)
    if frontend and "logmel" in _options(frontend, "kind"):
        faults += _spectra(frontend)
    if (
        frontend
        and head
        and True in _options(frontend, "mean_spectrum")
        and (maps := [c for c in _options(head, "classifier") if c != "linear"])
    ):
        faults.append(
            "head.classifier: expected linear where frontend.mean_spectrum can be true, "
            f"got {maps[0]!r}"
        )
    return faults


def _options(section: Section, key: str) -> tuple[Value, ...]:
    value = section.values.get(key, ())
    return value if isinstance(value, tuple) else (value,)


def _even_kernels(section: Section) -> Iterator[str]:
    if not ODD_KERNEL_BLOCKS & {str(block) for block in _options(section, "block")}:
        return
    for kernel in _options(section, "kernel"):
        if any(int(part) % 2 == 0 for part in str(kernel).split("x")):
            yield (
                f"{section.name}.kernel: expected odd numbers, so that a block and its shortcut "
                f"have one size, got {kernel!r}"
            )
            return


def _no_branch(section: Section) -> Iterator[str]:
    if "inception" not in _options(section, "block"):
        return
    widths = [_options(section, f"width_{branch}") for branch in ("3x3", "5x5", "pool")]
    default = _options(section, "width")
    if all(0 in (own or default or (0,)) for own in widths):
        yield (
            f"{section.name}.width_pool: expected at least one branch that is always there, "
            "got 0 for each"
        )


def _spectra(frontend: Section) -> Iterator[str]:
    lows, highs, rates, windows, transforms = (
        [float(value) for value in _options(frontend, key)]
        for key in ("f_min_hz", "f_max_hz", "sample_rate_hz", "window", "n_fft")
    )
    half = min(rates, default=0.0) / 2
    if max(highs, default=0.0) > half:
        yield f"frontend.f_max_hz: expected at most half the sample rate, got {max(highs):g}"
    if max(lows, default=0.0) >= min((high or half for high in highs), default=half):
        yield f"frontend.f_min_hz: expected less than f_max_hz, got {max(lows):g}"
    if any(0 < n_fft < max(windows, default=0.0) for n_fft in transforms):
        yield (
            f"frontend.n_fft: expected 0 or at least the window, {max(windows):g}, "
            f"got {min(n for n in transforms if n):g}"
        )


def _pairs(sections: Mapping[str, Section]) -> Iterator[str]:
    for section in sections.values():
        for key in ("kernel", "stride", "pool", "classifier"):
            for value in _options(section, key):
                if any(c.isdecimal() for c in str(value)) and "x" in str(value).split(" ")[-1]:
                    yield (
                        f"{section.name}.{key}: expected lengths along one axis where "
                        f"frontend.kind can be waveform, got {value!r}"
                    )
                    break
