"""Layers that PyTorch lacks: padded pooling against TensorFlow's definition, by hand; norms."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import conv, pool
from nas_asc.errors import ExportError
from nas_asc.networks.layers import (
    MelNorm,
    Standardisation,
    WindowPool,
    same_margins,
)
from nas_asc.networks.network import Network


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


@pytest.mark.parametrize(
    ("kind", "window", "stride", "values", "expected"),
    [
        ("max", (3,), (1,), [-3.0, -1.0, -2.0, -5.0], [-1.0, -1.0, -1.0, -2.0]),
        ("avg", (3,), (1,), [3.0, 1.0, 2.0, 6.0], [2.0, 2.0, 3.0, 4.0]),
        ("avg", (2, 2), (2, 2), [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], [[3.0, 5.0]]),
    ],
)
def test_padding_counts_for_neither_a_maximum_nor_a_mean(kind, window, stride, values, expected):
    """In the last one the last column is alone."""
    x = torch.tensor([[values]])
    pooled = WindowPool(kind, tuple(x.shape[2:]), window, stride, "same")(x)
    torch.testing.assert_close(pooled, torch.tensor([[expected]]))


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


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_strided_pointwise_convolution_is_the_plain_one(rank, grouped):
    """In value and gradient; the plain one is safe in contiguous memory."""
    torch.manual_seed(0)
    g, stride = Graph(), (2, 3)[:rank]
    x, groups = g.input((4, *(7, 10)[:rank])), 4 if grouped else 1
    conv(g, x, 8, (1,) * rank, stride, name="conv", groups=groups, bias=True)
    network = Network(g.layers)
    ours = network.get_submodule("conv")
    plain = (F.conv1d, F.conv2d)[rank - 1]
    first = torch.randn(3, *x, requires_grad=True)
    second = first.detach().clone().requires_grad_()
    out = network(first)
    expected = plain(second, ours.weight, ours.bias, stride, groups=groups)
    torch.testing.assert_close(out, expected)
    weights = torch.randn_like(out)
    gradients = torch.autograd.grad((out * weights).sum(), [first, *ours.parameters()])
    expected = torch.autograd.grad((expected * weights).sum(), [second, *ours.parameters()])
    torch.testing.assert_close(gradients, expected)


def test_the_mel_norm_is_per_mel_bin():
    torch.manual_seed(0)
    x = torch.randn(4, 2, 5, 30) * torch.arange(1, 6).view(5, 1) + torch.arange(5).view(5, 1)
    module = MelNorm(5)
    out = module(x)
    mean = x.mean((0, 1, 3), keepdim=True)
    variance = x.var((0, 1, 3), unbiased=False, keepdim=True)
    torch.testing.assert_close(out, (x - mean) / (variance + 1e-5).sqrt())
    unbiased = x.var((0, 1, 3), unbiased=True)
    torch.testing.assert_close(module.running_mean, 0.1 * mean.flatten())
    torch.testing.assert_close(module.running_var, 0.9 + 0.1 * unbiased)


def clips():
    """Clips of two spectrograms, (40, 2, 3, 5): mel bins are rows, of the second columns."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 2, 3, 5))
    values[:, 0] = values[:, 0] * np.array([1, 2, 3])[:, None] + np.array([5, -5, 0])[:, None]
    values[:, 1] = values[:, 1] * np.array([4, 1, 2, 1, 3]) + np.array([0, 9, -9, 1, 2])
    return torch.from_numpy(values).half()


def assert_standard(bins):
    """Each row of (bin, value) has mean 0 and deviation 1."""
    expected = torch.ones(len(bins)).double()
    torch.testing.assert_close(bins.mean(1), 0 * expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(bins.std(1, correction=0), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("channels", "second_plane"), [(1, False), (2, False), (2, True)])
def test_each_mel_bin_gets_mean_0_and_deviation_1(channels, second_plane):
    """A second spectrogram along its own mel bins."""
    inputs = clips()[:, :channels]
    standardisation = Standardisation((channels, 3, 5), second_plane)
    standardisation.fit(inputs)
    result = standardisation(inputs).double()

    assert [len(s[0]) for s in standardisation.statistics] == ([3, 5] if second_plane else [3])
    assert result.shape == inputs.shape
    if second_plane:
        assert_standard(result[:, 1].transpose(0, 2).flatten(1))
        result = result[:, :1]
    assert_standard(result.transpose(0, 2).flatten(1))


def test_the_standard_is_the_mean_and_deviation_over_all_clips_and_frames():
    """Of more values than are taken at a time, and far from 0, where digits would be lost first."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(70, 1, 8, 4000)) * np.linspace(0.05, 4, 8)[:, None] - 15
    inputs = torch.from_numpy(values).half()
    bins = inputs[:, 0].numpy().astype(np.float64).swapaxes(0, 1).reshape(8, -1)

    standardisation = Standardisation((1, 8, 4000))
    standardisation.fit(inputs)
    mean, deviation = standardisation.first.numpy()

    np.testing.assert_allclose(mean, bins.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(deviation, bins.std(axis=1), rtol=1e-6)


def test_it_changes_nothing_before_it_is_fitted_and_silence_becomes_0_after():
    standardisation = Standardisation((1, 3, 5))
    assert torch.equal(standardisation(inputs := clips()[:, :1].float()), inputs)
    assert not list(standardisation.parameters())
    silence = torch.full((4, 1, 3, 5), -18.42).half()
    standardisation.fit(silence)
    assert standardisation(silence).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("standards", "fault"),
    [
        ([], r"shape \(2, 3\), found none, is it of another model"),
        ([torch.ones(2, 4)], r"\(2, 3\), found \(2, 4\)"),
        ([torch.ones(2, 3), torch.ones(2, 5)], r"found \(2, 3\) and \(2, 5\)"),
        ([torch.full((2, 3), torch.nan)], "expected finite means"),
        ([torch.zeros(2, 3)], "deviations above 0"),
    ],
)
def test_standards_of_other_clips_are_refused(standards, fault):
    with pytest.raises(ExportError, match=fault):
        Standardisation((1, 3, 5)).load(standards)
