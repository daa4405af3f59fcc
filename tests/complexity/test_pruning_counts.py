"""What pruning leaves: the closed form against the reports, and against pruning itself.

The networks are built and pruned as the reports did it: NTU with the smallest magnitudes of each
kernel (tensorflow-model-optimization's rule), IMT with torch.nn.utils.prune, layer by layer and
iteration by iteration.
"""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import (
    ChannelPruning,
    channels_left,
    for_classifier,
    pruning_of,
    sparse_bytes,
    values_left,
)
from nas_asc.networks.network import build
from nas_asc.networks.pruning import ChannelPruner, Kernel, channel_masks, largest, top_channels
from nas_asc.reports.lookup import report_model

NORMS = nn.BatchNorm1d | nn.BatchNorm2d


def built(model_id):
    torch.manual_seed(0)
    model = report_model(model_id)
    network = build(model.architecture, model.classes, model.clip_s)
    for module in network.modules():
        if isinstance(module, NORMS):  # scales start at one, all alike
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network, pruning_of(model.architecture.sections["compression"])


@pytest.mark.parametrize(
    ("channels", "fraction", "left"),
    [
        (16, 0.1, [14]),
        (64, 0.1, [58]),
        (3, 0.1, [3]),
        (32, 0.2, [26, 21, 17, 14, 11]),
        (128, 0.2, [102, 82, 66, 53, 42]),
        (3, 0.2, [2, 2, 2, 2, 2]),
        # Halves are rounded to even: a tenth of 5, 15 and 25 are 0.5, 1.5 and 2.5; 0, 2 and 2 go.
        (5, 0.1, [5]),
        (15, 0.1, [13]),
        (25, 0.1, [23]),
        (1, 0.9, [1, 1, 1, 1, 1]),
    ],
)
def test_the_survivors_are_those_of_the_imt_report(channels, fraction, left):
    found = [channels_left(channels, fraction, i) for i in range(1, len(left) + 1)]
    assert found == left


@pytest.mark.parametrize(
    ("values", "sparsity", "kept"),
    [(108, 0.8, 22), (1296, 0.8, 259), (48_720, 0.8, 9_744), (36, 0.05, 34), (3, 0.99, 1)],
)
def test_the_kept_values_are_those_of_the_ntu_report(values, sparsity, kept):
    assert values_left(values, sparsity) == kept


def test_a_kernel_that_is_smaller_without_a_mask_is_stored_whole():
    """Of 16 channels of 4 values at float16 one goes: 2 + 120 bytes against 128."""
    pruning = ChannelPruning(0.1, iterations=1)
    assert pruning.stored_bytes([(16 * 4, 16)], 2) == 2 + 14 * 4 * 2
    assert pruning.stored_bytes([(4 * 4, 4)], 2) == 4 * 4 * 2
    assert sparse_bytes(100, 2, 0.5) == 13 + 100
    assert sparse_bytes(100, 2, 0.05) == 200


@pytest.mark.parametrize(("kind", "kept"), [("channels", 256), ("magnitude", 307)])
def test_the_classifier_can_be_spared(kind, kept):
    """Of three rows two stay; four fifths of 384 values are 307.2."""
    section = {"pruning": kind, "sparsity": 0.2, "iterations": 5}
    pruned, spared = pruning_of(section), pruning_of({**section, "prune_classifier": False})
    kernel = [(128 * 3, 3)]
    assert for_classifier(pruned).kept(kernel) == kept
    assert for_classifier(spared).kept(kernel) == 384
    assert for_classifier(spared).stored_bytes(kernel, 2) == 768
    assert spared.kept(kernel) == kept
    # Of 12 scales 10, 8, 6, 5 and 4 are left; magnitude pruning leaves scales alone.
    assert spared.kept_scales(12) == (12 if kind == "magnitude" else 4)


@pytest.mark.parametrize(
    ("model_id", "kernels", "nonzero"),
    [("ntu-vggnet", 15_932, 17_115), ("ntu-inceptionnet", 33_344, 34_183)],
)
def test_pruning_as_ntu_did_leaves_the_closed_form(model_id, kernels, nonzero):
    """Biases (all of them, whatever their values) and four values per batch norm channel stay."""
    network, pruning = built(model_id)
    biases = norms = kept = 0
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Kernel):
                module.weight *= largest(module.weight, pruning.sparsity)
                kept += int(module.weight.count_nonzero())
                biases += 0 if module.bias is None else module.bias.numel()
            elif isinstance(module, NORMS):
                norms += 4 * module.num_features
    complexity = count(report_model(model_id).architecture, 3, 10.0, "ntu")
    assert kept == kernels == complexity.kept_weights
    assert kept + biases + norms == nonzero == complexity.nonzero_params


