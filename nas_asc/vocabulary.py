"""The words of the search-space language: which keys a section has and what they may be.

A key that the chosen kind, block or pruning does not use is not asked for. The keys of a stage are
those of its block function, so a new block brings its own; what follows a stage, pooling and
dropout, is the same for all blocks.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeGuard

from nas_asc.architecture import Value
from nas_asc.assembly import block_keys
from nas_asc.blocks import BLOCKS
from nas_asc.blocks.block import ORDERS
from nas_asc.blocks.dwsep import RESIDUALS
from nas_asc.errors import nearest
from nas_asc.layers import ACTIVATIONS, DROPOUTS, PADDINGS, POOL_PADDINGS, POOLINGS
from nas_asc.rules import BYTES_PER_VALUE, RULES


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
        return f"expected {self.expected}, got {value!r}{inside}{meant}"


def _whole(least: int, most: int | None = None) -> Domain:
    return Domain(
        f"a whole number from {least} to {most:,}"
        if most
        else f"a whole number of at least {least}",
        lambda v: (
            isinstance(v, int)
            and not isinstance(v, bool)
            and least <= v
            and (most is None or v <= most)
        ),
    )


def _words(*words: str) -> Domain:
    return Domain("one of " + ", ".join(words), lambda v: v in words, words)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(low: float, high: float) -> Domain:
    return Domain(
        f"a number from {low:g} to {high:g}", lambda v: _is_number(v) and low <= v <= high
    )


_SIZE = r"[1-9]\d*(x[1-9]\d*)?"


def _pattern(expected: str, pattern: str, *words: str) -> Domain:
    matches = re.compile(pattern, re.ASCII).fullmatch
    return Domain(expected, lambda v: isinstance(v, str) and matches(v) is not None, words)


def _is_extent(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and value >= 1
    return isinstance(value, str) and re.fullmatch(_SIZE, value, re.ASCII) is not None


_POOL = _pattern(
    'none, or a pooling such as "max 4x4" or "avg 3x3/2", each number at least 1',
    f"none|(max|avg) {_SIZE}(/{_SIZE})?",
    *("none", "max", "avg"),
)
_DROPOUT = _pattern(
    f'none, or a dropout such as "plain 0.3" (one of {", ".join(DROPOUTS)}; '
    "its rate above 0 and below 1)",
    f"none|({'|'.join(DROPOUTS)}) 0\\.\\d*[1-9]\\d*",
    *("none", *DROPOUTS),
)
_CLASSIFIER = _pattern(
    'linear, or a convolution such as "conv 3x3", each number at least 1',
    f"linear|conv {_SIZE}",
    *("linear", "conv"),
)
_EXTENT = Domain('a number or a pair mel x frame such as "3x5", each number at least 1', _is_extent)
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
        "normalisation": _words("none", "batch_norm", "standard", "peak"),
        "mean_spectrum": _FLAG,
        "second_window": _whole(0),
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
        "factorised": _FLAG,
        "units": _whole(1),
        "residual": _words(*RESIDUALS),
        "width_3x3": _whole(0),
        "width_5x5": _whole(0),
        "width_pool": _whole(0),
        "pool": _POOL,
        "pool_padding": _words(*POOL_PADDINGS),
        "pool_norm": _FLAG,
        "dropout": _DROPOUT,
    },
    "head": {
        "conv": _whole(0),
        "activation": _words(*ACTIVATIONS),
        "classifier": _CLASSIFIER,
        "pool": _POOL,
        "pool_padding": _words(*POOL_PADDINGS),
        "pooling": _words(*POOLINGS),
        "dropout": _DROPOUT,
        "map_dropout": _DROPOUT,
        "dense": _whole(0),
        "dense_norm": _FLAG,
        "dense_activation": _words("none", *ACTIVATIONS),
    },
    "compression": {
        "pruning": _words("none", "magnitude", "channels"),
        "precision": _words(*BYTES_PER_VALUE),
        "sparsity": _number(0.0, 0.99),
        "iterations": _whole(1),
        "prune_classifier": _FLAG,
    },
}

_TEXT = Domain("a text", lambda v: isinstance(v, str))

# What a report model, or an ensemble of them, says of itself besides what it is made of.
MODEL_DOMAINS: Mapping[str, Domain] = {
    "classes": _whole(2, 10_000),
    "clip_s": _number(0.01, 3600),
    "report": Domain("a name", lambda v: isinstance(v, str)),
    "rule": Domain("a counting rule (nas-asc rules)", lambda v: v in tuple(RULES), tuple(RULES)),
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
AT_LEAST_ONE = _whole(1)
ABOVE_ZERO = Domain("a number above 0", lambda v: _is_number(v) and 0 < v < inf)

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

_SPECTRUM = ("window", "hop", "n_mels", "f_min_hz", "f_max_hz", "normalisation")
_SPECTRUM_DEFAULTS = ("n_fft", "center", "window_function", "mean_spectrum", "second_window")


def section_kind(name: str) -> str | None:
    """Say of which kind a section is; None if there is no such section."""
    if name in ("frontend", "head", "compression"):
        return name
    if name == "stem" or (name.startswith("stage") and name.removeprefix("stage").isdecimal()):
        return "stage"
    return None


def sorts(kind: str, selector: str) -> tuple[Value, ...]:
    """Give a value of each sort that decides differently which other keys are in use."""
    return _SORTS.get(selector) or DOMAINS[kind][selector].words


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
