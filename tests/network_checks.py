"""What the tests of candidates share: independent counts of a network, and one pass in training."""

from collections import Counter

import torch
import torchinfo
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from nas_asc.complexity.counting import count
from nas_asc.networks.network import build
from nas_asc.networks.reference_count import reference_count

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "full_int8": 1}


def left(channels, fraction, iterations):
    for _ in range(iterations):
        channels = max(1, channels - round(channels * fraction))
    return channels


def kept_tensors(layers):
    """Count what is new in memory: all but logits, what passes values on, and what is fused."""
    reads = Counter(source for layer in layers for source in {*layer.inputs})
    behind = [layer.inputs[0] for layer in layers if layer.op in ("norm", "act")]
    gone = {len(layers) - 1, *(source for source in behind if reads[source] == 1)}
    gone |= {layer.index for layer in layers if layer.op in ("dropout", "flatten")}
    gone |= {
        layer.index
        for layer in layers
        if layer.op in ("pool", "global_pool") and layer.operator.kind == "max"
    }
    return len(layers) - len(gone)


def bytes_of(network, precision, compression):
    """Price a module's tensors as a compact file holds them."""
    sparsity, pruning = compression.get("sparsity", 0.0), compression["pruning"]
    classifier = network.get_submodule("head.classifier")
    width = WIDTHS[precision]
    beside = max(2, width)
    total = 3 * kept_tensors(network.layers) if precision == "full_int8" else 0
    for module in network.modules():
        if isinstance(module, LAYERS):
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
            total += 2 * len(module.weight) if width == 1 else 0
            total += beside * module.bias.numel() if module.bias is not None else 0
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            total += beside * 2 * module.num_features
    return total


def hold_count(architecture, n_classes, clip_s):
    """Hold the closed form against the module, fvcore, torchinfo and a pricing of its tensors."""
    closed = count(architecture, n_classes, clip_s)
    network = build(architecture, n_classes, clip_s)
    fvcore = reference_count(network)
    info = torchinfo.summary(network, input_data=network.example_inputs(), verbose=0)
    measured = {
        "params": sum(p.numel() for p in network.parameters()),
        "macs": fvcore.macs,
        "macs_fvcore_total": fvcore.total,
        "macs_torchinfo": info.total_mult_adds,
        "weight_layers": sum(isinstance(module, LAYERS) for module in network.modules()),
        "size_bytes": bytes_of(network, closed.precision, architecture.sections["compression"]),
        "input_shapes": tuple(tuple(x.shape[1:]) for x in network.example_inputs()),
    }
    assert {name: getattr(closed, name) for name in measured} == measured, architecture
    assert info.total_params == measured["params"]


def outcome(architecture, execution, dtype=torch.float64, clip_s=0.6):
    """Give logits, gradients and buffers after one pass in training."""
    torch.manual_seed(1)
    network = build(architecture, 10, clip_s).to(dtype)
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.p = 0.0  # what it drops depends on the memory order
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.1)  # a dead map would be at an activation's kink, 0
            module.eps = 0.1  # norms one after the other of a dead map would make rounding large
    inputs = [torch.randn(3, *shape, dtype=dtype) for shape in network.input_shapes]
    with execution.autocast(inputs[0].device):
        logits = execution.forward_of(network)(*inputs)
    logits.square().sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    return logits.detach(), gradients, dict(network.named_buffers())