def prune_as_imt(network, fraction, iterations):
    """Prune with torch's own tools, as the report's code does; a little training in between."""
    with torch.no_grad():
        for _ in range(iterations):
            for module in network.modules():
                if isinstance(module, Kernel):
                    prune.ln_structured(module, "weight", amount=fraction, n=1, dim=0)
                elif isinstance(module, NORMS):
                    prune.l1_unstructured(module, "weight", amount=fraction)
            for module in network.modules():
                if isinstance(module, Kernel | NORMS):
                    module.weight_orig += 0.01 * torch.randn_like(module.weight_orig)
                    module.weight = module.weight_orig * module.weight_mask


@pytest.mark.parametrize(
    ("model_id", "nonzero", "with_all_norms", "without_norms"),
    [
        ("imt-a", 12_160, 12_275, 12_160),
        ("imt-c", 130_730, 131_227, 130_656),
        ("imt-d", 238_896, 239_781, 238_752),
    ],
)
def test_pruning_as_imt_did_leaves_the_closed_form(
    model_id, nonzero, with_all_norms, without_norms
):
    network, pruning = built(model_id)
    prune_as_imt(network, pruning.sparsity, pruning.iterations)
    kernels = norms = shortcuts = 0
    for name, module in network.named_modules():
        if isinstance(module, Kernel):
            kernels += int(module.weight.count_nonzero())
        elif isinstance(module, NORMS):
            left = int(module.weight.count_nonzero())
            norms += left
            shortcuts += left if "shortcut" in name else 0
    complexity = count(report_model(model_id).architecture, 3, 10.0, "imt")
    assert kernels == without_norms == complexity.kept_weights
    assert kernels + norms == with_all_norms
    assert kernels + shortcuts == nonzero == complexity.nonzero_params


@pytest.mark.parametrize("model_id", ["imt-a", "imt-c", "imt-d"])
def test_our_pruning_takes_what_torchs_own_takes(model_id):
    ours, pruning = built(model_id)
    theirs, _ = built(model_id)
    torch.manual_seed(1)
    prune_as_imt(theirs, pruning.sparsity, 1)
    ChannelPruner(ours, pruning).iterate()
    for (name, a), b in zip(ours.named_modules(), theirs.modules(), strict=True):
        if isinstance(a, Kernel | NORMS):
            assert torch.equal(a.weight != 0, b.weight_mask != 0), name


@pytest.mark.parametrize("model_id", ["imt-a", "imt-c", "imt-d"])
def test_pruning_at_once_leaves_the_closed_form(model_id):
    network, pruning = built(model_id)
    weights, masks = dict(network.named_parameters()), channel_masks(network, pruning)
    kept = sum(
        int(mask.sum()) * weights[name][0].numel()
        for name, mask in masks.items()
        if weights[name].dim() > 1
    )
    if "head.classifier.weight" not in masks:
        kept += weights["head.classifier.weight"].numel()
    assert kept == count(report_model(model_id).architecture, 3, 10.0, "imt").kept_weights


def test_iterations_are_spread_over_a_training():
    network, pruning = built("imt-c")
    pruner = ChannelPruner(network, pruning)
    done = []
    for step in range(1, 101):
        pruner.after_step(step, 100)
        done.append(pruner.iterations_done)
    assert done[19] == 0
    assert done[20] == 1
    assert done[69:] == [5] * 31
    assert sorted(done) == done


def test_what_is_pruned_is_held_at_zero_while_training_goes_on():
    network, pruning = built("imt-a")
    pruner = ChannelPruner(network, pruning)
    pruner.after_step(5, 10)
    alive = network.get_submodule("stem.conv").weight.abs().sum((1, 2)) > 0
    with torch.no_grad():
        network.get_submodule("stem.conv").weight += 1.0
    pruner.after_step(6, 10)
    assert torch.equal(network.get_submodule("stem.conv").weight.abs().sum((1, 2)) > 0, alive)
    assert alive.sum() == 14


def test_the_first_of_equal_channels_stays():
    assert top_channels(torch.ones(4, 2), 2).tolist() == [True, True, False, False]
