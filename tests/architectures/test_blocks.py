"""One contract for every block; counts by hand and those of the technical reports."""

from inspect import Parameter

import pytest
import torch
from stage_values import value_of

from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.blocks.block import ORDERS
from nas_asc.architectures.blocks.separable import squeeze_and_excite
from nas_asc.architectures.graph import CostTally, Graph
from nas_asc.errors import ConfigError
from nas_asc.networks.network import Network

SHAPES = [(4, 13, 10), (6, 1, 3), (4, 37)]
SUMS = ("kernels", "biases", "macs", "norm_elements")


def keys(block, rank, stride=1, **given):
    """Give the extents and the width of a block, and a value for each key without a default."""
    extents = {"kernel": (3,) * rank, "stride": (stride,) * rank}
    values = {
        key: extents[key] if key in extents else value_of(key)
        for key, default in BLOCKS[block].defaults.items()
        if key in extents or key == "width" or default is Parameter.empty
    }
    return values | given


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_strides_every_axis_once_and_runs_as_it_is_counted(block, shape, stride):
    torch.manual_seed(0)
    g, tally, given = Graph(), CostTally(), keys(block, len(shape) - 1, stride)
    out = BLOCKS[block].add(g, g.input(shape), **given)
    assert BLOCKS[block].add(tally, shape, **given) == out
    assert list(out[1:]) == [-(-n // stride) if "stride" in given else n for n in shape[1:]]
    assert [getattr(tally, name) for name in SUMS] == [getattr(g, name) for name in SUMS]
    assert len({layer.name for layer in g.layers}) == len(g.layers)

    network = Network(g.layers)
    result = network(torch.randn(3, *shape))
    result.square().sum().backward()
    assert result.shape == (3, *out)
    assert sum(p.numel() for p in network.parameters()) == sum(layer.params for layer in g.layers)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def graph_of(block, x, **given):
    """Return the graph of a block on a tensor, and the shape that comes out."""
    g = Graph()
    g.prefix = "stage3.1."
    return g, BLOCKS[block].add(g, g.input(x), **given)


def weights_of(g):
    """Return the values of each convolution by the name that it has in its block."""
    convs = [layer for layer in g.layers if layer.op == "conv"]
    return {layer.name.removeprefix("stage3.1."): layer.weights for layer in convs}


@pytest.mark.parametrize(
    ("block", "kernel", "weights"), [("conv", (3, 5), 4 * 6 * 15), ("separable", (3, 3), 36 + 24)]
)
def test_a_plain_convolution_by_hand(block, kernel, weights):
    g = CostTally()
    BLOCKS[block].add(g, (4, 13, 10), **keys(block, 2, 2, bias=True, kernel=kernel))
    assert (g.weights, g.biases, g.norm_channels) == (weights, 6, 6)
    assert g.macs == weights * 7 * 5


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("block", ["conv", "separable"])
def test_convolution_norm_and_activation_are_in_order(block, order):
    g, _ = graph_of(block, (4, 13, 10), **keys(block, 2, order=order))
    ops = [layer.op for layer in g.layers[1:]]
    assert list(dict.fromkeys(ops)) == order.split("-")


def test_a_factorised_convolution_is_two():
    """SRPOL table 4: 7x1, 1x7 from 1 to 16 channels: 128 + 1808 values, and 64 of batch norm."""
    given = {"width": 16, "kernel": (7, 7), "stride": (1, 1), "bias": True, "padding": "same"}
    g, y = graph_of("conv", (1, 256, 59), factorised=True, **given)
    assert y == (16, 256, 59)
    assert [layer.weights + layer.biases for layer in g.layers if layer.op == "conv"] == [128, 1808]
    assert [layer.op for layer in g.layers].count("norm") == 1


def test_each_factor_carries_its_part_of_the_stride():
    """Along one axis there is nothing to factorise."""
    given = {"width": 8, "kernel": (3, 5), "stride": (2, 3), "factorised": True}
    g, _ = graph_of("conv", (4, 20, 30), **given)
    assert [layer.shape for layer in g.layers if layer.op == "conv"] == [(8, 10, 30), (8, 10, 10)]
    g, _ = graph_of("conv", (2, 100), width=4, kernel=(9,), stride=(1,), factorised=True)
    assert weights_of(g) == {"conv": 2 * 4 * 9}


@pytest.mark.parametrize(
    ("block", "width_in", "width", "params"),
    [  # table 6 of the Deepsound report (DCASE 2021 task 1A), expansion 4
        ("fused_mbconv", 6, 12, 1801),
        ("fused_mbconv", 12, 12, 6219),
        ("mbconv", 12, 18, 2655),
        ("mbconv", 18, 18, 4216),
        ("mbconv", 18, 24, 5092),
        ("mbconv", 24, 24, 7158),
        ("mbconv", 24, 30, 8466),
        ("mbconv", 30, 30, 10627),
    ],
)
def test_inverted_residuals_have_their_published_parameters(block, width_in, width, params):
    g = CostTally()
    BLOCKS[block].add(g, (width_in, 8, 8), **keys(block, 2, width=width, expand=4))
    assert g.weights + g.biases + 2 * g.norm_channels == params


@pytest.mark.parametrize(
    ("width", "stride", "convolved"), [(4, 1, False), (6, 1, True), (4, 2, True)]
)
def test_the_shortcut_is_a_convolution_only_where_it_must(width, stride, convolved):
    """And a squeeze of zero leaves the gate out."""
    given = keys("mbconv", 2, stride, width=width, squeeze_excite=0.0)
    names = [layer.name for layer in graph_of("mbconv", (4, 13, 10), **given)[0].layers]
    assert ("stage3.1.shortcut" in names) == convolved
    assert not any(".se." in name for name in names)


def test_squeeze_and_excitation_by_hand():
    g = Graph()
    squeeze_and_excite(g, g.input((8, 5, 4)), 2, "relu")
    assert sum(layer.params for layer in g.layers) == (8 * 2 + 2) + (2 * 8 + 8)
    assert g.macs == 8 * 2 + 2 * 8


@pytest.mark.parametrize(
    ("x", "width", "stride", "out", "weights", "norms"),
    [
        ((32, 44_985), 32, 4, (32, 11_247), 3_072 + 3_072 + 1_024, [32, 32, 32]),
        ((32, 11_247), 32, 1, (32, 11_247), 3_072 + 3_072, [32, 32]),
        ((32, 11_247), 64, 4, (64, 2_812), 6_144 + 12_288 + 2_048, [64, 64, 64]),
        ((64, 2_812), 128, 4, (128, 703), 24_576 + 49_152 + 8_192, [128, 128, 128]),
    ],
)
def test_a_residual_block_costs_what_the_imt_report_says(x, width, stride, out, weights, norms):
    given = {"kernel": (3,), "stride": (stride,), "activation": "relu"}
    g, y = graph_of("basic", x, width=width, **given)
    assert (y, g.weights, g.norms, g.biases) == (out, weights, norms, 0)
    assert g.shortcut_norms == norms[2:]
    assert [layer.op for layer in g.layers[-2:]] == ["add", "act"]


@pytest.mark.parametrize(("width", "params_printed"), [(18, 1_044), (256, 136_704)])
def test_depthwise_units_cost_what_the_netease_report_says(width, params_printed):
    """Two units. DCASE 2023 task 1."""
    given = {"units": 2, "kernel": (3, 3), "activation": "relu"}
    g, y = graph_of("dwsep", (width, 51, 10), **given)
    assert g.weights + 2 * g.norm_channels == params_printed == 2 * width * (2 + 9 + width)
    assert y == (width, 51, 10)
    assert (g.layers[-1].op, 0 in g.layers[-1].inputs) == ("add", True)


@pytest.mark.parametrize(("residual", "sums"), [("none", 0), ("unit", 3), ("block", 1)])
def test_residuals_go_around_units_or_the_block(residual, sums):
    given = {"units": 3, "kernel": (3, 3), "activation": "relu", "residual": residual}
    g, _ = graph_of("dwsep", (18, 51, 10), **given)
    assert [layer.op for layer in g.layers].count("add") == sums


@pytest.mark.parametrize(
    ("channels", "width", "params_printed"),
    [(16, 16, 9_552), (48, 16, 11_088), (48, 32, 39_584), (96, 32, 44_192)],
)
def test_an_inception_module_costs_what_the_ntu_report_says(channels, width, params_printed):
    g, y = graph_of("inception", (channels, 6, 59), width=width)
    assert g.weights + g.biases + 2 * g.norm_channels == params_printed
    assert y == (3 * width, 6, 59)


@pytest.mark.parametrize(
    ("branches", "widths", "out", "weights"),
    [
        ("1x1+pool", {}, 5 + 3, {"branch1x1.conv": 8 * 5, "branch_pool.conv": 8 * 3}),
        (
            *("3x3+5x5", {"width_3x3": 4, "width_5x5": 2}, 4 + 2),
            {
                "branch3x3.reduce_conv": 8 * 4,
                "branch3x3.conv": 4 * 4 * 9,
                "branch5x5.reduce_conv": 8 * 2,
                "branch5x5.conv": 2 * 2 * 25,
            },
        ),
    ],
)
def test_only_the_branches_that_are_named_are_there(branches, widths, out, weights):
    given = {"branches": branches, "width": 3, "width_1x1": 5, **widths}
    g, y = graph_of("inception", (8, 6, 9), **given)
    assert y == (out, 6, 9)
    assert weights_of(g) == weights


def test_the_branches_of_googlenets_first_module_stand_side_by_side():
    """Szegedy et al., 2014, table 1: inception (3a) makes 64, 128, 32 and 32 channels of 192."""
    widths = {"width_1x1": 64, "width_3x3": 128, "width_5x5": 32, "width_pool": 32}
    _, y = graph_of("inception", (192, 28, 28), branches="1x1+3x3+5x5+pool", **widths)
    assert y == (256, 28, 28)


def test_a_branch_needs_a_width():
    with pytest.raises(ConfigError, match=r"stage3\.1\.width_5x5: expected at least one channel"):
        graph_of("inception", (8, 6, 9), branches="3x3+5x5", width_3x3=4)
