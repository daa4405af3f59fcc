"""One contract for every block, and hand counts."""

from inspect import Parameter

import pytest
import torch
from stage_values import value_of

from nas_asc.blocks import BLOCKS
from nas_asc.blocks.block import ORDERS
from nas_asc.blocks.mbconv import squeeze_and_excite
from nas_asc.graph import CostTally, Graph
from nas_asc.network import Network

SHAPES = [(4, 13, 10), (6, 1, 3), (4, 37)]
STRIDES = [1, 2, 3]


def keys(block, rank, stride=1, **given):
    """Give the extents and the width of a block, and a value for each key without a default."""
    extents = {"kernel": (3,) * rank, "stride": (stride,) * rank}
    values = {
        key: extents[key] if key in extents else value_of(key)
        for key, default in BLOCKS[block].defaults.items()
        if key in extents or key == "width" or default is Parameter.empty
    }
    return values | given


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_strides_every_axis_once(block, shape, stride):
    given = keys(block, len(shape) - 1, stride)
    _, *axes = BLOCKS[block].add(CostTally(), shape, **given)
    assert axes == [-(-n // stride) if "stride" in given else n for n in shape[1:]]


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_as_it_is_counted(block, shape, stride):
    torch.manual_seed(0)
    g = Graph()
    out = BLOCKS[block].add(g, g.input(shape), **keys(block, len(shape) - 1, stride))
    network = Network(g.layers)
    result = network(torch.randn(3, *shape))
    result.square().sum().backward()
    assert result.shape == (3, *out)
    assert sum(p.numel() for p in network.parameters()) == sum(layer.params for layer in g.layers)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_names_its_layers_apart(block):
    g = Graph()
    BLOCKS[block].add(g, g.input((4, 13, 10)), **keys(block, 2))
    names = [layer.name for layer in g.layers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_costs_the_same_in_both_sinks(block):
    tally, graph = CostTally(), Graph()
    BLOCKS[block].add(tally, (4, 13, 10), **keys(block, 2, 2))
    BLOCKS[block].add(graph, graph.input((4, 13, 10)), **keys(block, 2, 2))
    assert (tally.kernels, tally.biases) == (graph.kernels, graph.biases)
    assert (tally.macs, tally.norm_elements) == (graph.macs, graph.norm_elements)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("block", ["conv", "separable"])
def test_convolution_norm_and_activation_are_in_order(block, order):
    g = Graph()
    BLOCKS[block].add(g, g.input((4, 13, 10)), **keys(block, 2, order=order))
    ops = [layer.op for layer in g.layers[1:]]
    assert list(dict.fromkeys(ops)) == order.split("-")


def test_a_plain_convolution_by_hand():
    g = CostTally()
    BLOCKS["conv"].add(g, (4, 13, 10), **keys("conv", 2, bias=True, kernel=(3, 5)))
    assert (g.weights, g.biases, g.norm_channels) == (4 * 6 * 15, 6, 6)


def test_a_separable_convolution_by_hand():
    g = CostTally()
    BLOCKS["separable"].add(g, (4, 13, 10), **keys("separable", 2, 2, bias=True))
    assert (g.weights, g.biases, g.norm_channels) == (4 * 9 + 4 * 6, 6, 6)
    assert g.macs == (4 * 9 + 4 * 6) * 7 * 5


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
    g = Graph()
    BLOCKS["mbconv"].add(g, g.input((4, 13, 10)), **keys("mbconv", 2, stride, width=width))
    assert ("shortcut" in [layer.name for layer in g.layers]) == convolved


def test_a_squeeze_of_zero_leaves_the_gate_out():
    g = Graph()
    BLOCKS["mbconv"].add(g, g.input((4, 13, 10)), **keys("mbconv", 2, squeeze_excite=0.0))
    assert not any(layer.name.startswith("se.") for layer in g.layers)


def test_squeeze_and_excitation_by_hand():
    g = Graph()
    squeeze_and_excite(g, g.input((8, 5, 4)), 2, "relu")
    assert sum(layer.params for layer in g.layers) == (8 * 2 + 2) + (2 * 8 + 8)
    assert g.macs == 8 * 2 + 2 * 8
