"""The words of the search-space language: which keys a section has and what they may be.

A key that the chosen kind, block or pruning does not use is not asked for. The keys of a stage are
those of its block function, so a new block brings its own; what follows a stage, pooling and
dropout, is the same for all blocks.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from nas_asc.architecture import Value
from nas_asc.assembly import block_keys
from nas_asc.blocks import BLOCKS
from nas_asc.blocks.block import ORDERS
from nas_asc.blocks.dwsep import RESIDUALS
from nas_asc.errors import nearest, shown
from nas_asc.layers import ACTIVATIONS, DROPOUTS, PADDINGS, POOL_PADDINGS, POOLINGS
from nas_asc.rules import BYTES_PER_VALUE, RULES

# The most that a number may be: beyond every network for audio, and counted in a moment.
_MOST_REPEATS = 100
_MOST_CHANNELS = 10_000
_MOST_CELLS = 10_000  # along an axis
_MOST_SAMPLES = 1_000_000
_MOST_HZ = 1_000_000
_MOST_NETWORKS = 1000
_MOST_PRINTED = 10**15
MOST_OPTIONS = 1000
MOST_UNITS = 1000  # of all repetitions of a block in a stage


@dataclass(frozen=True)
class Domain:
    """What a key may be.

    Attributes:
        words: those that a value may be or begin with.
    """

    expected: str
    holds: Callable[[object], bool]
    words: tuple[str, ...] = ()

    def refusal(self, value: object, inside: str = "") -> str:
        """Say what was expected instead of a value, with the nearest word if it has none."""
        first = value.split(" ")[0] if isinstance(value, str) else ""
        meant = "" if first in self.words else nearest(first, self.words)
        return f"expected {self.expected}, got {shown(value)}{inside}{meant}"


def _whole(least: int, most: int) -> Domain:
    return Domain(
        f"a whole number from {least:,} to {most:,}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and least <= v <= most,
    )


def _words(*words: str) -> Domain:
    return Domain("one of " + ", ".join(words), lambda v: v in words, words)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(low: float, high: float) -> Domain:
    return Domain(
        f"a number from {low:,g} to {high:,}", lambda v: _is_number(v) and low <= v <= high
    )


def _above_zero(most: int) -> Domain:
    return Domain(f"a number above 0, at most {most:,}", lambda v: _is_number(v) and 0 < v <= most)


_EACH = f"each number from 1 to {_MOST_CELLS:,}"
_SIZE = r"[1-9]\d*(x[1-9]\d*)?"


def _sized(expected: str, pattern: str, *words: str) -> Domain:
    """Take texts of a pattern whose numbers are all extents."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    digits = len(str(_MOST_CELLS))

    def holds(value: object) -> bool:
        return (
            isinstance(value, str)
            and matches(value) is not None
            and all(
                len(number) <= digits and int(number) <= _MOST_CELLS
                for number in re.findall(r"\d+", value)
            )
        )

    return Domain(f"{expected}, {_EACH}", holds, words)


_POOL = _sized(
    'none, or a pooling such as "max 4x4" or "avg 3x3/2"',
    f"none|(max|avg) {_SIZE}(/{_SIZE})?",
    *("none", "max", "avg"),
)
_CLASSIFIER = _sized(
    'linear, or a convolution such as "conv 3x3"',
    f"linear|conv {_SIZE}",
    *("linear", "conv"),
)
_SIDES = _sized('a number or a pair mel x frame such as "3x5"', _SIZE)
_SIDE = _whole(1, _MOST_CELLS)
_EXTENT = Domain(_SIDES.expected, lambda v: _SIDE.holds(v) or _SIDES.holds(v))


def _is_dropout(value: object) -> bool:
    if not isinstance(value, str) or value == "none":
        return value == "none"
    kind, _, rate = value.partition(" ")
    is_rate = re.fullmatch(r"0\.\d+", rate, re.ASCII) is not None
    return kind in DROPOUTS and is_rate and 0 < float(rate) < 1


