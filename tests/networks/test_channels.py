"""Channel pruning on its way through training, the compact file and back."""

from dataclasses import replace

import pytest
import torch

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import NOT_PRUNED, MagnitudePruning, pruning_of
from nas_asc.networks.compression import restore, store
from nas_asc.networks.compression.channels import channel_masks
from nas_asc.networks.compression.magnitude import Kernel
from nas_asc.networks.compression.pruners import masks_of, pruner_for
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model


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


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
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
    architecture = point("float32", prune_prune_classifier=False)
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


@pytest.mark.parametrize("pruning", [NOT_PRUNED, MagnitudePruning(0.5)])
def test_other_pruning_leaves_channels_alone(pruning):
    network = built(point())
    masks = masks_of(network, pruning)
    kernels = [m.weight.shape for m in network.modules() if isinstance(m, Kernel)]
    assert [mask.shape for mask in masks.values()] == (kernels if pruning.kind != "none" else [])
    assert (pruner_for(network, pruning) is None) is (pruning.kind == "none")


@pytest.mark.parametrize("kind", ["magnitude", "channels"])
def test_the_classifier_can_be_spared(kind):
    pruning = pruning_of({"pruning": kind, "sparsity": 0.2, "iterations": 5})
    network = built(point())
    assert "head.classifier.weight" in masks_of(network, pruning)
    spared = replace(pruning, prune_classifier=False)
    assert "head.classifier.weight" not in masks_of(network, spared)
