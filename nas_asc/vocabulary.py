"""The words of the search-space language: which keys a section has and what they may be.

A key that the chosen kind, block or pruning does not use is not asked for. The keys of a stage are
those of its block function, so a new block brings its own; what follows a stage, pooling and
dropout, is the same for all blocks.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields

from nas_asc.architecture import Value
from nas_asc.blocks import BLOCKS
from nas_asc.blocks.block import Option
from nas_asc.domain import FLAG, TEXT, Domain, above_zero, number, or_zero, sized, whole, words
from nas_asc.layers import ACTIVATIONS, DROPOUTS, POOL_PADDINGS, POOLINGS
from nas_asc.pruning_counts import PRUNINGS
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

_WINDOW = whole(16, _MOST_SAMPLES)
_SIZE = r"[1-9]\d*(x[1-9]\d*)?"
_POOL = sized(
    _MOST_CELLS,
    'none, or a pooling such as "max 4x4" or "avg 3x3/2"',
    f"none|(max|avg) {_SIZE}(/{_SIZE})?",
    *("none", "max", "avg"),
)
_CLASSIFIER = sized(
    _MOST_CELLS,
    'linear, or a convolution such as "conv 3x3"',
    f"linear|conv {_SIZE}",
    *("linear", "conv"),
)
_SIDES = sized(_MOST_CELLS, 'a number or a pair mel x frame such as "3x5"', _SIZE)
_SIDE = whole(1, _MOST_CELLS)
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


def _domain(option: Option) -> Domain:
    """Return the domain of a block's key."""
    if isinstance(option, range):
        return whole(option[0], option[-1])
    if isinstance(option, type):
        return FLAG if option is bool else number(0, 1)
    return words(*option)


DOMAINS: Mapping[str, Mapping[str, Domain]] = {
    "frontend": {
        "kind": words("logmel", "waveform"),
        "channels": whole(1, _MOST_REPEATS),
        "sample_rate_hz": whole(1000, _MOST_HZ),
        "window": _WINDOW,
        "hop": whole(1, _MOST_SAMPLES),
        "n_fft": or_zero(_WINDOW),
        "center": FLAG,
        "window_function": words("hann", "hamming"),
        "n_mels": whole(1, _MOST_CHANNELS),
        "f_min_hz": number(0, _MOST_HZ),
        "f_max_hz": number(0, _MOST_HZ),
        "normalisation": words("none", "batch_norm", "standard", "peak"),
        "mean_spectrum": FLAG,
        "second_window": or_zero(_WINDOW),
    },
    "stage": {
        "depth": whole(0, _MOST_REPEATS),
        "block": words(*BLOCKS),
        "width": whole(1, _MOST_CHANNELS),
        "kernel": _EXTENT,
        "stride": _EXTENT,
        "activation": words(*ACTIVATIONS),
        **{key: _domain(o) for block in BLOCKS.values() for key, o in block.options.items()},
        "pool": _POOL,
        "pool_padding": words(*POOL_PADDINGS),
        "pool_norm": FLAG,
        "dropout": _DROPOUT,
    },
    "head": {
        "conv": whole(0, _MOST_CHANNELS),
        "activation": words(*ACTIVATIONS),
        "classifier": _CLASSIFIER,
        "pool": _POOL,
        "pool_padding": words(*POOL_PADDINGS),
        "pooling": words(*POOLINGS),
        "dropout": _DROPOUT,
        "map_dropout": _DROPOUT,
        "dense": whole(0, _MOST_CHANNELS),
        "dense_norm": FLAG,
        "dense_activation": words("none", *ACTIVATIONS),
    },
    "compression": {
        "pruning": words(*PRUNINGS),
        "precision": words(*BYTES_PER_VALUE),
        "sparsity": number(0.0, 0.99),
        "iterations": whole(1, _MOST_REPEATS),
        "prune_classifier": FLAG,
    },
}

# The keys of a space of several families.
FAMILY_KEYS = ("title", "family", "ensembles")
# What a report model, or an ensemble of them, says of itself besides what it is made of.
MODEL_DOMAINS: Mapping[str, Domain] = {
    "classes": whole(2, 10_000),
    "clip_s": number(0.01, 3600),
    "report": Domain("a name", lambda v: isinstance(v, str)),
    "rule": Domain("a counting rule (nas-asc rules)", lambda v: v in tuple(RULES), tuple(RULES)),
}
NAMING_DOMAINS: Mapping[str, Domain] = {"title": TEXT, "note": TEXT}
# The numbers that a report may print.
PRINTED = (
    "params",
    "params_with_norms",
    "nonzero_params",
    "size_kb",
    "unpruned_size_kb",
    "mmacs",
)
PRINTED_NUMBER = above_zero(_MOST_PRINTED)
# What a member of an ensemble says of itself.
MEMBER_DOMAINS: Mapping[str, Domain] = {
    "number": whole(1, _MOST_NETWORKS),
    "weight": above_zero(_MOST_NETWORKS),
}

# Those of the blocks.
_OF_BLOCKS = tuple(
    dict.fromkeys(selector for block in BLOCKS.values() for selector in block.selectors)
)
# The keys that decide which others are in use; they are asked for first, in this order.
SELECTORS: Mapping[str, tuple[str, ...]] = {
    "frontend": ("kind",),
    "stage": ("depth", "block", *_OF_BLOCKS, "pool"),
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
        return key not in _OF_BLOCKS or key in BLOCKS[str(selected["block"])].selectors
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
    settings = fields(PRUNINGS[str(selected["pruning"])])
    return [("precision", False), *((f.name, f.default is not MISSING) for f in settings)]


def _frontend_keys(selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    used = [("channels", False), ("sample_rate_hz", False)]
    if selected["kind"] == "logmel":
        used += [(key, False) for key in _SPECTRUM] + [(key, True) for key in _SPECTRUM_DEFAULTS]
    return used


def _stage_keys(selected: Mapping[str, object]) -> list[tuple[str, bool]]:
    if selected.get("depth", 1) == 0:
        return []
    used = BLOCKS[str(selected["block"])].keys_in_use(selected)
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
