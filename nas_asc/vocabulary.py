"""The words of the search-space language: which keys a section has and what they may be.

A key that the chosen kind, block or pruning does not use is not asked for. The keys of a stage are
those of its block function, so a new block brings its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nas_asc.assembly import block_keys
from nas_asc.blocks import BLOCKS
from nas_asc.blocks.block import ORDERS
from nas_asc.layers import ACTIVATIONS, PADDINGS, POOLINGS
from nas_asc.rules import BYTES_PER_VALUE


@dataclass(frozen=True)
class Domain:
    """What a key may be."""

    expected: str
    holds: Callable[[object], bool]


def _whole(least: int) -> Domain:
    return Domain(
        f"a whole number of at least {least}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least,
    )


def _words(*words: str) -> Domain:
    return Domain("one of " + ", ".join(words), lambda v: v in words)


def _number(low: float, high: float) -> Domain:
    return Domain(
        f"a number from {low:g} to {high:g}",
        lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high,
    )


def _is_extent(value: object) -> bool:
    if isinstance(value, bool):
        return False
    parts = [value] if isinstance(value, int) else str(value).split("x")
    return len(parts) <= 2 and all(str(p).isdecimal() and int(p) >= 1 for p in parts)


_EXTENT = Domain('a number or a pair mel x frame such as "3x5"', _is_extent)
_FLAG = Domain("true or false", lambda v: isinstance(v, bool))

DOMAINS: Mapping[str, Mapping[str, Domain]] = {
    "frontend": {
        "kind": _words("logmel", "waveform"),
        "channels": _whole(1),
        "sample_rate_hz": _whole(1000),
        "window": _whole(16),
        "hop": _whole(1),
        "n_fft": _whole(0),
        "center": _FLAG,
        "window_function": _words("hann", "hamming"),
        "n_mels": _whole(1),
        "f_min_hz": _number(0, 1e6),
        "f_max_hz": _number(0, 1e6),
        "normalisation": _words("none", "batch_norm", "standard"),
    },
    "stage": {
        "depth": _whole(0),
        "block": _words(*BLOCKS),
        "width": _whole(1),
        "kernel": _EXTENT,
        "stride": _EXTENT,
        "expand": _whole(1),
        "squeeze_excite": _number(0, 1),
        "activation": _words(*ACTIVATIONS),
        "order": _words(*ORDERS),
        "bias": _FLAG,
        "padding": _words(*PADDINGS),
    },
    "head": {
        "conv": _whole(0),
        "activation": _words(*ACTIVATIONS),
        "pooling": _words(*POOLINGS),
        "dense": _whole(0),
    },
    "compression": {
        "pruning": _words("none", "magnitude"),
        "precision": _words(*BYTES_PER_VALUE),
        "sparsity": _number(0.0, 0.99),
    },
}

# What a report model says of itself besides its choices.
MODEL_DOMAINS: Mapping[str, Domain] = {
    "classes": _whole(2),
    "clip_s": _number(0.01, 3600),
    "report": Domain("a name", lambda v: isinstance(v, str)),
}

# The keys that decide which others are in use; they are asked for first.
SELECTORS: Mapping[str, tuple[str, ...]] = {
    "frontend": ("kind",),
    "stage": ("depth", "block"),
    "head": ("conv",),
    "compression": ("pruning",),
}

_SPECTRUM = ("window", "hop", "n_mels", "f_min_hz", "f_max_hz", "normalisation")
_SPECTRUM_DEFAULTS = ("n_fft", "center", "window_function")


def section_kind(name: str) -> str | None:
    """Say of which kind a section is; None if there is no such section."""
    if name in ("frontend", "head", "compression"):
        return name
    if name == "stem" or (name.startswith("stage") and name.removeprefix("stage").isdecimal()):
        return "stage"
    return None


def keys_in_use(kind: str, selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    """Give the keys that are in use besides the selectors, and whether each may be left out."""
    if kind == "frontend":
        both = [("channels", False), ("sample_rate_hz", False)]
        if selected["kind"] == "waveform":
            return both
        return [
            *both,
            *((key, False) for key in _SPECTRUM),
            *((key, True) for key in _SPECTRUM_DEFAULTS),
        ]
    if kind == "stage":
        if selected.get("depth", 1) == 0:
            return []
        return list(block_keys(str(selected["block"])))
    if kind == "head":
        used = [("pooling", False), ("dense", True)]
        return [("activation", False), *used] if selected["conv"] else used
    pruned = [("sparsity", False)] if selected["pruning"] != "none" else []
    return [("precision", False), *pruned]
