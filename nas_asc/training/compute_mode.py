"""How a network's training is computed: memory, order, precision, and by which layers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_asc.architectures import (
    Activation,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Mul,
    build_graph,
    readers,
)
from nas_asc.complexity import Complexity
from nas_asc.networks import (
    MelNorm,
    Network,
    PaddedConv1d,
    StridedPointwiseConv1d,
    StridedPointwiseConv2d,
    WindowPool,
    run_steps,
    steps_of,
)
from nas_asc.training.fast_layers import (
    batch_norm,
    channels_last,
    channels_last_gradient,
    depthwise,
    gated_projection,
    is_depthwise,
    subsample,
)

Forward = Callable[..., Tensor]


@dataclass(frozen=True)
class Execution:
    """A way to compute one and the same training.

    Attributes:
        channels_last: feature maps with the channels innermost, and fast layers; waveforms are maps
            with one mel bin.
        bfloat16: feature maps in bfloat16, by autocast; weights stay float32.
    """

    channels_last: bool = False
    bfloat16: bool = False

    def forward_of(self, network: nn.Module) -> Forward:
        """Return what trains: logits of prepared inputs; may reorder the weights in place."""
        if not self.channels_last:
            return network.run_layers if isinstance(network, Network) else network
        if isinstance(network, Network) and len(network.input_shapes[0]) < 3:
            of_map = _with_fast_layers(network)
            return lambda x: of_map(channels_last(x.unsqueeze(2)))
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # no stub
        forward = _with_fast_layers(network) if isinstance(network, Network) else network
        return lambda x, *others: forward(channels_last(x), *others)

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        """Return the context in which a forward pass runs."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)


PLAIN = Execution()
BFLOAT16_FROM_MACS = 8_000_000  # below, the gain is lost to casts
_LONGEST = 14  # frames of a depthwise kernel that oneDNN has code for in bfloat16


def execution_for(complexity: Complexity) -> Execution:
    """Choose the faster way to train a network: by its closed-form numbers and the processor.

    Nothing is timed, so that on one machine the same seed gives the same result on every run. The
    rule was drawn from a grid of candidates; see docs/decisions/0012.
    """
    worth_it = complexity.macs >= BFLOAT16_FROM_MACS and computes_in_bfloat16()
    return Execution(channels_last=True, bfloat16=worth_it and _ends_in_bfloat16(complexity))


def _ends_in_bfloat16(complexity: Complexity) -> bool:
    """Return whether oneDNN ends: with such a depthwise kernel it never does (PyTorch 2.13)."""
    graph = build_graph(complexity.architecture, complexity.n_classes, complexity.clip_s)
    convolutions = [each.operator for each in graph.layers if isinstance(each.operator, Conv)]
    return all(conv.groups == 1 or conv.kernel[-1] <= _LONGEST for conv in convolutions)


def computes_in_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 values itself; else float32 is faster."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _with_fast_layers(network: Network) -> Forward:
    """Return a network's forward pass in training, by fast layers where there are such."""
    layers = network.layers
    operations = {index: operation for index, operation, *_ in network.steps}
    steps = {
        index: (fast_operation(operation, layers[index].operator), layers[index].inputs)
        for index, operation in operations.items()
    }
    for chain in _gated_chains(layers):
        for index in chain[:-1]:
            del steps[index]
        gated = _gated([operations[index] for index in chain])
        steps[chain[-1]] = (gated, layers[chain[0]].inputs)
    planned = steps_of((index, *step) for index, step in steps.items())
    return lambda *inputs: run_steps(planned, inputs)


def fast_operation(operation: Forward, operator: object = None) -> Forward:
    """Return what does on maps in channels-last order what an operation, of an operator, does.

    Waveforms are maps with one mel bin, (batch, channels, 1, samples): PyTorch has no channels-last
    order for one axis, and its 1-D convolutions take twice as long. Parameters and statistics stay
    those of the operation's module.
    """
    match operation:
        case MelNorm():
            return lambda x: channels_last(operation(x))
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return partial(batch_norm, operation)
        case nn.Conv1d():
            return partial(_convolve, operation)
        case StridedPointwiseConv2d(weight=weight, bias=bias, groups=groups):
            return lambda x: F.conv2d(subsample(x, operation.stride), weight, bias, groups=groups)
        case nn.Conv2d() if is_depthwise(operation):
            return lambda x: depthwise(x, operation.weight, operation.stride)
        case WindowPool() if len(operation.kernel) == 1:
            return operation.as_2d()
        case nn.Dropout1d():
            return lambda x: F.dropout2d(x, operation.p, operation.training)
    if isinstance(operator, GlobalPool | Flatten):
        return lambda x: operation(channels_last_gradient(x))
    return operation


def _convolve(conv: nn.Conv1d, x: Tensor) -> Tensor:
    weight, stride = conv.weight.unsqueeze(2), (1, *conv.stride)
    if isinstance(conv, StridedPointwiseConv1d):
        return F.conv2d(subsample(x, stride), weight, conv.bias, groups=conv.groups)
    if isinstance(conv, PaddedConv1d):
        return F.conv2d(F.pad(x, conv.margins), weight, conv.bias, stride, groups=conv.groups)
    if is_depthwise(conv):
        return depthwise(x, weight, stride)
    padding = (0, int(conv.padding[0]))
    return F.conv2d(x, weight, conv.bias, stride, padding, groups=conv.groups)


def _gated_chains(layers: list[Layer]) -> list[list[int]]:
    """Find squeeze-and-excitation that is followed by a 1x1 convolution, and by nothing else."""
    read_by = readers(layers)
    chains = []
    for layer in layers:
        chain = [layer]
        while len(chain) < 7 and len(read_by[chain[-1].index]) == 1:
            chain.append(layers[read_by[chain[-1].index][0]])
        match [link.operator for link in chain]:
            case [
                GlobalPool("avg", True),
                Conv(),
                Activation(),
                Conv(),
                Activation(),
                Mul(),
                Conv(kernel=(1, 1), stride=(1, 1), groups=1),
            ] if layer.inputs[0] == chain[5].inputs[0] and not chain[6].biases:
                chains.append([link.index for link in chain])
    return chains


def _gated(chain: Sequence[Any]) -> Forward:
    _, reduce, act, expand, squash, _, project = chain

    def gate(mean: Tensor) -> Any:
        hidden = act(F.linear(mean, reduce.weight.flatten(1), reduce.bias))
        return squash(F.linear(hidden, expand.weight.flatten(1), expand.bias))

    parameters = (*reduce.parameters(), *expand.parameters())
    return lambda x: gated_projection(x, project.weight, gate, parameters)
