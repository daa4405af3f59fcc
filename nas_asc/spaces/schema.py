"""The words of the search-space language: which keys a section has and what they may be.

A key that the chosen kind, block or pruning does not use is not asked for. The keys of a stage are
those of its block function, so a new block brings its own; what follows a stage, pooling and
dropout, is the same for all blocks.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TypeGuard

from nas_asc.architectures import (
    ABSOLUTE,
    ACTIVATIONS,
    BLOCKS,
    DROPOUTS,
    POOL_PADDINGS,
    POOLINGS,
    RESAMPLINGS,
    Option,
    Value,
)
from nas_asc.complexity import BYTES_PER_VALUE, PRUNINGS, RULES
from nas_asc.errors import nearest, short_repr, unknown_key
from nas_asc.toml_file import Fault


@dataclass(frozen=True)
class Domain:
    """What a key may be; `words` are those that a value may be or begin with."""

    expected: str
    accepts: Callable[[object], bool]
    words: tuple[str, ...] = ()

    def error_message(self, value: object, inside: str = "") -> str:
        """Return what was expected instead of a value, with the nearest word if it has none."""
        first = value.split(" ")[0] if isinstance(value, str) else ""
        hint = "" if first in self.words else nearest(first, self.words)
        return f"expected {self.expected}, got {short_repr(value)}{inside}{hint}"


def whole(least: int, most: int) -> Domain:
    """Accept whole numbers from the least to the most."""
    return Domain(
        f"a whole number from {least:,} to {most:,}",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and least <= v <= most,
    )


def words(*known: str) -> Domain:
    """Accept one of a few words."""
    return Domain("one of " + ", ".join(known), lambda v: v in known, known)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(low: float, high: float) -> Domain:
    """Accept numbers from the low to the high one."""
    return Domain(
        f"a number from {low:,g} to {high:,}", lambda v: _is_number(v) and low <= v <= high
    )


def above_zero(most: int) -> Domain:
    """Accept numbers above zero."""
    return Domain(f"a number above 0, at most {most:,}", lambda v: _is_number(v) and 0 < v <= most)


def written(expected: str, pattern: str, *words: str) -> Domain:
    """Accept texts of a pattern."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    return Domain(
        f"{expected}, each number from 1 to {_MOST_CELLS:,}",
        lambda v: isinstance(v, str) and matches(v) is not None,
        words,
    )


FLAG = Domain("true or false", lambda v: isinstance(v, bool))
TEXT = Domain("a text", lambda v: isinstance(v, str))
TABLE = Domain("a table", lambda v: isinstance(v, dict))


def table_faults(
    path: str,
    table: Mapping[str, object],
    known: Mapping[str, Domain],
    needed: Collection[str] = (),
) -> list[Fault]:
    """Return what is wrong with the keys of a table that stands at a dotted path."""
    unknown = [Fault(f"{path}.{key}", unknown_key(key, known)) for key in table if key not in known]
    missing = [
        Fault(f"{path}.{key}", f"expected {known[key].expected}, got nothing")
        for key in needed
        if key not in table
    ]
    refused = [
        Fault(f"{path}.{key}", domain.error_message(table[key]))
        for key, domain in known.items()
        if key in table and not domain.accepts(table[key])
    ]
    return unknown + missing + refused


# The most that a number may be: beyond every network for audio, and counted in a moment.
_MOST_REPEATS = 100
_MOST_CHANNELS = 10_000
_MOST_CELLS = 10_000  # along an axis
_MOST_SAMPLES = _MOST_HZ = 1_000_000
_MOST_MS = 10_000
_MOST_NETWORKS = 1000
MOST_OPTIONS = 1000
MOST_UNITS = 1000  # of all repetitions of a block in a stage

