import pytest

from nas_asc.errors import ConfigError
from nas_asc.graph import CostTally, Graph
from nas_asc.layers import (
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


def cost(g):
    return g.weights + g.biases + 2 * g.norm_channels, g.macs_torchinfo


def test_a_convolution_costs_what_torchinfo_says():
    """torchinfo 1.8: Conv2d(3, 8, 3, padding=1, bias) on 10 x 10: 224 and 22,400."""
    g = CostTally()
    assert conv(g, (3, 10, 10), 8, (3, 3), name="conv", bias=True) == (8, 10, 10)
    assert cost(g) == (224, 22_400)


def test_a_norm_costs_what_torchinfo_says():
    """torchinfo 1.8: BatchNorm2d(16) on 32 x 32: 32 and 32."""
    g = CostTally()
    assert norm(g, (16, 32, 32)) == (16, 32, 32)
    assert cost(g) == (32, 32)
    assert g.norm_elements == 16 * 32 * 32


def test_a_linear_layer_costs_what_torchinfo_says():
    """torchinfo 1.8: Linear(64, 10): 650 and 650."""
    g = CostTally()
    assert linear(g, (64,), 10, name="dense") == (10,)
    assert cost(g) == (650, 650)


def test_depthwise_macs_match_the_formula():
    g = CostTally()
    assert depthwise(g, (24, 40, 50), (3, 5), (2, 1), name="conv") == (24, 20, 50)
    assert g.weights == 24 * 3 * 5
    assert g.macs == 24 * 3 * 5 * 20 * 50


def test_pointwise_macs_match_the_formula():
    g = CostTally()
    assert pointwise(g, (24, 40, 50), 12, name="conv") == (12, 40, 50)
    assert g.macs == 24 * 12 * 40 * 50


def test_grouped_macs_match_the_formula():
    g = CostTally()
    conv(g, (8, 10, 10), 12, (3, 3), name="conv", groups=4)
    assert g.weights == 8 // 4 * 12 * 9


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
        (10, 3, 1, 10, 10, 8),
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
    for padding, expected in (("half", half), ("same", same), ("valid", valid)):
        shape = conv(
            CostTally(),
            (2,) + (n,) * rank,
            4,
            (kernel,) * rank,
            (stride,) * rank,
            name="conv",
            padding=padding,
        )
        assert shape == (4,) + (expected,) * rank


def test_the_axes_are_independent():
    shape = conv(CostTally(), (1, 40, 51), 4, (3, 5), (2, 1), name="conv", padding="valid")
    assert shape == (4, 19, 47)


def test_a_valid_kernel_shrinks_to_what_is_left():
    g = CostTally()
    g.prefix = "stage1."
    assert conv(g, (2, 3, 9), 4, (5, 3), name="conv", padding="valid") == (4, 1, 7)
    assert g.weights == 2 * 4 * 3 * 3
    assert g.shrunk == ["stage1.conv"]


def test_a_kernel_that_fits_is_not_named_as_shrunk():
    g = CostTally()
    conv(g, (2, 5, 9), 4, (5, 3), name="conv", padding="valid")
    pool(g, (2, 5, 9), "max", (5, 9), (5, 9))
    assert g.shrunk == []


def test_pooling_costs_nothing():
    g = CostTally()
    assert pool(g, (16, 40, 51), "max", (5, 5), (5, 5)) == (16, 8, 10)
    assert pool(g, (16, 10), "avg", (3,), (2,), padding="same") == (16, 5)
    assert cost(g) == (0, 0)


@pytest.mark.parametrize(("keep", "shape"), [(False, (6,)), (True, (6, 1, 1))])
def test_global_pooling_leaves_the_channels(keep, shape):
    assert global_pool(CostTally(), (6, 5, 4), "avg", keep_axes=keep) == shape


def test_flattening_keeps_all_elements():
    assert flatten(CostTally(), (6, 5, 4)) == (120,)


def test_concatenation_is_over_the_channels():
    assert concat(CostTally(), [(6, 5, 4), (2, 5, 4)]) == (8, 5, 4)


def test_a_dropout_of_zero_is_no_layer():
    g = Graph()
    x = g.input((6,))
    assert dropout(g, x, 0.0, name="dropout") is x
    assert len(g.layers) == 1


def test_tensors_of_different_shapes_are_not_added():
    g = CostTally()
    g.prefix = "stage1.2."
    with pytest.raises(ConfigError, match=r"stage1\.2\.add: expected .* got 4x6x6 and 4x5x5"):
        add(g, (4, 6, 6), (4, 5, 5))


@pytest.mark.parametrize(
    ("value", "rank", "numbers"),
    [
        ("3x5", 2, (3, 5)),
        (3, 2, (3, 3)),
        ("3", 2, (3, 3)),
        (3, 1, (3,)),
        ("7", 1, (7,)),
        ("10x1", 2, (10, 1)),
    ],
)
def test_extents_are_read(value, rank, numbers):
    assert extent(value, rank) == numbers


def test_a_pair_is_refused_where_there_is_one_axis():
    with pytest.raises(ConfigError, match="expected 1 numbers for data with 1 axes, got '3x5'"):
        extent("3x5", 1)
