"""The inception module against the NTU report's counts (DCASE 2020 task 1B)."""

import pytest

from nas_asc.blocks.inception import inception
from nas_asc.errors import ConfigError
from nas_asc.graph import Graph


def graph_of(x, **keys):
    g = Graph()
    g.prefix = "stage3.1."
    return g, inception(g, g.input(x), **keys)


@pytest.mark.parametrize(
    ("channels", "width", "params"),
    [(16, 16, 9_552), (48, 16, 11_088), (48, 32, 39_584), (96, 32, 44_192)],
)
def test_a_module_costs_what_the_report_says(channels, width, params):
    g, y = graph_of((channels, 6, 59), width=width)
    assert sum(layer.params for layer in g.layers) == params
    assert y == (3 * width, 6, 59)


def test_each_branch_has_its_own_width():
    g, y = graph_of((8, 6, 9), width_3x3=4, width_5x5=2, width_pool=3)
    weights = {layer.name: layer.weights for layer in g.layers if layer.op == "conv"}
    assert y == (4 + 2 + 3, 6, 9)
    assert weights == {
        "stage3.1.branch3x3.reduce_conv": 8 * 4,
        "stage3.1.branch3x3.conv": 4 * 4 * 9,
        "stage3.1.branch5x5.reduce_conv": 8 * 2,
        "stage3.1.branch5x5.conv": 2 * 2 * 25,
        "stage3.1.branch_pool.conv": 8 * 3,
    }


def test_only_the_branches_that_are_named_are_there():
    g, y = graph_of((8, 6, 9), branches="3x3", width=4)
    assert y == (4, 6, 9)
    assert [layer.op for layer in g.layers if layer.op in ("conv", "concat")] == ["conv", "conv"]


def test_a_module_may_have_a_plain_branch():
    g, y = graph_of((8, 6, 9), branches="1x1+pool", width_1x1=5, width=3)
    assert y == (5 + 3, 6, 9)
    assert {layer.name: layer.weights for layer in g.layers if layer.op == "conv"} == {
        "stage3.1.branch1x1.conv": 8 * 5,
        "stage3.1.branch_pool.conv": 8 * 3,
    }


def test_the_branches_of_googlenets_first_module_stand_side_by_side():
    """Szegedy et al., 2014, table 1: inception (3a) makes 64, 128, 32 and 32 channels of 192."""
    _, y = graph_of(
        (192, 28, 28),
        branches="1x1+3x3+5x5+pool",
        **{"width_1x1": 64, "width_3x3": 128, "width_5x5": 32, "width_pool": 32},
    )
    assert y == (256, 28, 28)


def test_a_branch_needs_a_width():
    with pytest.raises(ConfigError, match=r"stage3\.1\.width_5x5: expected at least one channel"):
        graph_of((8, 6, 9), branches="3x3+5x5", width_3x3=4)


def test_a_module_works_along_one_axis():
    _, y = graph_of((2, 100), width=4)
    assert y == (12, 100)
