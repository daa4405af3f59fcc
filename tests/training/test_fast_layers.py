import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck

from nas_asc.errors import TrainingError
from nas_asc.training.fast_layers import (
    batch_norm,
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


@pytest.mark.parametrize(
    "x",
    [
        *(maps(3, channels, 4, 5) for channels in (1, 6, 15, 16, 20)),
        *(values(3, n, *size) for n in (1, 20) for size in [(1, 12), (12, 1), (1, 1)]),
        values(3, 4, 6, 5).detach().transpose(1, 2).requires_grad_(),
        *(values(7, features) for features in (1, 8, 32)),
    ],
    ids=lambda x: "x".join(map(str, x.shape)),
)
def test_batch_norm_is_torchs_in_output_gradients_and_running_statistics(x):
    """Of maps in channels-last or plain order, with swapped axes, and of vectors."""
    channels, kind = x.shape[1], nn.BatchNorm2d if x.dim() == 4 else nn.BatchNorm1d
    ours, theirs = (kind(channels).double() for _ in range(2))
    with torch.no_grad():
        for norm in (ours, theirs):
            norm.weight.copy_(values(channels, seed=3))
            norm.bias.copy_(values(channels, seed=4))
    expected = theirs(x)
    seen = values(*expected.shape, seed=2).detach()
    wanted = torch.autograd.grad(expected, (x, theirs.weight, theirs.bias), seen)

    output = batch_norm(ours, x)
    got = torch.autograd.grad(output, (x, ours.weight, ours.bias), seen)

    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(got, wanted)
    for name, buffer in theirs.named_buffers():
        torch.testing.assert_close(dict(ours.named_buffers())[name], buffer)


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1, 1)])
def test_batch_norm_of_one_value_per_channel_is_refused(shape):
    with pytest.raises(TrainingError, match=r"got one, raise recipe\.batch_size"):
        batch_norm(nn.BatchNorm2d(4), torch.ones(shape))


def test_gated_projection_is_squeeze_and_excitation_before_a_1x1_convolution():
    x, weight = maps(2, 6, 3, 5), values(4, 6, 1, 1)
    reduce, expand = values(2, 6, seed=5), values(6, 2, seed=6)

    def gate(mean):
        return torch.sigmoid(F.silu(mean @ reduce.T) @ expand.T)

    expected = F.conv2d(x * gate(x.mean((2, 3)))[:, :, None, None], weight)
    inputs = (x, weight, reduce, expand)
    seen = values(*expected.shape, seed=2).detach()
    wanted = torch.autograd.grad(expected, inputs, seen)

    output = gated_projection(x, weight, gate, (reduce, expand))
    got = torch.autograd.grad(output, inputs, seen)

    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(got, wanted)


def test_one_channel_is_marked_as_channels_last():
    x = torch.randn(2, 1, 4, 6)
    ordered = channels_last(x)
    assert ordered.stride() == (24, 1, 6, 1)
    torch.testing.assert_close(ordered, x)