_DROPOUT = Domain(
    f'none, or a dropout such as "plain 0.3" (one of {", ".join(DROPOUTS)}; '
    "its rate above 0 and below 1)",
    _is_dropout,
    ("none", *DROPOUTS),
)
_FLAG = Domain("true or false", lambda v: isinstance(v, bool))

DOMAINS: Mapping[str, Mapping[str, Domain]] = {
    "frontend": {
        "kind": _words("logmel", "waveform"),
        "channels": _whole(1, _MOST_REPEATS),
        "sample_rate_hz": _whole(1000, _MOST_HZ),
        "window": _whole(16, _MOST_SAMPLES),
        "hop": _whole(1, _MOST_SAMPLES),
        "n_fft": _whole(0, _MOST_SAMPLES),
        "center": _FLAG,
        "window_function": _words("hann", "hamming"),
        "n_mels": _whole(1, _MOST_CHANNELS),
        "f_min_hz": _number(0, _MOST_HZ),
        "f_max_hz": _number(0, _MOST_HZ),
        "normalisation": _words("none", "batch_norm", "standard", "peak"),
        "mean_spectrum": _FLAG,
        "second_window": _whole(0, _MOST_SAMPLES),
    },
    "stage": {
        "depth": _whole(0, _MOST_REPEATS),
        "block": _words(*BLOCKS),
        "width": _whole(1, _MOST_CHANNELS),
        "kernel": _EXTENT,
        "stride": _EXTENT,
        "expand": _whole(1, _MOST_REPEATS),
        "squeeze_excite": _number(0, 1),
        "activation": _words(*ACTIVATIONS),
        "order": _words(*ORDERS),
        "bias": _FLAG,
        "padding": _words(*PADDINGS),
        "factorised": _FLAG,
        "units": _whole(1, _MOST_REPEATS),
        "residual": _words(*RESIDUALS),
        "width_3x3": _whole(0, _MOST_CHANNELS),
        "width_5x5": _whole(0, _MOST_CHANNELS),
        "width_pool": _whole(0, _MOST_CHANNELS),
        "pool": _POOL,
        "pool_padding": _words(*POOL_PADDINGS),
        "pool_norm": _FLAG,
        "dropout": _DROPOUT,
    },
    "head": {
        "conv": _whole(0, _MOST_CHANNELS),
        "activation": _words(*ACTIVATIONS),
        "classifier": _CLASSIFIER,
        "pool": _POOL,
        "pool_padding": _words(*POOL_PADDINGS),
        "pooling": _words(*POOLINGS),
        "dropout": _DROPOUT,
        "map_dropout": _DROPOUT,
        "dense": _whole(0, _MOST_CHANNELS),
        "dense_norm": _FLAG,
        "dense_activation": _words("none", *ACTIVATIONS),
    },
    "compression": {
        "pruning": _words("none", "magnitude", "channels"),
        "precision": _words(*BYTES_PER_VALUE),
        "sparsity": _number(0.0, 0.99),
        "iterations": _whole(1, _MOST_REPEATS),
        "prune_classifier": _FLAG,
    },
}

_TEXT = Domain("a text", lambda v: isinstance(v, str))

# What a report model, or an ensemble of them, says of itself besides what it is made of.
MODEL_DOMAINS: Mapping[str, Domain] = {
    "classes": _whole(2, 10_000),
    "clip_s": _number(0.01, 3600),
    "report": Domain("a name", lambda v: isinstance(v, str)),
    "rule": Domain("a counting rule", lambda v: v in tuple(RULES), tuple(RULES)),
}
NAMING_DOMAINS: Mapping[str, Domain] = {"title": _TEXT, "note": _TEXT}
# The numbers that a report may print.
PRINTED = (
    "params",
    "params_with_norms",
    "nonzero_params",
    "size_kb",
    "unpruned_size_kb",
    "mmacs",
)
PRINTED_NUMBER = _above_zero(_MOST_PRINTED)
# What a member of an ensemble says of itself.
MEMBER_DOMAINS: Mapping[str, Domain] = {
    "number": _whole(1, _MOST_NETWORKS),
    "weight": _above_zero(_MOST_NETWORKS),
}

