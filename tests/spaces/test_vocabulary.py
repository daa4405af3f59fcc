"""Which keys are in use under which selection, and what they may be."""

import pytest

from nas_asc.architectures.blocks import BLOCKS
from nas_asc.spaces.schema import (
    DOMAINS,
    SELECTORS,
    keys_in_use,
    section_kind,
    selector_in_use,
    sort_of,
)


def used(section, **selected):
    return {key for key, _ in keys_in_use(section, selected)}


@pytest.mark.parametrize("block", BLOCKS)
def test_every_key_of_a_block_has_a_domain(block):
    assert used("stage", block=block) <= set(DOMAINS["stage"])


@pytest.mark.parametrize("kind", SELECTORS)
def test_every_selector_has_a_domain(kind):
    assert set(SELECTORS[kind]) <= set(DOMAINS[kind])


@pytest.mark.parametrize(
    ("kind", "selected", "present", "absent"),
    [
        ("stage", {"block": "conv", "order": "conv-act"}, "activation", ""),
        ("stage", {"block": "conv", "order": "conv"}, "width kernel", "activation"),
        ("stage", {"block": "conv", "pool": "none"}, "dropout", "pool_padding pool_norm"),
        ("stage", {"block": "conv", "pool": "max 2x2"}, "pool_padding pool_norm", ""),
        ("stage", {"block": "dwsep", "residual": "none"}, "kernel", "units width"),
        ("stage", {"block": "dwsep", "residual": "block"}, "units", ""),
        (
            *("stage", {"block": "inception", "branches": "1x1+pool"}),
            *("width_1x1 width_pool", "width_3x3 width_5x5"),
        ),
        ("stage", {"block": "inception"}, "width_3x3 width_5x5 width_pool", "width_1x1"),
        ("stage", {"depth": 0}, "", "block width dropout"),
        ("head", {"conv": 0, "classifier": "conv 3x3"}, "map_dropout", "pooling dropout"),
        ("head", {"conv": 0, "classifier": "linear"}, "pooling dropout", "map_dropout activation"),
        ("head", {"conv": 8}, "activation", "dense_norm"),
        ("head", {"conv": 0, "dense": 20}, "dense_norm dense_activation", ""),
        ("frontend", {"kind": "waveform"}, "channels sample_rate_hz", "hop second_window"),
        ("frontend", {"kind": "logmel"}, "mean_spectrum second_window hop", ""),
        ("compression", {"pruning": "none"}, "precision", "sparsity prune_classifier"),
        ("compression", {"pruning": "magnitude"}, "sparsity prune_classifier", "iterations"),
        ("compression", {"pruning": "channels"}, "sparsity prune_classifier iterations", ""),
    ],
)
def test_only_what_the_chosen_kind_uses_is_asked_for(kind, selected, present, absent):
    keys = used(kind, **selected)
    assert set(present.split()) <= keys
    assert not keys.intersection(absent.split())


def test_an_activation_cannot_be_left_out():
    assert ("activation", False) in keys_in_use("stage", {"block": "conv"})


def test_selectors_are_in_use_as_those_in_front_of_them_say():
    assert selector_in_use("stage", "order", {"depth": 1, "block": "conv"})
    assert not selector_in_use("stage", "order", {"depth": 1, "block": "mbconv"})
    assert not any(selector_in_use("stage", key, {"depth": 0}) for key in SELECTORS["stage"][1:])
    assert not selector_in_use("head", "dense", {"conv": 0, "classifier": "conv 3x3"})


@pytest.mark.parametrize(
    ("kind", "key", "good", "bad"),
    [
        ("stage", "pool", "max 4x4", "max"),
        ("stage", "pool", "avg 3x3/2", "avg 0x3"),
        ("stage", "pool", "max 10x4", "median 3"),
        ("stage", "pool", "none", "max 4x4x4"),
        ("stage", "dropout", "plain 0.3", "plain 3"),
        ("stage", "dropout", "alpha 0.05", "alpha 0.0"),
        ("stage", "dropout", "spatial 0.25", 0.25),
        ("stage", "width_pool", 1, 0),
        ("stage", "branches", "1x1+3x3+5x5+pool", "pool+3x3"),
        ("stage", "branches", "5x5", ""),
        ("stage", "units", 2, 1),
        ("stage", "residual", "unit", True),
        ("head", "classifier", "conv 1x1", "conv"),
        ("head", "dense_activation", "none", "linear"),
        ("frontend", "second_window", 16384, "16384"),
        ("frontend", "normalisation", "peak", "min"),
        ("compression", "iterations", 5, 0),
        ("compression", "pruning", "channels", "kernels"),
    ],
)
def test_a_key_takes_what_its_domain_says(kind, key, good, bad):
    assert DOMAINS[kind][key].accepts(good)
    assert not DOMAINS[kind][key].accepts(bad)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("stem", "stage"), ("stage12", "stage"), ("head", "head"), ("stagex", None), ("tail", None)],
)
def test_sections_are_known_by_name(name, kind):
    assert section_kind(name) == kind


@pytest.mark.parametrize(
    ("key", "alike", "other"),
    [("depth", (1, 2), 0), ("pool", ("max 2", "avg 3/2"), "none"), ("conv", (8, 16), 0)],
)
def test_options_of_one_sort_are_followed_by_the_same_choices(key, alike, other):
    assert sort_of(key, alike[0]) == sort_of(key, alike[1]) != sort_of(key, other)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("stage", "kernel", "9" * 5000 + "y"),
        ("stage", "kernel", "3x"),
        ("stage", "kernel", 3.0),
        ("stage", "stride", "0x2"),
        ("stage", "stride", "\u0663x2"),  # a three in Arabic digits
        ("stage", "dropout", "plain 1.0"),
        ("frontend", "f_min_hz", float("nan")),
        ("frontend", "f_max_hz", float("inf")),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(kind, key, value):
    assert not DOMAINS[kind][key].accepts(value)


@pytest.mark.parametrize(
    ("key", "value", "end"),
    [
        ("pool", "maks 2x2", "got 'maks 2x2', did you mean 'max'?"),
        ("pool", "max 2y2", "got 'max 2y2'"),
        ("activation", "rellu", "got 'rellu', did you mean 'relu'?"),
        ("activation", 3, "got 3"),
        ("width", "relu", "got 'relu'"),
    ],
)
def test_a_refusal_names_the_nearest_word(key, value, end):
    assert DOMAINS["stage"][key].error_message(value).endswith(end)