_ZERO, _WINDOW = whole(0, 0), whole(16, _MOST_SAMPLES)
_OR_ZERO = Domain(f"0 or {_WINDOW.expected}", lambda v: _ZERO.accepts(v) or _WINDOW.accepts(v))
_RATE = whole(1000, _MOST_HZ)
# The word for the rate of the data, whatever that is; an architecture always has a number.
DATA_RATE = "data"
_CELLS = r"([1-9]\d{0,3}|10000)"
_SIZE = f"{_CELLS}(x{_CELLS})?"
_POOL = written(
    'none, or a pooling such as "max 4x4" or "avg 3x3/2"',
    f"none|(max|avg) {_SIZE}(/{_SIZE})?",
    *("none", "max", "avg"),
)
_CLASSIFIER = written(
    'linear, or a convolution such as "conv 3x3"', f"linear|conv {_SIZE}", "linear", "conv"
)
_SIDES = written('a number or a pair mel x frame such as "3x5"', _SIZE)
_SIDE = whole(1, _MOST_CELLS)
_EXTENT = Domain(_SIDES.expected, lambda v: _SIDE.accepts(v) or _SIDES.accepts(v))


def _is_dropout(value: object) -> bool:
    if not isinstance(value, str) or value == "none":
        return value == "none"
    match = re.fullmatch(rf"({'|'.join(DROPOUTS)}) (0\.\d+)", value, re.ASCII)
    return match is not None and 0 < float(match[2]) < 1


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


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(v, dict) for v in value)


DOMAINS: Mapping[str, Mapping[str, Domain]] = {
    "frontend": {
        "kind": words("logmel", "waveform"),
        "channels": whole(1, _MOST_REPEATS),
        "sample_rate_hz": Domain(
            f'{_RATE.expected}, or "{DATA_RATE}"',
            lambda v: v == DATA_RATE or _RATE.accepts(v),
            (DATA_RATE,),
        ),
        "resampling": words(*RESAMPLINGS),
        "window": _WINDOW,
        "window_ms": number(1, _MOST_MS),
        "hop": whole(1, _MOST_SAMPLES),
        "hop_ms": number(1, _MOST_MS),
        "n_mels": whole(1, _MOST_CHANNELS),
        "f_min_hz": number(0, _MOST_HZ),
        "f_max_hz": number(0, _MOST_HZ),
        "f_max_share": above_zero(1),
        "normalisation": words("none", "batch_norm", "standard", "peak"),
        "n_fft": _OR_ZERO,
        "center": FLAG,
        "window_function": words("hann", "hamming"),
        "mean_spectrum": FLAG,
        "second_window": _OR_ZERO,
        "second_window_ms": number(0, _MOST_MS),
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
        "map_dropout": _DROPOUT,
        "pooling": words(*POOLINGS),
        "dropout": _DROPOUT,
        "dense": whole(0, _MOST_CHANNELS),
        "dense_norm": FLAG,
        "dense_activation": words("none", *ACTIVATIONS),
        "pool": _POOL,
        "pool_padding": words(*POOL_PADDINGS),
    },
    "compression": {
        "pruning": words(*PRUNINGS),
        "precision": words(*BYTES_PER_VALUE),
        "sparsity": number(0.0, 0.99),
        "prune_classifier": FLAG,
        "iterations": whole(1, _MOST_REPEATS),
    },
}

# What a report model, or an ensemble of them, says of itself besides what it is made of.
MODEL_DOMAINS: Mapping[str, Domain] = {
    "classes": whole(2, 10_000),
    "clip_s": number(0.01, 3600),
    "report": TEXT,
    "rule": Domain("a counting rule (nas-asc rules)", lambda v: v in tuple(RULES), tuple(RULES)),
}
MODEL_KEYS: Mapping[str, Domain] = {
    **MODEL_DOMAINS,
    **dict.fromkeys(("title", "note", "like"), TEXT),
    **dict.fromkeys(("printed", "choices"), TABLE),
}
# The numbers that a report may print.
PRINTED_KEYS: Mapping[str, Domain] = dict.fromkeys(
    ("params", "params_with_norms", "nonzero_params", "size_kb", "unpruned_size_kb", "mmacs"),
    above_zero(10**15),
)
ENSEMBLE_KEYS: Mapping[str, Domain] = {
    **{key: MODEL_KEYS[key] for key in ("report", "title", "clip_s", "rule", "printed", "note")},
    "classes": Domain("a list of names, at least two and all different", _are_names),
    "members": Domain("at least one table, [[ensembles.ID.members]]", _are_tables),
}
MEMBER_KEYS: Mapping[str, Domain] = {
    "model": TEXT,
    "number": whole(1, _MOST_NETWORKS),
    "weight": above_zero(_MOST_NETWORKS),
    "class_map": TABLE,
}