# The keys that decide which others are in use; they are asked for first, in this order.
SELECTORS: Mapping[str, tuple[str, ...]] = {
    "frontend": ("kind",),
    "stage": ("depth", "block", "order", "pool"),
    "head": ("conv", "classifier", "dense", "pool"),
    "compression": ("pruning",),
}
# Those that a section must have.
REQUIRED = frozenset({"kind", "block", "conv", "pruning"})

# A value of each sort that a selector may be, where it is none of a few words.
_SORTS: Mapping[str, tuple[Value, ...]] = {
    "depth": (0, 1),
    "pool": ("none", "max 2"),
    "conv": (0, 1),
    "classifier": ("linear", "conv 1"),
    "dense": (0, 1),
}

_STAGE = re.compile(r"stem|stage\d{1,3}", re.ASCII)
_SPECTRUM = ("window", "hop", "n_mels", "f_min_hz", "f_max_hz", "normalisation")
_SPECTRUM_DEFAULTS = ("n_fft", "center", "window_function", "mean_spectrum", "second_window")


def section_kind(name: str) -> str | None:
    """Say of which kind a section is; None if there is no such section."""
    if name in ("frontend", "head", "compression"):
        return name
    return "stage" if _STAGE.fullmatch(name) else None


def sorts(kind: str, selector: str) -> tuple[Value, ...]:
    """Give a value of each sort that decides differently which other keys are in use."""
    return _SORTS.get(selector) or DOMAINS[kind][selector].words


def sort_of(selector: str, value: Value) -> Value:
    """Give the value of `sorts` that decides as a valid value of the selector does."""
    off, other = _SORTS.get(selector, (value, value))
    return off if value == off else other


def selector_in_use(kind: str, key: str, selected: Mapping[str, object]) -> bool:
    """Say whether a selector is in use, given the selectors in front of it."""
    if kind == "stage" and key != "depth":
        if selected.get("depth", 1) == 0:
            return False
        return key != "order" or any(name == key for name, _ in block_keys(str(selected["block"])))
    if kind == "head" and key == "dense":
        return selected.get("classifier", "linear") == "linear"
    return True


def keys_in_use(kind: str, selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    """Give the keys that are in use besides the selectors, and whether each may be left out."""
    if kind == "frontend":
        return _frontend_keys(selected)
    if kind == "stage":
        return _stage_keys(selected)
    if kind == "head":
        return _head_keys(selected)
    used = [("precision", False)]
    if selected["pruning"] != "none":
        used += [("sparsity", False), ("prune_classifier", True)]
    if selected["pruning"] == "channels":
        used.append(("iterations", False))
    return used


def _frontend_keys(selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    used = [("channels", False), ("sample_rate_hz", False)]
    if selected["kind"] == "logmel":
        used += [(key, False) for key in _SPECTRUM] + [(key, True) for key in _SPECTRUM_DEFAULTS]
    return used


def _stage_keys(selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    if selected.get("depth", 1) == 0:
        return []
    activated = "act" in str(selected.get("order", "conv-norm-act")).split("-")
    used = [
        (key, optional and key != "activation")
        for key, optional in block_keys(str(selected["block"]))
        if key not in SELECTORS["stage"] and (key != "activation" or activated)
    ]
    return used + _pool_keys(selected, "pool_padding", "pool_norm") + [("dropout", True)]


def _head_keys(selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    used = [("activation", False)] if selected["conv"] else []
    if selected.get("classifier", "linear") != "linear":
        used.append(("map_dropout", True))
    else:
        used += [("pooling", False), ("dropout", True)]
        if selected.get("dense", 0):
            used += [("dense_norm", True), ("dense_activation", False)]
    return used + _pool_keys(selected, "pool_padding")


def _pool_keys(selected: Mapping[str, object], *keys: str) -> list[tuple[str, bool]]:
    return [(key, True) for key in keys] if selected.get("pool", "none") != "none" else []
