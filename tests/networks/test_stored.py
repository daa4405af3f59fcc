"""Pruning, on its way through training, and the stored form of networks: there and back."""

import random
from dataclasses import replace
from math import ceil

import numpy as np
import pytest
import torch
from torch import nn

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import NOT_PRUNED, MagnitudePruning, pruning_of
from nas_asc.errors import ExportError
from nas_asc.networks.network import build
from nas_asc.networks.pruning import (
    MagnitudePruner,
    channel_masks,
    largest,
    masks_of,
    pruner_for,
)
from nas_asc.networks.rounding import (
    from_int8,
    to_float,
    to_float32,
    to_int8,
    to_short_pair,
)
from nas_asc.networks.stored import restore, store
from nas_asc.reports.lookup import report_model
from nas_asc.spaces.space_file import load_space


def candidates(number):
    space, generator = load_space("mbconv"), random.Random(7)
    drawn = (space.random(generator) for _ in range(10 * number))
    return [a for a in drawn if count(a, 10, 0.5).params < 60_000][:number]


def trained(architecture):
    """Build a network whose every value, batch norm statistics too, is its own."""
    torch.manual_seed(3)
    network = build(architecture, 10, 0.5)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5) if "var" in name else value.normal_(std=0.5)
    return network.eval()


def test_the_stored_bytes_are_the_closed_form():
    for architecture in candidates(30):
        c = count(architecture, 10, 0.5, "plain")
        arrays = store(trained(architecture), precision=c.precision, pruning=c.pruning)
        stored = sum(array.nbytes for array in arrays.values())
        assert stored == c.size_bytes, architecture.choices


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16", "int8"])
@pytest.mark.parametrize("pruning", [NOT_PRUNED, MagnitudePruning(0.7)], ids=["dense", "sparse"])
@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_what_is_restored_is_stored_again_as_it_was(precision, pruning, size):
    network = trained(candidates(1)[0])
    network.head.classifier.weight.data *= size
    x = torch.randn(4, *network.input_shapes[0])
    before = network(x)
    arrays = store(network, precision=precision, pruning=pruning)
    restore(network, arrays)
    if precision == "float32" and pruning is NOT_PRUNED:
        torch.testing.assert_close(network(x), before, rtol=1e-3, atol=1e-3)
    again = store(network, precision=precision, pruning=pruning)
    assert list(again) == list(arrays)
    assert all(np.array_equal(again[name], array) for name, array in arrays.items())


def test_a_sparse_weight_is_a_bit_a_value_and_the_values_kept():
    layer = nn.Sequential(nn.Linear(10, 5))
    arrays = store(layer, precision="float16", pruning=MagnitudePruning(0.8))
    assert {name: array.nbytes for name, array in arrays.items()} == {
        "0.weight.mask": ceil(50 / 8),
        "0.weight.kept": 10 * 2,
        "0.bias": 5 * 2,
    }
    arrays = store(layer, precision="int8", pruning=MagnitudePruning(0.1))  # larger as a mask
    assert arrays["0.weight"].nbytes == 50
    assert (arrays["0.weight"] == 0).sum() >= 5
    assert arrays["0.weight.scale"].nbytes == 5 * 2


def test_the_largest_magnitudes_are_kept():
    weight = torch.tensor([[0.1, -3.0, 0.2], [2.0, -0.3, 0.4]])
    assert largest(weight, 0.5).tolist() == [[False, True, False], [True, False, True]]
    assert largest(weight, 0.99).sum() == 1
    assert largest(torch.ones(2, 2), 0.5).tolist() == [[True, True], [False, False]]


def test_batch_norm_is_stored_as_scale_and_shift():
    norm = nn.BatchNorm2d(1)
    norm.weight.data.fill_(3.0)
    norm.bias.data.fill_(1.0)
    norm.running_mean.fill_(2.0)
    norm.running_var.fill_(4.0 - norm.eps)
    arrays = store(nn.Sequential(norm), precision="float32")
    assert arrays["0.scale"] == pytest.approx([1.5])
    assert arrays["0.shift"] == pytest.approx([-2.0])


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_the_norm_of_a_constant_mel_bin_gives_in_float16_what_it_gave(precision):
    """The scale is 107, the shift near 1,975, of which float16 has whole numbers only."""
    norm = nn.BatchNorm2d(64).eval()
    floor = torch.tensor(1e-8).log().half().float()
    norm.bias.data.copy_(torch.linspace(-1, 1, 64))
    norm.running_mean.copy_(torch.linspace(0.999, 1.001, 64) * floor)
    norm.running_var.fill_(107.0**-2 - norm.eps)
    clips = floor.expand(1, 64, 3, 3)
    before = norm(clips)
    restore(nn.Sequential(norm), store(nn.Sequential(norm), precision=precision))
    assert (norm(clips) - before).abs().max() < 0.04


