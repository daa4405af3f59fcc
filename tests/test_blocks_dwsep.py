"""Depthwise units against the NetEase report's table (DCASE 2023 task 1)."""

import pytest

from nas_asc.blocks.dwsep import dwsep
from nas_asc.graph import Graph


def graph_of(x=(18, 51, 10), **keys):
    g = Graph()
    defaults = {"units": 2, "kernel": (3, 3), "activation": "relu"}
    return g, dwsep(g, g.input(x), **{**defaults, **keys})


@pytest.mark.parametrize(("width", "params"), [(18, 1_044), (256, 136_704)])
def test_a_block_of_two_units_costs_what_the_report_says(width, params):
    g, y = graph_of((width, 51, 10))
    assert sum(layer.params for layer in g.layers) == params
    assert y == (width, 51, 10)


@pytest.mark.parametrize("units", [1, 2, 3])
def test_a_unit_costs_two_norm_values_nine_taps_and_a_full_mixing_per_channel(units):
    g, _ = graph_of(units=units)
    assert sum(layer.params for layer in g.layers) == units * 18 * (2 + 9 + 18)


@pytest.mark.parametrize(("residual", "sums"), [("none", 0), ("unit", 3), ("block", 1)])
def test_residuals_go_around_units_or_the_block(residual, sums):
    g, _ = graph_of(units=3, residual=residual)
    assert [layer.op for layer in g.layers].count("add") == sums


def test_the_residual_of_a_block_starts_at_its_input():
    g, _ = graph_of()
    added = g.layers[-1]
    assert added.op == "add"
    assert 0 in added.inputs
