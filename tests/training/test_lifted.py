"""Layers of waveforms on maps with one mel bin, against the layers that they stand for."""

import random

import pytest
import torch
from network_checks import outcome
from torch import nn

from nas_asc.complexity.counting import count
from nas_asc.spaces.space_file import load_space
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.fast_layers.conv1d_as_2d import conv1d_as_2d, waveform_as_map

pytestmark = pytest.mark.usefixtures("one_thread")

MAPS, WAVEFORMS = Execution(channels_last=True, bfloat16=True), Execution(bfloat16=True)


def waveforms(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


def errors(found, exact):
    """Return how far logits and gradients are from the exact ones, as a share of these."""
    pairs = (
        (found[0], exact[0]),
        (torch.cat([g.flatten() for g in each[1].values()]) for each in (found, exact)),
    )
    return [float((one - right).norm() / right.norm()) for one, right in pairs]


def candidate(space_name):
    """Give a small network of a space of waveforms."""
    space, generator = load_space(space_name), random.Random(4)
    drawn = (space.random(generator) for _ in range(100))
    return next(a for a in drawn if count(a, 10, 0.6).macs < 4_000_000)


@pytest.mark.parametrize("space", ["wave_vgg", "wave_resnet"])
def test_maps_in_bfloat16_are_as_close_to_float32_as_waveforms_in_bfloat16(space):
    """How close that is depends on the depth: every layer rounds to eight bits."""
    architecture = candidate(space)
    exact, maps, waveforms = (
        outcome(architecture, execution, torch.float32) for execution in (PLAIN, MAPS, WAVEFORMS)
    )
    of_maps, of_waveforms = errors(maps, exact), errors(waveforms, exact)
    assert of_maps[0] < 2 * of_waveforms[0] < 0.2
    assert of_maps[1] < 2 * of_waveforms[1] < 0.6


def test_a_waveform_becomes_a_map_in_channels_last_order():
    x = waveforms(2, 3, 8)
    assert waveform_as_map(x).shape == (2, 3, 1, 8)
    assert waveform_as_map(x).stride() == (24, 1, 24, 3)
    assert waveform_as_map(x).squeeze(2).equal(x)


def test_spatial_dropout_drops_whole_channels_and_scales_the_others():
    dropout = nn.Dropout1d(0.5)
    x = waveform_as_map(torch.ones(40, 8, 1, 16).squeeze(2))
    torch.manual_seed(0)
    per_channel = conv1d_as_2d(dropout)(x).flatten(2)
    assert per_channel.amin(2).equal(per_channel.amax(2))
    assert set(per_channel.unique().tolist()) == {0.0, 2.0}
    assert per_channel[0].amax(1).unique().numel() == 2  # clips lose some channels, not all


def test_plain_dropout_drops_single_values():
    torch.manual_seed(0)
    dropped = conv1d_as_2d(nn.Dropout(0.5))(waveform_as_map(torch.ones(4, 8, 64)))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert (dropped.flatten(2).amin(2) < dropped.flatten(2).amax(2)).all()


def test_alpha_dropout_keeps_mean_and_variance_and_drops_single_values():
    """Klambauer et al. 2017 (1706.02515): values dropped to -1.7581, then an affine map."""
    q, saturation = 0.8, -1.7580993408473766
    a = (q + saturation**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * saturation
    x = waveforms(8, 16, 512)
    torch.manual_seed(0)
    dropped = conv1d_as_2d(nn.AlphaDropout(1 - q))(waveform_as_map(x)).squeeze(2)
    kept = (dropped - (a * x + b)).abs() < 1e-5
    assert dropped[~kept].sub(a * saturation + b).abs().max() < 1e-5
    assert kept.float().mean().item() == pytest.approx(q, abs=0.01)
    assert dropped.mean().item() == pytest.approx(0, abs=0.02)
    assert dropped.var().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout1d, nn.AlphaDropout])
def test_a_dropout_follows_the_mode_that_its_module_is_put_in_later(kind):
    dropout = kind(0.5)
    on_map, x = conv1d_as_2d(dropout), waveform_as_map(waveforms(2, 8, 16))
    dropout.eval()
    assert on_map(x).equal(x)
    dropout.train()
    assert not on_map(x).equal(x)