def test_a_pair_in_float16_is_never_farther_off_than_one_rounded_by_one():
    rng = np.random.default_rng(0)
    scale, shift, mean = (rng.normal(size=5000) * 10 ** rng.uniform(-3, 3, 5000) for _ in range(3))
    variance = 10 ** rng.uniform(-8, 4, 5000)

    def error(scales, shifts):
        off = scales.astype(float) - scale
        return off**2 * variance + (off * mean + shifts.astype(float) - shift) ** 2

    pair = error(*to_short_pair(scale, shift, mean, variance))
    single = error(to_float(scale, "float16"), to_float(shift, "float16"))
    assert (pair <= single).all()
    assert (pair < single / 10).mean() > 0.3


def test_a_pruned_channel_and_the_ends_of_float16_stay_in_a_pair():
    scale = np.array([0.0, 1e9, 65504.0, -65504.0])
    scales, shifts = to_short_pair(scale, np.full(4, 0.3), np.full(4, 7.1), np.ones(4))
    assert scales.tolist() == [0, 65504, 65504, -65504]
    assert shifts[0] == np.float16(0.3)
    assert np.isfinite(shifts).all()


@pytest.mark.parametrize("deviation", [1e6, 1.0, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
def test_int8_is_as_near_as_exact_scales_whatever_the_size_of_a_kernel(deviation):
    weight = np.random.default_rng(0).normal(0, deviation, (64, 16, 3, 3)).astype(np.float32)
    step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / 127.0
    ideal = np.square(np.rint(weight / step) * step - weight).mean()
    error = np.square(from_int8(*to_int8(weight)) - weight).mean()
    assert error < 1.02 * ideal


def test_int8_is_off_by_half_a_step_at_most():
    weight = np.random.default_rng(0).normal(size=(6, 4, 3, 3)).astype(np.float32)
    integers, scale = to_int8(weight)
    assert np.abs(integers).max() == 127
    error = np.abs(from_int8(integers, scale) - weight).reshape(6, -1).max(axis=1)
    assert (error <= 0.51 * scale.astype(np.float32) + 127 * 2**-11 * scale).all()


def test_the_ends_of_a_precision():
    integers, scale = to_int8(np.zeros((2, 3), dtype=np.float32))
    assert (from_int8(integers, scale) == 0).all()
    assert to_float(np.array([1e6, -1e6], dtype=np.float32), "float16").tolist() == [65504, -65504]


def test_what_cannot_be_stored_is_named():
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = np.nan
    with pytest.raises(ExportError, match=r"0\.weight: expected numbers, found NaN"):
        store(nn.Sequential(layer), precision="int8")
    with pytest.raises(ExportError, match="got PReLU"):
        store(nn.Sequential(nn.PReLU()), precision="int8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("0.bias"), r"0\.bias: expected this array"),
        (lambda arrays: arrays.update(other=arrays["0.bias"]), "other: expected no such array"),
        (lambda arrays: arrays.update({"0.bias": np.zeros(3)}), r"shape \(2,\), found \(3,\)"),
    ],
)
def test_arrays_of_another_model_are_refused(change, message):
    layer = nn.Sequential(nn.Linear(2, 2))
    arrays = store(layer, precision="float32")
    change(arrays)
    with pytest.raises(ExportError, match=message):
        restore(layer, arrays)


def test_pruning_in_training_leaves_what_is_counted_and_spares_biases_and_norms():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, 4))
    nn.init.zeros_(network[1].bias)
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    pruner = MagnitudePruner(network, MagnitudePruning(0.75))
    zeros = []
    for step in range(1, 21):
        optimizer.zero_grad()
        network(torch.randn(6, 2, 4, 4)).square().mean().backward()
        optimizer.step()
        pruner.after_step(step, 20)
        zeros.append((network[0].weight == 0).sum().item())
    assert zeros == sorted(zeros)
    assert zeros[3] == 0
    assert zeros[13:] == [144 - 36] * 7
    assert (network[3].weight != 0).sum() == 32
    assert all((p != 0).all() for p in (network[0].bias, network[1].weight, network[3].bias))


