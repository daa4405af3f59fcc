"""Costs against hand counts and against the Deepsound report (DCASE 2021 task 1A).

The report prints 62,346 parameters layer by layer for 160 mel bins, and the sizes in KB of all four
networks. tests/reports/test_verification.py holds every report model against all that is printed.
"""

import json
from itertools import groupby

import pytest

from nas_asc.architectures.architecture import Architecture, build_graph
from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import RULES
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model

# mel bins: parameters, KB printed
DEEPSOUND = {32: (62_090, 121.3), 64: (62_154, 121.4), 128: (62_282, 121.6), 160: (62_346, 121.8)}
DEEPSOUND_160_ROWS = {
    "input.norm": 320,
    "stem.conv": 96,
    "stem.norm": 12,
    "stage1.1": 1801,
    "stage1.2": 6219,
    "stage2.1": 2655,
    "stage2.2": 4216,
    "stage2.3": 4216,
    "stage3.1": 5092,
    "stage3.2": 7158,
    "stage3.3": 7158,
    "stage4.1": 8466,
    "stage4.2": 10627,
    "head.conv": 3100,
    "head.norm": 200,
    "head.classifier": 1010,
}


def small(precision="float16", sparsity=None):
    """One 3x3 convolution of 4 channels with bias and batch norm, and 4 -> 3 linear.

    On one second: an input of 8 mels x 33 frames = 264 cells; kernels of 36 and 12 values, 7
    biases, 4 batch norm channels.
    """
    pruning = {"pruning": "magnitude", "sparsity": sparsity} if sparsity else {"pruning": "none"}
    sections = {
        "frontend": {
            "kind": "logmel",
            "channels": 1,
            "sample_rate_hz": 16_000,
            "window": 1000,
            "hop": 500,
            "n_mels": 8,
            "f_min_hz": 0,
            "f_max_hz": 0,
            "normalisation": "none",
        },
        "stem": {
            "block": "conv",
            "width": 4,
            "kernel": 3,
            "stride": 1,
            "activation": "relu",
            "bias": True,
        },
        "head": {"conv": 0, "pooling": "avg"},
        "compression": {"precision": precision, **pruning},
    }
    return Architecture("small", sections, [])


def cost(rule="plain", **given):
    return count(small(**given), 3, 1.0, rule)


@pytest.mark.parametrize("n_mels", DEEPSOUND)
def test_deepsound_has_its_printed_size(n_mels):
    params, size_kb = DEEPSOUND[n_mels]
    complexity = count(report_model(f"deepsound-{n_mels}").architecture, 10, 10.0)
    assert complexity.params == complexity.counted_params == complexity.nonzero_params == params
    assert complexity.size_bytes == 2 * params
    assert round(complexity.size_bytes / 1024, 1) == size_kb


def test_deepsound_160_has_the_rows_that_the_report_prints():
    layers = build_graph(report_model("deepsound-160").architecture, 10, 10.0).layers
    rows = {
        name: sum(layer.params for layer in group)
        for name, group in groupby(layers, lambda layer: ".".join(layer.name.split(".")[:2]))
    }
    assert {name: params for name, params in rows.items() if params} == DEEPSOUND_160_ROWS


def test_deepsound_160_at_int8_by_hand():
    """57,658 kernel values, a float16 scale for 2,614 output channels, 904 biases, 1,892 norms."""
    sections = report_model("deepsound-160").architecture.sections
    int8 = {**sections, "compression": {"precision": "int8", "pruning": "none"}}
    complexity = count(Architecture("mbconv", int8, []), 10, 10.0)
    assert complexity.size_bytes == 57_658 + 2 * 2_614 + 2 * (904 + 2 * 1_892)


def test_the_peak_memory_of_deepsound_160_by_hand():
    """In stage1.2: its input, the expansion and its gated copy, and the gate, at 80 x 320."""
    complexity = count(report_model("deepsound-160").architecture, 10, 10.0)
    elements = (12 + 48 + 48) * 80 * 320 + 48
    assert complexity.peak_activation_bytes == 2 * elements