_OF_BLOCKS = tuple(dict.fromkeys(key for block in BLOCKS.values() for key in block.selectors))
# The keys that decide which others are in use; they are asked for first, in this order.
SELECTORS: Mapping[str, tuple[str, ...]] = {
    "frontend": ("kind",),
    "stage": ("depth", "block", *_OF_BLOCKS, "pool"),
    "head": ("conv", "classifier", "dense", "pool"),
    "compression": ("pruning",),
}
# Those that a section must have.
REQUIRED = frozenset({"kind", "block", "conv", "pruning"})

# At what a selector that is none of a few words is off; all its other values decide alike.
_OFF: Mapping[str, Value] = {
    **{"depth": 0, "conv": 0, "dense": 0},
    **{"pool": "none", "classifier": "linear"},
}
# Those that may be left out; the keys of a block, and of pruning, state it themselves. Of a front
# end's keys that stand for one another, one is needed: see `space_checks`.
_OPTIONAL = {
    *ABSOLUTE.keys(),
    *ABSOLUTE.values(),
    *("n_fft", "center", "window_function", "mean_spectrum", "resampling"),
    *("pool_padding", "pool_norm", "dropout", "map_dropout", "dense_norm"),
}

_Selected = Mapping[str, object]


def _is_pooled(selected: _Selected) -> bool:
    return selected.get("pool", "none") != "none"


def _is_linear(selected: _Selected) -> bool:
    return selected.get("classifier", "linear") == "linear"


# Which values of the selectors a key is in use with, as far as it is not with all.
_IN_USE: Mapping[str, Mapping[str, Callable[[_Selected], bool]]] = {
    "frontend": dict.fromkeys(
        DOMAINS["frontend"].keys() - {"kind", "channels", "sample_rate_hz", "resampling"},
        lambda s: s["kind"] == "logmel",
    ),
    "stage": dict.fromkeys(("pool_padding", "pool_norm"), _is_pooled),
    "head": {
        "activation": lambda s: s["conv"] != 0,
        "map_dropout": lambda s: not _is_linear(s),
        **dict.fromkeys(("pooling", "dropout", "dense"), _is_linear),
        **dict.fromkeys(("dense_norm", "dense_activation"), lambda s: s.get("dense", 0) != 0),
        "pool_padding": _is_pooled,
    },
}

_STAGE = re.compile(r"stem|stage\d{1,3}", re.ASCII)


def section_kind(name: str) -> str | None:
    """Return of which kind a section is; None if there is no such section."""
    if name in ("frontend", "head", "compression"):
        return name
    return "stage" if _STAGE.fullmatch(name) else None


def sort_of(selector: str, value: Value) -> Value:
    """Return the same for values of a selector that decide alike which other keys are in use."""
    return value == _OFF[selector] if selector in _OFF else value


def selector_in_use(kind: str, key: str, selected: _Selected) -> bool:
    """Check whether a selector is in use, given the selectors in front of it."""
    if kind == "stage" and key != "depth":
        if selected.get("depth", 1) == 0:
            return False
        return key not in _OF_BLOCKS or key in BLOCKS[str(selected["block"])].selectors
    in_use = _IN_USE.get(kind, {}).get(key)
    return in_use is None or in_use(selected)


def keys_in_use(kind: str, selected: _Selected) -> list[tuple[str, bool]]:
    """Return the keys in use besides the selectors, and whether each may be left out, in order."""
    if kind == "compression":
        settings = fields(PRUNINGS[str(selected["pruning"])])
        return [("precision", False), *((f.name, f.default is not MISSING) for f in settings)]
    own: list[tuple[str, bool]] = []
    keys: Iterable[str] = DOMAINS[kind]
    if kind == "stage":
        if selected.get("depth", 1) == 0:
            return []
        own = BLOCKS[str(selected["block"])].keys_in_use(selected)
        keys = ("pool_padding", "pool_norm", "dropout")
    in_use = _IN_USE[kind]
    return own + [
        (key, key in _OPTIONAL)
        for key in keys
        if key not in SELECTORS[kind] and (key not in in_use or in_use[key](selected))
    ]
