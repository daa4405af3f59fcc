from functools import partial

import pytest

from nas_asc.architectures.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    CostTally,
    Dropout,
    GlobalPool,
    Graph,
    Linear,
    Norm,
    Pool,
    describe,
)
from nas_asc.architectures.layers import (
    add,
    concat,
    conv,
    depthwise,
    dropout,
    extent,
    flatten,
    global_pool,
    linear,
    norm,
    pointwise,
    pool,
)
from nas_asc.errors import ConfigError


def cost(g):
    return g.weights + g.biases + 2 * g.norm_channels, g.macs_torchinfo


@pytest.mark.parametrize(
    ("add_layer", "x", "out", "params", "macs"),
    [
        (partial(conv, out=8, kernel=(3, 3), name="", bias=True), (3, 10, 10), 8, 224, 22_400),
        (norm, (16, 32, 32), 16, 32, 32),
        (partial(linear, out=10, name=""), (64,), 10, 650, 650),
    ],
)
def test_a_layer_costs_what_torchinfo_says(add_layer, x, out, params, macs):
    """torchinfo 1.8 of Conv2d(3, 8, 3, padding=1), BatchNorm2d(16) and Linear(64, 10)."""
    g = CostTally()
    assert add_layer(g, x) == (out, *x[1:])
    assert cost(g) == (params, macs)


@pytest.mark.parametrize(
    ("add_layer", "weights", "out"),
    [
        (partial(depthwise, kernel=(3, 5), stride=(2, 1)), 24 * 3 * 5, (24, 20, 50)),
        (partial(pointwise, out=12), 24 * 12, (12, 40, 50)),
        (partial(conv, out=12, kernel=(3, 3), groups=4), 24 // 4 * 12 * 9, (12, 40, 50)),
    ],
)
def test_macs_match_the_formula(add_layer, weights, out):
    g = CostTally()
    assert add_layer(g, (24, 40, 50), name="conv") == out
    assert g.weights == weights
    assert g.macs == weights * out[1] * out[2]


def test_a_norm_per_mel_bin_has_two_values_per_bin():
    g = CostTally()
    assert norm(g, (1, 160, 640), axis=1) == (1, 160, 640)
    assert g.norm_channels == 160
    assert g.norm_elements == 160 * 640


# From the output-size formulas: PyTorch's floor((n + 2p - k) / s) + 1, TensorFlow's ceil(n / s)
# and floor((n - k) / s) + 1.
@pytest.mark.parametrize(
    ("n", "kernel", "stride", "half", "same", "valid"),
    [
        (10, 3, 2, 5, 5, 4),
        (11, 3, 2, 6, 6, 5),
        (10, 5, 3, 4, 4, 2),
        (10, 4, 2, 6, 5, 4),
        (11, 2, 2, 6, 6, 5),
        (7, 1, 2, 4, 4, 4),
        (3, 3, 3, 1, 1, 1),
        (1, 7, 2, 1, 1, 1),
    ],
)
@pytest.mark.parametrize("rank", [1, 2])
def test_output_sizes_follow_the_padding(n, kernel, stride, half, same, valid, rank):
    x, kernels, strides = (2,) + (n,) * rank, (kernel,) * rank, (stride,) * rank
    for padding, expected in (("half", half), ("same", same), ("valid", valid)):
        shape = conv(CostTally(), x, 4, kernels, strides, name="conv", padding=padding)
        assert shape == (4,) + (expected,) * rank


def test_a_valid_kernel_shrinks_to_what_is_left():
    g = CostTally()
    g.prefix = "stage1."
    assert conv(g, (2, 3, 9), 4, (5, 3), name="conv", padding="valid") == (4, 1, 7)
    assert g.weights == 2 * 4 * 3 * 3
    conv(g, (2, 5, 9), 4, (5, 3), name="fits", padding="valid")
    pool(g, (2, 5, 9), "max", (5, 9), (5, 9))
    assert g.shrunk == ["stage1.conv"]


def test_shapes_of_what_costs_nothing():
    x, g = (6, 5, 4), CostTally()
    assert pool(g, (16, 40, 51), "max", (5, 5), (5, 5)) == (16, 8, 10)
    assert pool(g, (16, 10), "avg", (3,), (2,), padding="same") == (16, 5)
    assert global_pool(g, x, "avg") == (6,)
    assert global_pool(g, x, "avg", keep_axes=True) == (6, 1, 1)
    assert flatten(g, x) == (120,)
    assert concat(g, [x, (2, 5, 4)]) == (8, 5, 4)
    assert cost(g) == (0, 0)


def test_a_dropout_of_zero_is_no_layer():
    g = Graph()
    x = g.input((6,))
    assert dropout(g, x, 0.0, name="dropout") is x
    assert len(g.layers) == 1


@pytest.mark.parametrize(
    ("value", "rank", "numbers"),
    [("3x5", 2, (3, 5)), (3, 2, (3, 3)), ("3", 2, (3, 3)), (3, 1, (3,))],
)
def test_extents_are_read(value, rank, numbers):
    assert extent(value, rank) == numbers


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda g: add(g, (4, 6, 6), (4, 5, 5)), r"stage1\.2\.add: .* got 4x6x6 and 4x5x5"),
        (lambda g: extent("3x5", 1), "1 axes, got '3x5'"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, told):
    g = CostTally()
    g.prefix = "stage1.2."
    with pytest.raises(ConfigError, match=told):
        wrong(g)


@pytest.mark.parametrize(
    ("operator", "in_table", "drawn"),
    [
        (Conv(12, 48, (3, 3), (1, 1), "half", 1), "3x3 half 12→48", "conv 3x3 12→48"),
        (
            Conv(6, 6, (3, 5), (1, 2), "half", 6),
            "3x5/1x2 half 6→6, 6 groups",
            "depthwise 3x5/1x2 6",
        ),
        (Linear(100, 10), "100→10", "linear 100→10"),
        (Pool("max", (2, 2), (2, 2), "valid"), "max 2x2/2x2 valid", "max pool 2x2"),
        (Pool("avg", (3,), (2,), "same"), "avg 3/2 same", "avg pool 3/2"),
        (GlobalPool("avg+max", keep_axes=False), "avg+max", "global average + maximum"),
        (Norm(1, shortcut=False), "per mel bin", "norm per mel bin"),
        (Activation("silu"), "silu", "silu"),
        (Dropout(0.5, "plain"), "0.5 plain", "dropout 0.5"),
        (Dropout(0.1, "alpha"), "0.1 alpha", "alpha dropout 0.1"),
        (Concat(), "", "concatenate"),
        (Add(), "", "add"),
    ],
)
def test_an_operator_is_put_into_words_for_a_table_and_a_drawing(operator, in_table, drawn):
    assert (describe(operator), describe(operator, drawn=True)) == (in_table, drawn)