def test_the_counts_of_a_small_network_by_hand():
    complexity = cost()
    assert complexity.input_shapes == ((1, 8, 33),)
    assert complexity.params == 36 + 12 + 7 + 8
    assert complexity.macs == 36 * 264 + 12
    assert complexity.macs_fvcore_total == 36 * 264 + 12 + 2 * 4 * 264
    assert complexity.macs_torchinfo == (36 + 4) * 264 + 8 + (12 + 3)


@pytest.mark.parametrize(
    ("precision", "width", "size_bytes"),
    [
        ("float32", 4, 63 * 4),
        ("float16", 2, 63 * 2),
        ("bfloat16", 2, 63 * 2),
        ("int8", 1, 48 + 2 * (4 + 3) + 2 * 15),
        # and 3 bytes each for the input, the maps behind the activation, and their means
        ("full_int8", 1, 48 + 2 * (4 + 3) + 2 * 15 + 3 * 3),
    ],
)
def test_stored_bytes_and_peak_memory_by_hand(precision, width, size_bytes):
    complexity = cost(precision=precision)
    assert complexity.size_bytes == size_bytes
    assert complexity.peak_activation_bytes == (264 + 4 * 264) * width


@pytest.mark.parametrize(
    ("precision", "sparsity", "size_bytes"),
    [
        ("float16", 0.5, (5 + 18 * 2) + (2 + 6 * 2) + 15 * 2),
        ("float32", 0.5, (5 + 18 * 4) + (2 + 6 * 4) + 15 * 4),
        ("int8", 0.5, (5 + 18) + (2 + 6) + 2 * 7 + 15 * 2),
        ("float16", 0.99, (5 + 1 * 2) + (2 + 1 * 2) + 15 * 2),
        # 34 of 36 values with a mask are 73 bytes, without 72: a kernel is stored whole.
        ("float16", 0.05, 36 * 2 + 12 * 2 + 15 * 2),
    ],
)
def test_stored_bytes_of_a_pruned_network_by_hand(precision, sparsity, size_bytes):
    assert cost(precision=precision, sparsity=sparsity).size_bytes == size_bytes


@pytest.mark.parametrize(
    ("rule", "params", "size_bytes"),
    [
        ("plain", 63, 85),
        ("dcase2020-1b", 24 + 7, 62),
        ("dcase2021-1a", 24 + 7 + 16, 94),
        ("dcase2022-1", 63, 63),
        ("dcase2023-1", 63, 126),
        ("dcase2024-1", 63, 126),
        ("dcase2025-1", 63, 126),
        ("srpol", 48 + 7, 110),
        ("srpol-3", 48 + 7 + 16, 142),
        ("ntu", 48 + 7 + 16, 94),
    ],
)
def test_rules_count_a_half_pruned_network_by_hand(rule, params, size_bytes):
    complexity = cost(rule, sparsity=0.5)
    assert complexity.counted_params == params
    assert complexity.size_bytes == size_bytes


@pytest.mark.parametrize("rule", RULES)
def test_the_judged_multiply_accumulates_are_those_of_the_rule(rule):
    torchinfo = rule.startswith("dcase") and int(rule[5:9]) >= 2022
    assert cost(rule).counted_macs == (10_583 if torchinfo else 9_516)


def test_pruning_changes_no_multiply_accumulate_and_no_module_parameter():
    pruned, dense = cost(sparsity=0.8), cost()
    assert (pruned.macs, pruned.params) == (dense.macs, dense.params)
    assert pruned.nonzero_params == 7 + 2 + 7 + 8


def test_json_has_the_names_that_scripts_rely_on():
    data = json.loads(json.dumps(cost().to_dict()))
    assert data["input_shape"] == [[1, 8, 33]]
    counted = "counted_params counted_macs macs_fvcore_total macs_torchinfo peak_activation_bytes"
    assert {"rule", "params", "nonzero_params", "size_bytes", "macs", *counted.split()} <= set(data)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ConfigError, match=r"rule: .* mean 'dcase2024-1'"):
        cost("dcase2024")
