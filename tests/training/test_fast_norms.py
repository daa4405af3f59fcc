import pytest
import torch
import torch.nn.functional as F
from test_fast_layers import maps, values
from torch import nn

from nas_asc.errors import TrainingError
from nas_asc.training.fast_norms import batch_norm, mixed_norm


def norms(channels, kind=nn.BatchNorm2d):
    """Two of the same batch norms, with scales and shifts."""
    pair = [kind(channels).double() for _ in range(2)]
    with torch.no_grad():
        for norm in pair:
            norm.weight.copy_(values(channels, seed=3))
            norm.bias.copy_(values(channels, seed=4))
    return pair


def assert_same(ours, theirs, inputs):
    """Compare outputs, gradients of inputs, and running statistics; each a function and a norm."""
    (apply, norm), (plain, plain_norm) = ours, theirs
    expected = plain()
    seen = values(*expected.shape, seed=2).detach()
    of_plain = (plain_norm.weight, plain_norm.bias)
    wanted = torch.autograd.grad(expected, (*inputs, *of_plain), seen)

    output = apply()
    got = torch.autograd.grad(output, (*inputs, norm.weight, norm.bias), seen)

    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(got, wanted)
    for name, buffer in plain_norm.named_buffers():
        torch.testing.assert_close(dict(norm.named_buffers())[name], buffer)


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
    ours, theirs = norms(x.shape[1], nn.BatchNorm2d if x.dim() == 4 else nn.BatchNorm1d)
    assert_same((lambda: batch_norm(ours, x), ours), (lambda: theirs(x), theirs), (x,))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", [(3, 1, 2, 0), (2, 1, 3, 0), (0, 3, 1, 2)])
def test_a_gradient_may_be_in_any_order(channels, order):
    x = values(3, channels, 1, 3)
    shape = [x.shape[order.index(axis)] for axis in range(4)]
    seen = values(*shape, seed=5).detach().permute(order)
    ours, theirs = norms(channels)
    wanted = torch.autograd.grad(theirs(x), x, seen)
    torch.testing.assert_close(torch.autograd.grad(batch_norm(ours, x), x, seen), wanted)


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("size", [(4, 5), (1, 12), (1, 1)])
def test_mixed_norm_is_a_1x1_convolution_and_torchs_batch_norm(channels, size):
    """Also where channels hold the same, and far from a mean of 0."""
    x, weight = maps(7, channels, *size), values(20, channels, 1, 1)
    with torch.no_grad():
        x[:, -1] = x[:, 0] + 30
    ours, theirs = norms(20)
    assert_same(
        (lambda: mixed_norm(ours, x, weight), ours),
        (lambda: theirs(F.conv2d(x, weight)), theirs),
        (x, weight),
    )


def test_mixed_norm_in_float32_is_as_exact_as_torchs():
    """Of channels whose means are ten times as large as what they vary by."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(8, 12, 16, 20, generator=generator) + 10).double()
    x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(36, 12, 1, 1, generator=generator).double()
    exact = nn.BatchNorm2d(36).double()(F.conv2d(x, weight))

    def error(found):
        return float((found - exact).detach().abs().max())

    theirs = nn.BatchNorm2d(36)(F.conv2d(x.float(), weight.float()))
    assert error(mixed_norm(nn.BatchNorm2d(36), x.float(), weight.float())) < 2 * error(theirs)


def test_mixed_norm_of_channels_that_cancel_is_finite():
    """A variance of 0, which rounding would put below it, by more than the norm's epsilon."""
    generator = torch.Generator().manual_seed(0)
    share = torch.randn(1, 3, 1, 1, generator=generator)
    x = 1e4 * torch.randn(4, 1, 6, 7, generator=generator) * share
    first = torch.randn(40, 2, 1, 1, generator=generator)
    last = -(first * share[:, :2]).sum(1, keepdim=True) / share[:, 2:]
    weight = torch.cat([first, last], 1)
    assert mixed_norm(nn.BatchNorm2d(40), x, weight).isfinite().all()


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1, 1)])
def test_batch_norm_of_one_value_per_channel_is_refused(shape):
    with pytest.raises(TrainingError, match=r"got one, raise recipe\.batch_size"):
        batch_norm(nn.BatchNorm2d(4), torch.ones(shape))


def test_mixed_norm_of_one_value_per_channel_is_refused():
    with pytest.raises(TrainingError, match=r"got one, raise recipe\.batch_size"):
        mixed_norm(nn.BatchNorm2d(4), torch.ones(1, 2, 1, 1), torch.ones(4, 2, 1, 1))
