"""Holes of the counters; expected numbers are the organisers' and the reports' own."""

import pytest

from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import act, conv, flatten, linear, norm, pool
from nas_asc.complexity.caveats import counting_holes, folded
from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model

DEEPSOUND_PRUNED = {"precision": "float16", "pruning": "magnitude", "sparsity": 0.02}
GONE = 79_656 - 15_932  # kernel values of ntu-vggnet


def baseline_2022():
    """The 2022 baseline: three 7x7 convolutions with batch norm, two dense layers."""
    g = Graph()
    x = g.input((1, 40, 51))
    for number, (width, window) in enumerate(((16, None), (16, (5, 5)), (32, (4, 10))), 1):
        x = conv(g, x, width, (7, 7), name=f"conv{number}", bias=True)
        x = act(g, norm(g, x, name=f"norm{number}"), "relu", name=f"act{number}")
        if window:
            x = pool(g, x, "max", window, window, name=f"pool{number}")
    x = flatten(g, x)
    linear(g, linear(g, x, 100, name="dense"), 10, name="classifier")
    return g


def holes(model_id, rule, **compression):
    model = report_model(model_id)
    architecture = model.architecture
    if compression:
        sections = {**architecture.sections, "compression": compression}
        architecture = type(architecture)(architecture.space, sections, ())
    return " | ".join(counting_holes(count(architecture, model.classes, model.clip_s, rule)))


def test_the_2022_baseline_folds_to_what_the_organisers_count():
    graph = baseline_2022()

    assert sum(layer.params for layer in graph.layers) == 46_118
    assert graph.macs_torchinfo == 29_271_638
    assert folded(graph.layers).params == 45_990
    assert folded(graph.layers).macs_torchinfo == 29_271_638 - 2 * (16 + 16 + 32)


def test_a_norm_cannot_be_folded_behind_an_activation_nor_into_what_others_read():
    for activated_first in (True, False):
        g = Graph()
        x = conv(g, g.input((1, 8, 8)), 4, (3, 3), name="conv")
        activated = act(g, x, "relu")
        norm(g, activated if activated_first else x)
        assert folded(g.layers).params == 4 * 9 + 2 * 4


@pytest.mark.parametrize(
    ("model_id", "rule", "compression", "told"),
    [
        ("imt-c", "imt", {}, "without their 74 scales it is 130,656"),
        ("imt-d", "imt", {}, "without their 144 scales it is 238,752"),
        ("imt-d", "imt", {}, "3 biases are not counted"),
        ("imt-a", "imt", {}, "131 biases"),
        ("srpol-c3multi", "srpol", {}, "batch norm is not counted: 416 scales and shifts"),
        ("srpol-c10separable", "srpol", {}, "batch norm is not counted: 928 scales and shifts"),
        ("deepsound-160", "dcase2021-1a", {}, f"{2 * 1892:,} running statistics"),
        # 65,618 values in two bytes each, less 2 % of the 57,658 kernel values: between the limits.
        ("deepsound-32", "dcase2021-1a", DEEPSOUND_PRUNED, "README writes 128,000 B"),
        ("ntu-vggnet", "dcase2020-1b", {}, f"zeros are free: {GONE:,} of 79,656"),
        ("ntu-vggnet", "dcase2024-1", {}, f"zeros are paid for: {GONE:,}"),
        ("deepsound-32", "dcase2024-1", {}, "elements of sums"),
        ("deepsound-32", "dcase2024-1", {}, "elements of gates"),
        ("imt-b", "dcase2023-1", {"precision": "int8", "pruning": "none"}, "scales of the quant"),
        # the input, five activations in front of poolings and the mean behind them
        ("imt-b", "dcase2023-1", {"precision": "full_int8", "pruning": "none"}, "7 scales and as"),
    ],
)
def test_a_hole_is_named_with_its_size(model_id, rule, compression, told):
    assert told in holes(model_id, rule, **compression)


@pytest.mark.parametrize(
    ("model_id", "rule", "word"),
    [
        ("imt-a", "imt", "shortcuts"),
        ("deepsound-32", "dcase2021-1a", "README"),
        ("srpol-c3multi", "dcase2024-1", "zeros"),
        ("imt-b", "dcase2023-1", "scales of the quantised"),
        ("deepsound-160", "plain", " "),
    ],
)
def test_a_hole_that_a_network_does_not_fall_into_is_not_named(model_id, rule, word):
    assert word not in holes(model_id, rule)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "plain"])
@pytest.mark.parametrize("model_id", ["ntu-vggnet", "ntu-inceptionnet", "imt-c"])
def test_zeros_are_either_free_or_paid_for(model_id, rule):
    """Only a compact file has neither: it leaves the zeros out and says where they are."""
    paid = rule in (*(f"dcase{year}-1" for year in range(2022, 2026)), "srpol", "srpol-3")
    found = holes(model_id, rule)
    assert ("zeros are paid for" in found) is paid
    assert ("zeros are free" in found) is not paid


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16", "int8"])
def test_zeros_are_paid_for_although_a_compact_file_is_no_smaller(precision):
    """srpol-c3multi has 70,224 kernel values; half of each kernel is kept, all sizes are even.

    In int8 a parameter costs the rule of 2022 a byte; in float32 what is kept alone costs two.
    """
    found = holes(
        "srpol-c3multi", "dcase2022-1", precision=precision, pruning="magnitude", sparsity=0.5
    )
    assert f"zeros are paid for: {70_224 // 2:,} pruned kernel values" in found
