"""Holes of the counters; expected numbers are the organisers' and the reports' own."""

import pytest

from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import act, conv, flatten, linear, norm, pool
from nas_asc.complexity.caveats import counting_holes, folded
from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model


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


def test_a_norm_behind_an_activation_cannot_be_folded():
    g = Graph()
    x = act(g, conv(g, g.input((1, 8, 8)), 4, (3, 3), name="conv"), "relu")
    norm(g, x)

    assert folded(g.layers).params == 4 * 9 + 2 * 4


def test_a_norm_cannot_be_folded_into_what_others_read():
    g = Graph()
    x = conv(g, g.input((1, 8, 8)), 4, (3, 3), name="conv")
    norm(g, x)
    act(g, x, "relu")

    assert folded(g.layers).params == 4 * 9 + 2 * 4


@pytest.mark.parametrize(
    ("model_id", "scales", "strict"), [("imt-c", 74, "130,656"), ("imt-d", 144, "238,752")]
)
def test_imt_counts_the_norms_of_shortcuts(model_id, scales, strict):
    found = holes(model_id, "imt")
    assert f"without their {scales} scales it is {strict}" in found
    assert "3 biases are not counted" in found


def test_imt_a_has_no_shortcuts():
    assert "shortcuts" not in holes("imt-a", "imt")
    assert "131 biases" in holes("imt-a", "imt")


@pytest.mark.parametrize(
    ("model_id", "values"), [("srpol-c3multi", "416"), ("srpol-c10separable", "928")]
)
def test_srpol_leaves_batch_norm_out(model_id, values):
    assert f"batch norm is not counted: {values} scales and shifts" in holes(model_id, "srpol")


def test_the_2021_calculator_counts_running_statistics():
    assert f"{2 * 1892:,} running statistics" in holes("deepsound-160", "dcase2021-1a")


def test_the_2021_readme_has_a_smaller_limit():
    """65,618 values in two bytes each, less 2 % of the 57,658 kernel values: between the two."""
    found = holes(
        "deepsound-32", "dcase2021-1a", precision="float16", pruning="magnitude", sparsity=0.02
    )
    assert "README writes 128,000 B" in found
    assert "README" not in holes("deepsound-32", "dcase2021-1a")


def test_zeros_are_free_until_2021_and_paid_for_since_2022():
    gone = 79_656 - 15_932
    assert f"zeros are free: {gone:,} of 79,656" in holes("ntu-vggnet", "dcase2020-1b")
    assert f"zeros are paid for: {gone:,}" in holes("ntu-vggnet", "dcase2024-1")
    assert "zeros" not in holes("srpol-c3multi", "dcase2024-1")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "plain"])
@pytest.mark.parametrize("model_id", ["ntu-vggnet", "ntu-inceptionnet", "imt-c"])
def test_zeros_are_either_free_or_paid_for(model_id, rule):
    """Only a compact file has neither: it leaves the zeros out and says where they are."""
    paid = rule in (*(f"dcase{year}-1" for year in range(2022, 2026)), "srpol", "srpol-3")
    found = holes(model_id, rule)
    assert ("zeros are paid for" in found) is paid
    assert ("zeros are free" in found) is not paid


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_zeros_are_paid_for_although_a_compact_file_is_no_smaller(precision):
    """srpol-c3multi has 70,224 kernel values; half of each kernel is kept, all sizes are even.

    In int8 a parameter costs the rule of 2022 a byte; in float32 what is kept alone costs two.
    """
    found = holes(
        "srpol-c3multi", "dcase2022-1", precision=precision, pruning="magnitude", sparsity=0.5
    )
    assert f"zeros are paid for: {70_224 // 2:,} pruned kernel values" in found


def test_torchinfo_does_not_see_sums_and_gates():
    found = holes("deepsound-32", "dcase2024-1")
    assert "elements of sums" in found
    assert "elements of gates" in found


def test_int8_scales_are_free():
    found = holes("imt-b", "dcase2023-1", precision="int8", pruning="none")
    assert "scales of the quantised kernels are free" in found
    assert "scales of the quantised" not in holes("imt-b", "dcase2023-1")


def test_plain_has_no_holes():
    assert holes("deepsound-160", "plain") == ""
