"""The residual block against the IMT report's per-layer counts (DCASE 2020 task 1B)."""

import pytest

from nas_asc.blocks.basic import basic
from nas_asc.graph import Graph


def graph_of(x, width, stride):
    g = Graph()
    rank = len(x) - 1
    y = basic(
        g, g.input(x), width=width, kernel=(3,) * rank, stride=(stride,) * rank, activation="relu"
    )
    return g, y


@pytest.mark.parametrize(
    ("x", "width", "stride", "out", "weights", "norms"),
    [
        ((32, 44_985), 32, 4, (32, 11_247), 3_072 + 3_072 + 1_024, 96),
        ((32, 11_247), 32, 1, (32, 11_247), 3_072 + 3_072, 64),
        ((32, 11_247), 64, 4, (64, 2_812), 6_144 + 12_288 + 2_048, 192),
        ((64, 2_812), 128, 4, (128, 703), 24_576 + 49_152 + 8_192, 384),
    ],
)
def test_a_block_costs_what_the_report_says(x, width, stride, out, weights, norms):
    g, y = graph_of(x, width, stride)
    assert y == out
    assert (g.weights, g.norm_channels, g.biases) == (weights, norms, 0)


def test_the_norm_of_a_shortcut_is_known_as_such():
    g, _ = graph_of((32, 100), 64, 4)
    assert (g.norms, g.shortcut_norms) == ([64, 64, 64], [64])


def test_a_block_works_along_two_axes():
    g, y = graph_of((4, 9, 11), 6, 2)
    assert y == (6, 5, 6)
    assert g.weights == 4 * 6 * 9 + 6 * 6 * 9 + 4 * 6


def test_an_activation_follows_the_addition():
    g, _ = graph_of((4, 20), 4, 1)
    assert [layer.op for layer in g.layers[-2:]] == ["add", "act"]
