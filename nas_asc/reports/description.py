"""What a report model is fed and what it costs, in a line each.

Conventions: lengths are in samples, frequencies in Hz, shapes (channels, mel, frame) or (channels,
samples); a KB is the counting rule's.
"""

from collections.abc import Mapping

from nas_asc.architectures import FrontEnd
from nas_asc.reports.ensemble import Ensemble
from nas_asc.reports.verification import Verification
from nas_asc.units import format_count

_NORMALISATION: Mapping[str, str] = {
    "none": "not normalised",
    "batch_norm": "normalised by a first batch norm per mel bin",
    "standard": "standardised per mel bin over the training clips",
    "peak": "peak-normalised per clip",
}


def headline(found: Verification) -> str:
    """Say what a model is fed, tells apart and costs."""
    model, complexity = found.model, found.complexity
    shapes = " and ".join("x".join(map(str, shape)) for shape in complexity.input_shapes)
    classes = len(model.classes) if isinstance(model, Ensemble) else model.classes
    return (
        f"input {shapes}, {classes} classes, clips of {model.clip_s:g} s; rule {model.rule}: "
        f"{size_words(found)}; {format_count(complexity.macs)} MACs"
    )


def size_words(found: Verification) -> str:
    """Say how many parameters the rule counts, and which of them its KB are of."""
    complexity = found.complexity
    params, nonzero = complexity.counted_params, complexity.nonzero_params
    size = f"{found.size_kb:,.1f} KB"
    if nonzero == params:
        return f"{params:,} parameters, {size}"
    sized = "those" if complexity.rule.nonzero_sized else "all"
    return f"{params:,} parameters, {nonzero:,} of them in the non-zero count, {size} of {sized}"


def input_words(frontend: FrontEnd, clip_s: float) -> str:
    """Say what a front end gives for clips of `clip_s` seconds."""
    shapes = ["x".join(map(str, shape)) for shape in frontend.input_shapes(clip_s)]
    if frontend.kind == "waveform":
        return (
            f"waveform {shapes[0]}: {frontend.channels} "
            f"channel{'s' if frontend.channels > 1 else ''} at {frontend.sample_rate_hz} Hz, "
            f"{_NORMALISATION[frontend.normalisation]}"
        )
    first, *second = frontend.spectrograms(clip_s)
    channels = 2 if second else frontend.channels
    words = [
        f"log-mel {shapes[0]}: {channels} channel{'s' if channels > 1 else ''} at "
        f"{frontend.sample_rate_hz} Hz",
        _plane(first, clip_s),
    ]
    for plane in second:
        words[-1] = f"first channel: {words[-1]}"
        words.append(f"second channel: {_plane(plane, clip_s)}, transposed")
    words.append(_NORMALISATION[frontend.normalisation])
    if frontend.mean_spectrum:
        words.append(
            f"second input {shapes[1]}: the clip's mean spectrum, before any normalisation"
        )
    return "; ".join(words)


def _plane(plane: FrontEnd, clip_s: float) -> str:
    fourier = f" ({plane.n_fft} Fourier points)" if plane.n_fft != plane.window else ""
    return (
        f"{plane.window_function.capitalize()} window {plane.window}{fourier}, hop {plane.hop}"
        f"{'' if plane.center else ', not centred'}, {plane.n_mels} mel bins from "
        f"{plane.f_min_hz:g} to {plane.f_max_hz:g} Hz, {plane.frames(clip_s)} frames"
    )
