import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from nas_asc.architectures.layers import ACTIVATIONS
from nas_asc.training.fast_layers import (
    channels_last,
    channels_last_gradient,
    depthwise,
    gated_projection,
    subsample,
)


def values(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def maps(*shape):
    return channels_last(values(*shape, seed=0).detach()).requires_grad_()


@pytest.mark.parametrize("kernel", [(3, 3), (3, 5), (5, 3), (5, 5), (1, 7)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2), (2, 2), (3, 3)])
@pytest.mark.parametrize("size", [(6, 8), (7, 9), (4, 3)])
def test_depthwise_has_the_output_and_the_gradients_of_conv2d(kernel, stride, size):
    x, weight = maps(2, 3, *size), values(3, 1, *kernel)
    padding = (kernel[0] // 2, kernel[1] // 2)
    expected = F.conv2d(x, weight, None, stride, padding, 1, 3)
    seen = values(*expected.shape, seed=2).detach()
    wanted = torch.autograd.grad(expected, (x, weight), seen)

    output = depthwise(x, weight, stride)
    got = torch.autograd.grad(output, (x, weight), seen)

    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(got, wanted)


def test_subsample_takes_every_stride_th_position_and_its_gradient_is_right():
    x = maps(2, 3, 5, 7)
    torch.testing.assert_close(subsample(x, (2, 3)), x[:, :, ::2, ::3])
    assert gradcheck(lambda x: subsample(x, (2, 3)), (x,))


@pytest.mark.parametrize(
    "operation",
    [lambda x: subsample(x, (2, 2)), lambda x: channels_last_gradient(x.clone()).mean((2, 3))],
)
def test_the_gradient_of_a_subsample_or_a_pooled_map_is_in_channels_last_order(operation):
    x = maps(2, 3, 6, 8)
    operation(x).sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gated_projection_is_squeeze_and_excitation_before_a_1x1_convolution(activation):
    x, weight = maps(2, 6, 3, 5), values(4, 6, 1, 1)
    gate = (values(2, 6, 1, 1, seed=5), values(2), values(6, 2, 1, 1, seed=6), values(6))
    reduce, reduce_bias, expand, expand_bias = gate
    hidden = F.conv2d(x.mean((2, 3), keepdim=True), reduce, reduce_bias)
    gates = torch.sigmoid(F.conv2d(getattr(F, activation)(hidden), expand, expand_bias))
    expected = F.conv2d(x * gates, weight)
    inputs = (x, weight, *gate)
    seen = values(*expected.shape, seed=2).detach()
    wanted = torch.autograd.grad(expected, inputs, seen)

    output = gated_projection(x, weight, activation, gate)
    got = torch.autograd.grad(output, inputs, seen)

    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(got, wanted)


def test_one_channel_is_marked_as_channels_last():
    x = torch.randn(2, 1, 4, 6)
    ordered = channels_last(x)
    assert ordered.stride() == (24, 1, 6, 1)
    torch.testing.assert_close(ordered, x)
