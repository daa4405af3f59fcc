"""Shapes and costs against hand counts and the baselines of the DCASE editions.

2022 baseline (marmoi/dcase2022_task1_baseline): NeSsi gives the multiply-accumulates of its
convolutions and a peak memory of 65,280 B at int8; torchinfo on the same network (easy_dcase_task1)
46,118 parameters and 29,271,638. 2024 baseline (CPJKU/dcase2024_task1_baseline): torchinfo gives
61,148 parameters and 29,419,156.
"""

from math import prod

import pytest

from nas_asc.architectures.graph import CostTally, Graph, buffers, kept_outputs, peak_elements
from nas_asc.architectures.layers import (
    act,
    add,
    conv,
    depthwise,
    dropout,
    flatten,
    global_pool,
    linear,
    mul,
    norm,
    pointwise,
    pool,
)


def baseline_2022(g):
    def block(x, name, width):
        g.prefix = f"{name}."
        return act(g, norm(g, conv(g, x, width, (7, 7), name="conv", bias=True)), "relu")

    x = g.input((1, 40, 51))
    x = block(block(x, "conv1", 16), "conv2", 16)
    x = dropout(g, pool(g, x, "max", (5, 5), (5, 5)), 0.3, name="dropout")
    x = block(x, "conv3", 32)
    x = dropout(g, pool(g, x, "max", (4, 100), (4, 100)), 0.3, name="dropout")
    g.prefix = ""
    x = act(g, linear(g, flatten(g, x), 100, name="dense"), "relu")
    return linear(g, dropout(g, x, 0.3, name="dropout"), 10, name="classifier")


def baseline_2024(g):
    def layer(x, name, width=0, kernel=1, stride=1, activation=True):
        convolve = depthwise if not width else lambda g, x, *a, **k: conv(g, x, width, *a, **k)
        stride = stride if isinstance(stride, tuple) else (stride, stride)
        x = norm(g, convolve(g, x, (kernel, kernel), stride, name=name), name=f"{name}.norm")
        return act(g, x, "relu", name=f"{name}.act") if activation else x

    x = layer(g.input((1, 256, 65)), "in1", 8, 3, 2)
    x = layer(x, "in2", 32, 3, 2)
    blocks = [(64, 32, 1), (64, 32, 1), (64, 32, (1, 2)), (64, 56, (2, 1)), (120, 56, 1)]
    for number, (hidden, width, stride) in enumerate([*blocks, (120, 104, 1)]):
        g.prefix = f"block{number}."
        h = layer(layer(x, "expand", hidden), "depthwise", 0, 3, stride)
        h = layer(h, "project", width, activation=False)
        x = act(g, add(g, h, x) if h == x else h, "relu")
    g.prefix = "head."
    return global_pool(g, layer(x, "conv", 10, activation=False), "avg")


def test_the_2022_baseline_has_its_published_counts_and_shapes_counted_by_hand():
    """A window that did not fit is named."""
    baseline = Graph()
    baseline_2022(baseline)
    macs = [layer.macs for layer in baseline.layers if layer.op in ("conv", "linear")]
    assert macs == [1_599_360, 25_589_760, 2_007_040, 6_400, 1_000]
    assert sum(layer.params for layer in baseline.layers) == 46_118
    assert baseline.macs_torchinfo == 29_271_638
    assert peak_elements(baseline.layers) == 65_280
    shapes = {layer.name: layer.shape for layer in baseline.layers}
    assert shapes["conv2.conv"] == (16, 40, 51)
    assert shapes["conv2.pool"] == (16, 8, 10)
    assert shapes["conv3.pool"] == (32, 2, 1)
    assert shapes["flatten"] == (64,)
    assert shapes["classifier"] == (10,)
    assert baseline.shrunk == ["conv3.pool"]


@pytest.mark.parametrize("sink", [CostTally, Graph])
def test_the_2024_baseline_has_its_published_counts(sink):
    g = sink()
    assert baseline_2024(g) == (10,)
    assert g.weights + g.biases + 2 * g.norm_channels == 61_148
    assert g.macs_torchinfo == 29_419_156


