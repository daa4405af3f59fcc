import pytest

from nas_asc.blocks.conv import conv_block
from nas_asc.graph import CostTally, Graph


def graph_of(x=(16, 64, 59), **keys):
    g = Graph()
    defaults = {"width": 48, "kernel": (9, 9), "stride": (1, 1), "activation": "relu"}
    y = conv_block(g, g.input(x), **{**defaults, **keys})
    return g, y


def test_a_factorised_convolution_is_two():
    """SRPOL table 4: 7x1, 1x7 from 1 to 16 channels: 128 + 1808 values, and 64 of batch norm."""
    g, y = graph_of(
        (1, 256, 59), width=16, kernel=(7, 7), factorised=True, bias=True, padding="same"
    )
    assert y == (16, 256, 59)
    assert [layer.weights + layer.biases for layer in g.layers if layer.op == "conv"] == [128, 1808]
    assert [layer.op for layer in g.layers].count("norm") == 1


def test_each_factor_carries_its_part_of_the_stride():
    g, y = graph_of((4, 20, 30), width=8, kernel=(3, 5), stride=(2, 3), factorised=True)
    assert [layer.shape for layer in g.layers if layer.op == "conv"] == [(8, 10, 30), (8, 10, 10)]
    assert y == (8, 10, 10)


def test_along_one_axis_there_is_nothing_to_factorise():
    g, _ = graph_of((2, 100), kernel=(9,), stride=(1,), factorised=True)
    assert [layer.op for layer in g.layers].count("conv") == 1


@pytest.mark.parametrize(
    ("order", "ops"),
    [
        ("conv-norm-act", ["conv", "norm", "act"]),
        ("conv-act-norm", ["conv", "act", "norm"]),
        ("norm-act-conv", ["norm", "act", "conv"]),
        ("conv-act", ["conv", "act"]),
        ("conv", ["conv"]),
    ],
)
def test_the_order_is_that_of_its_name(order, ops):
    g, _ = graph_of(order=order)
    assert [layer.op for layer in g.layers[1:]] == ops


def test_a_tally_needs_no_layers():
    g = CostTally()
    assert conv_block(g, (2, 8, 8), width=4, kernel=(3, 3), stride=(2, 2)) == (4, 4, 4)
    assert g.weights == 2 * 4 * 9
