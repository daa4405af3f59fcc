import torch
from torch import nn

from nas_asc.moving_average import MovingAverage


def test_the_average_follows_its_formula():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = MovingAverage(network, 0.5)
    expected = 0.0
    for step, value in enumerate([4.0, 2.0, 8.0, 1.0, 3.0, 5.0, 7.0, 9.0, 2.0, 6.0]):
        network.weight.data.fill_(value)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    average.swap()
    torch.testing.assert_close(network.weight.item(), expected)


def test_batch_norm_statistics_are_averaged_and_counters_are_not():
    network = nn.Sequential(nn.BatchNorm1d(2))
    average = MovingAverage(network, 0.9)
    network(torch.randn(20, 2) + 5)
    average.update()
    live = network[0].running_mean.clone()
    average.swap()
    torch.testing.assert_close(network[0].running_mean, live * 0.9)
    assert network[0].num_batches_tracked == 1


def test_two_swaps_change_nothing():
    network = nn.Linear(3, 2)
    average = MovingAverage(network, 0.9)
    network.weight.data.add_(1)
    before = network.weight.clone()
    average.swap()
    assert not torch.equal(network.weight, before)
    average.swap()
    assert torch.equal(network.weight, before)
