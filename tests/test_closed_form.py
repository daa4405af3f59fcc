"""The closed form against the built module and three independent counters, on random candidates."""

import random

import pytest
import torchinfo
from shipped_models import FAMILIES
from torch import nn

from nas_asc.complexity import count
from nas_asc.fvcore import reference_count
from nas_asc.library import load_space, shipped
from nas_asc.network import build

SPACES = tuple(shipped("search_spaces"))
CLIPS_S = (0.3701, 1.0, 2.01, 5.0)
WIDTHS = {"float32": 4, "float16": 2, "int8": 1}


def left(channels, fraction, iterations):
    for _ in range(iterations):
        channels = max(1, channels - round(channels * fraction))
    return channels


def bytes_of(network, precision, compression):
    """Price a module's tensors as a compact file holds them."""
    sparsity, pruning = compression.get("sparsity", 0.0), compression["pruning"]
    classifier = network.get_submodule("head.classifier")
    width = WIDTHS[precision]
    beside = 2 if precision == "int8" else width
    total = 0
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            values = module.weight.numel()
            dense = values * width
            if module is classifier and not compression.get("prune_classifier", True):
                total += dense
            elif pruning == "channels":
                channels = len(module.weight)
                kept = left(channels, sparsity, compression["iterations"]) * values // channels
                total += min(dense, (channels + 7) // 8 + kept * width)
            elif pruning == "magnitude":
                kept = max(1, round(values * (1 - sparsity)))
                total += min(dense, (values + 7) // 8 + kept * width)
            else:
                total += dense
            total += 2 * len(module.weight) if precision == "int8" else 0
            total += beside * module.bias.numel() if module.bias is not None else 0
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            total += beside * 2 * module.num_features
    return total


def check(space_name, seed):
    rng = random.Random(seed)
    architecture = load_space(space_name).random(rng)
    n_classes, clip_s = rng.choice((2, 3, 10)), CLIPS_S[seed % len(CLIPS_S)]
    closed = count(architecture, n_classes, clip_s)
    network = build(architecture, n_classes, clip_s)
    fvcore = reference_count(network)
    info = torchinfo.summary(network, input_data=network.example_inputs(), verbose=0)
    measured = {
        "params": sum(p.numel() for p in network.parameters()),
        "macs": fvcore.macs,
        "macs_fvcore_total": fvcore.total,
        "macs_torchinfo": info.total_mult_adds,
        "size_bytes": bytes_of(network, closed.precision, architecture.sections["compression"]),
        "input_shapes": tuple(tuple(x.shape[1:]) for x in network.example_inputs()),
    }
    assert {name: getattr(closed, name) for name in measured} == measured, architecture
    assert info.total_params == measured["params"]


def some(space_name):
    """Give the seeds of the default run: 50 for the first of the spaces, 20 for the others."""
    return range(50 if space_name == "mbconv" else 20)


@pytest.mark.parametrize(
    ("space_name", "seed"), [(name, seed) for name in SPACES for seed in some(name)]
)
def test_the_closed_form_is_exact(space_name, seed):
    check(space_name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1500, 50))
@pytest.mark.parametrize("space_name", SPACES)
def test_the_closed_form_is_exact_on_500_candidates(space_name, first):
    for seed in range(first, first + 50):
        check(space_name, seed)


@pytest.mark.parametrize("space_name", [*FAMILIES, "asc"])
def test_the_candidates_vary(space_name):
    """So that the agreement above means something: odd and even shapes, precisions, sparsity."""
    counted = [
        count(load_space(space_name).random(random.Random(seed)), 10, CLIPS_S[seed % len(CLIPS_S)])
        for seed in range(50)
    ]
    assert {c.input_shapes[0][-1] % 2 for c in counted} == {0, 1}
    assert {c.precision for c in counted} == set(WIDTHS)
    assert len({c.sparsity for c in counted}) > 1
    assert len({c.size_bytes for c in counted}) > 40
