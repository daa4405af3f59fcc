"""How a network's training is computed: memory, order, precision, and by which layers."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

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
    Operator,
    build_graph,
    readers,
)
from nas_asc.complexity import Complexity
from nas_asc.networks import MelNorm, Network, StridedPointwiseConv2d, run_steps, steps_of
from nas_asc.training.fast_layers import (
    batch_norm,
    channels_last,
    channels_last_gradient,
    depthwise,
    gated_projection,
    is_depthwise,
    subsample,
)
from nas_asc.training.fast_layers.conv1d_as_2d import conv1d_as_2d, waveform_as_map

Forward = Callable[..., Tensor]


@dataclass(frozen=True)
class Execution:
    """A way to compute one and the same training.

    Attributes:
        channels_last: Feature maps with the channels innermost, and the layers of
            nas_asc/fast_layers; waveforms are maps with one mel bin.
        bfloat16: Feature maps in bfloat16, by autocast; weights stay float32.
    """

    channels_last: bool = False
    bfloat16: bool = False

    def forward_of(self, network: nn.Module) -> Forward:
        """Return what computes a network's logits in training; may reorder its weights in place.

        Its inputs are prepared (`Network.prepare`).
        """
        if not self.channels_last:
            return network.run_layers if isinstance(network, Network) else network
        if isinstance(network, Network) and len(network.input_shapes[0]) < 3:
            of_map = _with_fast_layers(network, conv1d_as_2d)
            return lambda x: of_map(waveform_as_map(x))
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


def _same(operation: Forward) -> Forward:
    return operation


def _with_fast_layers(network: Network, adapt: Callable[[Forward], Forward] = _same) -> Forward:
    """Return a network's forward pass in training, by fast layers where there are such.

    Args:
        network: whose layers.
        adapt: what becomes of an operation first.
    """
    layers = network.layers
    operations = {index: adapt(operation) for index, operation in network.operations.items()}
    steps = {i: (_fast(layers[i], operations[i]), layers[i].inputs) for i in operations}
    for chain in _gated_chains(layers):
        _, reduce, act, expand, squash, _, project = [operations[index] for index in chain]
        for index in chain[:-1]:
            del steps[index]
        gated = _gated(reduce, act, expand, squash, project)
        steps[chain[-1]] = (gated, layers[chain[0]].inputs)
    planned = steps_of((index, *step) for index, step in steps.items())
    return lambda *inputs: run_steps(planned, inputs)


def _fast(layer: Layer, operation: Forward) -> Forward:
    """Return the fast layer that stands for an operation, or the operation."""
    if isinstance(operation, MelNorm):
        return lambda x: channels_last(operation(x))
    if isinstance(operation, nn.BatchNorm2d):
        return lambda x: batch_norm(operation, x)
    if isinstance(operation, StridedPointwiseConv2d):
        weight, bias, groups = operation.weight, operation.bias, operation.groups
        return lambda x: F.conv2d(subsample(x, operation.stride), weight, bias, groups=groups)
    if isinstance(operation, nn.Conv2d) and is_depthwise(operation):
        return lambda x: depthwise(x, operation.weight, operation.stride)
    if isinstance(layer.operator, GlobalPool | Flatten):
        return lambda x: operation(channels_last_gradient(x))
    return operation


_GATED_CHAIN = (GlobalPool, Conv, Activation, Conv, Activation, Mul, Conv)


def _gated_chains(layers: list[Layer]) -> list[list[int]]:
    """Find squeeze-and-excitation that is followed by a 1x1 convolution, and by nothing else."""
    read_by = readers(layers)
    chains = []
    for layer in layers:
        chain = [layer]
        while len(chain) < len(_GATED_CHAIN) and len(read_by[chain[-1].index]) == 1:
            chain.append(layers[read_by[chain[-1].index][0]])
        if (
            tuple(type(link.operator) for link in chain) == _GATED_CHAIN
            and layer.operator == GlobalPool("avg", keep_axes=True)
            and layer.inputs[0] == chain[5].inputs[0]
            and _is_pointwise(chain[6].operator)
            and not chain[6].biases
        ):
            chains.append([link.index for link in chain])
    return chains


def _is_pointwise(operator: Operator) -> bool:
    match operator:
        case Conv(kernel=(1, 1), stride=(1, 1), groups=1):
            return True
    return False


def _gated(
    reduce: Forward, act: Forward, expand: Forward, squash: Forward, project: Forward
) -> Forward:
    assert isinstance(reduce, nn.Conv2d)
    assert isinstance(expand, nn.Conv2d)
    assert isinstance(project, nn.Conv2d)

    def gate(mean: Tensor) -> Tensor:
        hidden = act(F.linear(mean, reduce.weight.flatten(1), reduce.bias))
        return squash(F.linear(hidden, expand.weight.flatten(1), expand.bias))

    parameters = (*reduce.parameters(), *expand.parameters())
    return lambda x: gated_projection(x, project.weight, gate, parameters)
