"""How a network's training is computed: memory, order, precision, and by which layers."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
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
    Norm,
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
    channels_last,
    channels_last_gradient,
    depthwise,
    gated_projection,
    is_depthwise,
    saves_time,
    subsample,
)
from nas_asc.training.fast_norms import WIDENING, batch_norm, mixed_norm

Forward = Callable[..., Tensor]


@dataclass(frozen=True)
class Execution:
    """A way to compute one and the same training.

    Attributes:
        channels_last: feature maps with the channels innermost, and fast layers; waveforms are maps
            with one mel bin.
        bfloat16: feature maps in bfloat16, by autocast; weights stay float32.
        cuda_graphs: steps are recorded once and replayed, which a GPU alone can.
    """

    channels_last: bool = False
    bfloat16: bool = False
    cuda_graphs: bool = False

    def forward_of(self, network: nn.Module) -> Forward:
        """Return what trains: logits of prepared inputs."""
        if not self.channels_last:
            return network.run_layers if isinstance(network, Network) else network
        exact = not self.bfloat16
        if isinstance(network, Network) and len(network.input_shapes[0]) < 3:
            of_map = _with_fast_layers(network, exact)
            return lambda x: of_map(channels_last(x.unsqueeze(2)))
        forward = _with_fast_layers(network, exact) if isinstance(network, Network) else network
        return lambda x, *others: forward(channels_last(x), *others)

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        """Return the context in which a forward pass runs."""
        return torch.autocast(device.type, torch.bfloat16) if self.bfloat16 else nullcontext()


PLAIN = Execution()
BFLOAT16_FROM_MACS = 8_000_000  # below, the gain is lost to casts
_LONGEST = 14  # frames of a depthwise kernel that oneDNN has code for in bfloat16


def execution_for(complexity: Complexity, device: torch.device | None = None) -> Execution:
    """Choose the faster way to train a network: by its closed-form numbers, and what computes.

    Nothing is timed, so that on one machine the same seed gives the same result on every run. The
    rule for processors, as without a device, was drawn from a grid of candidates; see
    docs/decisions/0012. The fast layers are for them: on a GPU PyTorch's own are used, in float32
    that tensor cores multiply as TF32. bfloat16 would halve the memory that maps take, but each
    cast is one more kernel, and networks under these budgets are bound by how many they have.
    """
    if device is not None and device.type == "cuda":
        return Execution(cuda_graphs=True)
    worth_it = complexity.macs >= BFLOAT16_FROM_MACS and computes_in_bfloat16()
    return Execution(channels_last=True, bfloat16=worth_it and _ends_in_bfloat16(complexity))


def _ends_in_bfloat16(complexity: Complexity) -> bool:
    """Return whether oneDNN ends: with such a depthwise kernel it never does (PyTorch 2.13)."""
    graph = build_graph(complexity.architecture, complexity.n_classes, complexity.clip_s)
    convolutions = [each.operator for each in graph.layers if isinstance(each.operator, Conv)]
    return all(conv.groups == 1 or conv.kernel[-1] <= _LONGEST for conv in convolutions)


def computes_in_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 values itself; else float32 is faster.

    One that `ATEN_CPU_CAPABILITY` holds to AVX2 counts as one with nothing more.
    """
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        return False
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _with_fast_layers(network: Network, exact: bool) -> Forward:
    """Return a network's forward pass in training, by fast layers where there are such.

    Some are for maps that are `exact`, in float32.
    """
    layers = network.layers
    operations: dict[int, Any] = {index: operation for index, operation, *_ in network.steps}
    steps = {
        index: (fast_operation(operation, layers[index].operator), layers[index].inputs)
        for index, operation in operations.items()
    }
    chains = _gated_chains(layers)
    for chain in chains:
        for index in chain[:-1]:
            del steps[index]
        reduce, expand, project = (operations[chain[place]] for place in (1, 3, 6))
        gate = (reduce.weight, reduce.bias, expand.weight, expand.bias)
        activation: Any = layers[chain[2]].operator
        gated = partial(
            gated_projection, weight=project.weight, activation=activation.kind, gate=gate
        )
        steps[chain[-1]] = (gated, layers[chain[0]].inputs)
    gated_layers = {index for chain in chains for index in chain}
    for conv, norm in _widening_norms(layers) if exact else ():
        if conv not in gated_layers:
            del steps[conv]
            mixed = partial(mixed_norm, operations[norm], weight=operations[conv].weight)
            steps[norm] = (mixed, layers[conv].inputs)
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
            return partial(_depthwise, operation)
        case WindowPool() if len(operation.kernel) == 1:
            return operation.as_2d()
        case nn.Dropout1d():
            return lambda x: F.dropout2d(x, operation.p, operation.training)
    if isinstance(operator, GlobalPool | Flatten):
        return lambda x: operation(channels_last_gradient(x))
    return operation


def _depthwise(conv: nn.Conv2d, x: Tensor) -> Tensor:
    if saves_time(x, conv.weight):
        return depthwise(x, conv.weight, conv.stride)
    return conv(x)  # type: ignore[no-any-return]


def _convolve(conv: nn.Conv1d, x: Tensor) -> Tensor:
    weight, stride = conv.weight.unsqueeze(2), (1, *conv.stride)
    if isinstance(conv, StridedPointwiseConv1d):
        return F.conv2d(subsample(x, stride), weight, conv.bias, groups=conv.groups)
    if isinstance(conv, PaddedConv1d):
        return F.conv2d(F.pad(x, conv.margins), weight, conv.bias, stride, groups=conv.groups)
    padding = (0, int(conv.padding[0]))
    if is_depthwise(conv) and saves_time(x, weight):
        return depthwise(x, weight, stride)
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
                Activation("sigmoid"),
                Mul(),
                Conv(kernel=(1, 1), stride=(1, 1), groups=1),
            ] if layer.inputs[0] == chain[5].inputs[0] and not chain[6].biases:
                chains.append([link.index for link in chain])
    return chains


def _widening_norms(layers: list[Layer]) -> list[tuple[int, int]]:
    """Find 1x1 convolutions to many more channels that a batch norm, and nothing else, reads."""
    read_by, found = readers(layers), []
    for layer in layers:
        match [layer.operator, *[layers[index].operator for index in read_by[layer.index]]]:
            case [Conv(inputs, outputs, kernel, stride, groups=1), Norm(axis=0)] if (
                max(kernel + stride) == 1 and outputs >= WIDENING * inputs and not layer.biases
            ):
                found.append((layer.index, read_by[layer.index][0]))
    return found
