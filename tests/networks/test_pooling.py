"""Padded pooling against TensorFlow's definition, by hand."""

import pytest
import torch

from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import pool
from nas_asc.networks.network import AveragePool, MaxPool, Network, same_margins


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "margins"),
    [
        (48, 7, 2, (2, 3)),
        (467, 7, 2, (3, 3)),
        (24, 3, 2, (0, 1)),
        (3, 3, 2, (1, 1)),
        (15, 3, 2, (1, 1)),
        (235, 4, 4, (0, 1)),
        (2, 4, 4, (1, 1)),
        (8, 2, 2, (0, 0)),
        (5, 2, 4, (0, 1)),
        (6, 1, 4, (0, 0)),
        (10, 4, 1, (1, 2)),
        (1, 7, 2, (3, 3)),
    ],
)
def test_margins_are_tensorflows(n, kernel, stride, margins):
    """total = max((ceil(n / s) - 1) s + k - n, 0), the odd cell at the end."""
    assert same_margins((n,), (kernel,), (stride,)) == [margins]
    assert same_margins((9, n), (1, kernel), (1, stride)) == [(0, 0), margins]


def test_a_maximum_ignores_the_padding():
    x = torch.tensor([[[-3.0, -1.0, -2.0, -5.0]]])
    pooled = MaxPool((3,), (1,), [(1, 1)])(x)
    assert pooled.tolist() == [[[-1.0, -1.0, -1.0, -2.0]]]


def test_an_average_leaves_the_padding_out():
    x = torch.tensor([[[3.0, 1.0, 2.0, 6.0]]])
    pooled = AveragePool((4,), (3,), (1,), [(1, 1)])(x)
    torch.testing.assert_close(pooled, torch.tensor([[[2.0, 2.0, 3.0, 4.0]]]))


def test_an_average_with_an_uneven_margin():
    """2 x 3 cells, windows of 2 x 2 in steps of 2: the last column is alone."""
    x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]]])
    pooled = AveragePool((2, 3), (2, 2), (2, 2), [(0, 0), (0, 1)])(x)
    torch.testing.assert_close(pooled, torch.tensor([[[[3.0, 5.0]]]]))


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("axes", [(11,), (7, 10)])
@pytest.mark.parametrize(
    ("kernel", "stride"), [(2, 2), (3, 2), (3, 1), (4, 4), (5, 3), (2, 3), (9, 2)]
)
def test_the_module_has_the_shape_of_the_graph(kind, padding, axes, kernel, stride):
    g = Graph()
    rank = len(axes)
    pool(g, g.input((3, *axes)), kind, (kernel,) * rank, (stride,) * rank, padding=padding)
    y = Network(g.layers)(torch.ones(2, 3, *axes))
    assert tuple(y.shape[1:]) == g.layers[-1].shape
    assert torch.equal(y, torch.ones_like(y))