def test_a_training_of_one_step_is_pruned_too():
    network = nn.Sequential(nn.Linear(10, 10))
    MagnitudePruner(network, MagnitudePruning(0.5)).after_step(1, 1)
    assert (network[0].weight != 0).sum() == 50


def point(precision="float16", **compression):
    architecture = report_model("imt-c").architecture
    given = {**architecture.sections["compression"], "precision": precision, **compression}
    sections = {**architecture.sections, "compression": given}
    return Architecture("wave_resnet", sections, architecture.chosen)


def built(architecture):
    torch.manual_seed(0)
    network = build(architecture, 10, 0.2).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter += 0.1 * torch.randn_like(parameter) if "norm" in name else 0.0
    return network


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16", "int8"])
@pytest.mark.parametrize("prune_classifier", [False, True])
def test_the_compact_file_has_the_bytes_that_are_counted(precision, prune_classifier):
    architecture = point(precision, prune_classifier=prune_classifier)
    complexity = count(architecture, 10, 0.2)
    arrays = store(built(architecture), precision=precision, pruning=complexity.pruning)
    assert sum(array.nbytes for array in arrays.values()) == complexity.size_bytes
    assert ("head.classifier.weight.channels" in arrays) is prune_classifier
    assert arrays["stem.conv.weight.channels"].nbytes == 32 // 8
    assert arrays["stem.conv.weight.kept"].size == 11 * 2 * 64


def test_what_comes_back_is_the_pruned_network():
    architecture = point("float32")
    network, pruning = built(architecture), count(architecture, 10, 0.2).pruning
    masks = channel_masks(network, pruning)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in masks:
                parameter[~masks[name]] = 0.0
    x = torch.randn(2, *network.input_shapes[0])
    other = build(architecture, 10, 0.2).eval()
    restore(other, store(built(architecture), precision="float32", pruning=pruning))
    torch.testing.assert_close(other(x), network(x))


def test_a_network_that_was_pruned_in_training_is_stored_as_it_is():
    architecture = point("float32")
    network, pruning = built(architecture), count(architecture, 10, 0.2).pruning
    pruner = pruner_for(network, pruning)
    for step in range(1, 11):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        pruner.after_step(step, 10)
    before = {name: p.clone() for name, p in network.named_parameters()}
    for name, mask in masks_of(network, pruning).items():
        shape = (-1, *[1] * (before[name].dim() - 1))
        assert torch.equal(before[name] * mask.reshape(shape), before[name]), name
        assert torch.equal(mask, before[name].reshape(len(mask), -1).abs().sum(1) > 0), name


def test_the_share_of_zeros_is_what_is_left_out():
    """Of the 398,400 - 1,728 weights of imt-c 130,656 stay."""
    complexity = count(report_model("imt-c").architecture, 3, 10.0)
    assert complexity.sparsity == pytest.approx(1 - 130_656 / 396_672)


@pytest.mark.parametrize("kind", ["magnitude", "channels"])
def test_the_classifier_or_all_can_be_spared(kind):
    pruning = pruning_of({"pruning": kind, "sparsity": 0.2, "iterations": 5})
    network = built(point())
    assert masks_of(network, NOT_PRUNED) == {}
    assert pruner_for(network, NOT_PRUNED) is None
    assert "head.classifier.weight" in masks_of(network, pruning)
    spared = replace(pruning, prune_classifier=False)
    assert "head.classifier.weight" not in masks_of(network, spared)


def test_bfloat16_has_eight_digits_and_the_range_of_float32():
    """1 + 2^-8 is halfway to the next value, 1 + 2^-7, and becomes the even one, 1."""
    values = np.array([1 + 2**-8, 1 + 2**-7, 3e38, 3.4e38, -1e-38, 0.0])
    found = to_float32(to_float(values, "bfloat16"))
    expected = torch.tensor([1, 1 + 2**-7, 3e38, 3.3895313892515355e38, -1e-38, 0])
    assert np.array_equal(found, expected.bfloat16().float().numpy())
    rng = np.random.default_rng(0)
    scale, shift, mean = (rng.normal(size=500) * 10 ** rng.uniform(-3, 3, 500) for _ in range(3))

    def error(scales, shifts):
        off = to_float32(scales).astype(float) - scale
        return off**2 + (off * mean + to_float32(shifts).astype(float) - shift) ** 2

    pair = error(*to_short_pair(scale, shift, mean, np.ones(500), "bfloat16"))
    single = error(*(to_float(each, "bfloat16") for each in (scale, shift)))
    assert (pair <= single).all()
    assert (pair < single / 10).mean() > 0.2