@pytest.mark.parametrize("network", [baseline_2022, baseline_2024])
def test_both_sinks_sum_up_the_layers(network):
    tally, g = CostTally(), Graph()
    network(tally)
    network(g)
    for name in ("kernels", "macs_torchinfo", "shrunk"):
        assert getattr(tally, name) == getattr(g, name)
    for sink in (tally, g):
        assert sink.weights == sum(layer.weights for layer in g.layers)
        assert sink.weights == sum(kernel[0] for kernel in sink.kernels)
        assert sink.biases == sum(layer.biases for layer in g.layers)
        assert sink.norm_channels == sum(layer.norm for layer in g.layers)
        assert sink.norm_elements == sum(prod(layer.shape) for layer in g.layers if layer.norm)
        assert sink.macs == sum(layer.macs for layer in g.layers)


def test_layers_know_their_inputs():
    g = Graph()
    x = g.input((4, 8, 8))
    add(g, pointwise(g, x, 4, name="left"), pointwise(g, x, 4, name="right"))
    assert [layer.inputs for layer in g.layers] == [(), (0,), (0,), (1, 2)]


def test_a_chain_holds_two_tensors_at_a_time():
    g = Graph()
    x = g.input((1, 10))
    for number, width in enumerate((2, 8, 4)):
        x = pointwise(g, x, width, name=f"conv{number}")
    assert peak_elements(g.layers) == 8 * 10 + 4 * 10


def test_norm_activation_and_dropout_work_in_place():
    g = Graph()
    x = pointwise(g, g.input((1, 10)), 2, name="conv")
    dropout(g, act(g, norm(g, x), "silu"), 0.5, name="dropout")
    assert peak_elements(g.layers) == 10 + 20


def test_an_activation_needs_room_while_its_input_is_still_needed():
    g = Graph()
    x = g.input((2, 10))
    add(g, act(g, x, "relu"), x)
    assert buffers(g.layers) == [0, 1, 2]
    assert peak_elements(g.layers) == 20 + 20 + 20


def test_a_shortcut_lives_until_it_is_added():
    g = Graph()
    x = pointwise(g, g.input((1, 10)), 2, name="first")
    h = pointwise(g, x, 6, name="expand")
    add(g, pointwise(g, h, 2, name="project"), x)
    assert peak_elements(g.layers) == 20 + 60 + 20


def test_an_activation_behind_a_branch_does_not_write_over_the_shortcut():
    g = Graph()
    x = pointwise(g, g.input((1, 10)), 2, name="first")
    h = act(g, norm(g, x), "relu")
    add(g, h, x)
    *_, normalised, activated, _ = buffers(g.layers)
    assert normalised != 1
    assert activated == normalised


def test_a_view_takes_no_room():
    g = Graph()
    linear(g, flatten(g, g.input((3, 4, 5))), 2, name="dense")
    assert peak_elements(g.layers) == 60 + 2


def kept_names(graph):
    return [graph.layers[index].name for index in kept_outputs(graph.layers)]


def test_what_follows_a_convolution_directly_is_computed_with_it():
    """Maxima, dropout and flattening make no new values; logits are no activations."""
    baseline = Graph()
    baseline_2022(baseline)
    assert kept_names(baseline) == ["input", "conv1.act", "conv2.act", "conv3.act", "act"]


def test_what_two_layers_read_is_kept_and_sums_and_means_are_new():
    g = Graph()
    x = norm(g, g.input((4, 8, 8)), name="input_norm")
    first = norm(g, conv(g, x, 4, (3, 3), name="conv"), name="branch")
    summed = act(g, add(g, first, x), "relu", name="behind_sum")
    mean = global_pool(g, summed, "avg", keep_axes=True)
    gate = act(g, pointwise(g, mean, 4, name="expand"), "sigmoid")
    scaled = mul(g, summed, gate)
    maxima = global_pool(g, scaled, "max", name="maxima")
    linear(g, maxima, 3, name="classifier")
    assert kept_names(g) == ["input_norm", "branch", "behind_sum", "pool", "act", "mul"]


def test_a_norm_behind_an_activation_is_computed_with_it_too():
    for is_shortcut in (False, True):
        g = Graph()
        x = act(g, conv(g, g.input((1, 8, 8)), 4, (3, 3), name="first"), "relu")
        y = conv(g, norm(g, x), 4, (3, 3), name="next")
        if is_shortcut:
            y = add(g, y, x)
        linear(g, flatten(g, y), 3, name="classifier")
        after = ["next", "add"] if is_shortcut else ["next"]
        assert kept_names(g) == ["input", *["act"] * is_shortcut, "norm", *after]


def test_a_gate_costs_its_own_size():
    g = Graph()
    x = g.input((6, 5, 4))
    mul(g, x, global_pool(g, x, "avg", keep_axes=True))
    assert peak_elements(g.layers) == 120 + 6 + 120
