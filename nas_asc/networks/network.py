"""Networks and their ensembles as modules, built from the same graph that is counted.

Conventions: inputs are (batch, channels, mel, frame) or (batch, channels, samples); outputs are
logits, (batch, classes). Parameters are named after their layer: "stage1.2.expand.weight". What a
front end standardises is standardised here, so that inputs are the features as they are computed.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nas_asc.architectures import (
    Activation,
    Add,
    Architecture,
    Concat,
    Conv,
    Dropout,
    Flatten,
    FrontEnd,
    GlobalPool,
    Input,
    Layer,
    Linear,
    Mul,
    Norm,
    Pool,
    Shape,
    buffers,
    build_graph,
)
from nas_asc.complexity import FULL_INT8
from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.activations import QuantizedActivations
from nas_asc.networks.layers import (
    MelNorm,
    PaddedConv1d,
    PaddedConv2d,
    Standardisation,
    StridedPointwiseConv1d,
    StridedPointwiseConv2d,
    WindowPool,
    padding_of,
    same_margins,
)
from nas_asc.reports import Ensemble

Operation = Callable[..., Tensor]
# A layer, what it computes, the layers that feed it, and those of them that are then forgotten.
Step = tuple[int, Operation, Sequence[int], Sequence[int]]
Probabilities = NDArray[np.float64]


class Network(nn.Module):
    """A network that runs the layers of a graph in order and forgets what nobody needs any more.

    Attributes:
        layers: the graph's layers.
        steps: what each layer but the inputs computes with.
        input_shapes: of each input, without the batch axis.
        frontend: what makes the inputs, of clips of `clip_s` seconds; None if made by hand.
        classes: names, in the order of the logits; none where only their number is known.
        align: where a clip shorter than `clip_s` lies in it, at the "start" or in the "center".
        hop_s: from one window of a file to the next; None where clips are no windows.
        standardisation: of the first input, where the front end standardises.
        activations: where they are kept in int8, how; None where they are floats.
    """

    def __init__(
        self, layers: list[Layer], frontend: FrontEnd | None = None, clip_s: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = layers
        self.frontend, self.clip_s = frontend, clip_s
        self.classes: tuple[str, ...] = ()
        self.align = "start"
        self.hop_s: float | None = None
        self.input_shapes = tuple(
            layer.shape for layer in layers if isinstance(layer.operator, Input)
        )
        self.standardisation: Standardisation | None = None
        if frontend is not None and frontend.normalisation == "standard":
            second_plane = frontend.second_window > 0
            self.standardisation = Standardisation(self.input_shapes[0], second_plane)
        self.activations: QuantizedActivations | None = None
        buffer = buffers(layers)
        operations: list[tuple[int, Operation, Sequence[int]]] = []
        for layer in layers[len(self.input_shapes) :]:
            source = layers[layer.inputs[0]]
            in_place = buffer[layer.index] != layer.index and not isinstance(source.operator, Input)
            operation = _operation(layer, source.shape, in_place)
            if isinstance(operation, nn.Module):
                self._place(layer.name, operation)
            operations.append((layer.index, operation, layer.inputs))
        self.steps = steps_of(operations)

    def _place(self, name: str, module: nn.Module) -> None:
        *path, last = name.split(".")
        holder: nn.Module = self
        for part in path:
            if not hasattr(holder, part):
                holder.add_module(part, nn.Module())
            holder = getattr(holder, part)
        holder.add_module(last, module)

    @property
    def frontends(self) -> tuple[FrontEnd, ...]:
        """What makes the inputs, in their order; none if made by hand."""
        return () if self.frontend is None else (self.frontend,)

    def example_inputs(self) -> tuple[Tensor, ...]:
        """Return inputs of zeros for one clip, with a batch axis of one."""
        return tuple(torch.zeros(1, *shape) for shape in self.input_shapes)

    def prepare(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the inputs as the first layers get them: standardised if the front end says so."""
        if self.standardisation is None:
            return inputs
        return self.standardisation(inputs[0]), *inputs[1:]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Compute the logits, (batch, classes)."""
        return self.run_layers(*self.prepare(*inputs))

    def run_layers(self, *inputs: Tensor) -> Tensor:
        """Compute the logits, (batch, classes), of inputs that are prepared."""
        return run_steps(self.steps, inputs, self.activations or None)


def steps_of(operations: Iterable[tuple[int, Operation, Sequence[int]]]) -> list[Step]:
    """Return operations, given as (layer, operation, layers that feed it) in order, as steps."""
    ordered = list(operations)
    last_read = {source: index for index, _, sources in ordered for source in sources}
    return [
        (index, operation, sources, [s for s in set(sources) if last_read[s] == index])
        for index, operation, sources in ordered
    ]


def run_steps(
    steps: Sequence[Step],
    inputs: Sequence[Tensor],
    keep: Callable[[int, Tensor], Tensor] | None = None,
) -> Tensor:
    """Compute the output of the last step; what nobody needs any more is forgotten.

    `keep` is given the number and output of each layer, inputs included, and returns what those
    that read it get.
    """
    values = dict(enumerate(inputs if keep is None else map(keep, range(len(inputs)), inputs)))
    output = inputs[0]
    for index, operation, sources, done in steps:
        output = operation(*[values[source] for source in sources])
        values[index] = output = output if keep is None else keep(index, output)
        for source in done:
            del values[source]
    return output


def build(architecture: Architecture, n_classes: int, clip_s: float) -> Network:
    """Build the module for clips of `clip_s` seconds, its weights drawn from torch's generator.

    Where pruning removes channels it is the network without them: see `as_trained`. Where
    activations are to be in int8 they are floats until their ranges are known.

    Raises:
        ConfigError: the architecture cannot be built on such clips.
    """
    layers = build_graph(architecture, n_classes, clip_s).layers
    network = Network(layers, architecture.frontend, clip_s)
    if architecture.sections["compression"].get("precision") == FULL_INT8:
        network.activations = QuantizedActivations(layers)
    return network


def _operation(layer: Layer, shape: Shape, in_place: bool) -> Operation:
    """Return what a layer computes with on inputs of a shape, which it may write over if so."""
    rank = len(shape) - 1
    match layer.operator:
        case Conv():
            return _conv(layer.operator, shape, layer.shape, has_bias=layer.biases > 0)
        case Norm(axis=1):
            return MelNorm(layer.norm)
        case Norm():
            return (nn.BatchNorm1d if rank < 2 else nn.BatchNorm2d)(layer.norm)
        case Linear(features, out):
            return nn.Linear(features, out)
        case Pool(kind, kernel, stride, padding):
            return WindowPool(kind, shape[1:], kernel, stride, padding)
        case Dropout(rate, "spatial") if rank:
            return nn.Dropout1d(rate) if rank == 1 else nn.Dropout2d(rate)
        case Dropout(rate, kind):
            return nn.AlphaDropout(rate) if kind == "alpha" else nn.Dropout(rate)
        case Activation("relu") if in_place:  # the only one whose gradient needs no copy of x
            return F.relu_
        case Activation(kind):
            return getattr(F, kind)  # type: ignore[no-any-return]  # named as in torch
        case GlobalPool(kind, keep_axes):
            return partial(_global_pool, kinds=kind.split("+"), keep_axes=keep_axes)
        case Add():
            return torch.add
        case Mul():
            return torch.mul
        case Concat():
            return lambda *parts: torch.cat(parts, 1)
        case Flatten():
            return lambda x: x.flatten(1)
    raise UnsupportedOperation(f"{layer.name}: no module for operator {layer.op!r}")


_REDUCTIONS: dict[str, Operation] = {"avg": torch.mean, "max": torch.amax}
_CONVOLUTIONS: dict[int, tuple[Any, Any, Any]] = {
    1: (nn.Conv1d, PaddedConv1d, StridedPointwiseConv1d),
    2: (nn.Conv2d, PaddedConv2d, StridedPointwiseConv2d),
}


def _global_pool(x: Tensor, kinds: Sequence[str], keep_axes: bool) -> Tensor:
    axes = tuple(range(2, x.dim()))
    return reduce(torch.add, [_REDUCTIONS[kind](x, axes, keep_axes) for kind in kinds])


def _conv(conv: Conv, shape: Shape, out_shape: Shape, has_bias: bool) -> nn.Module:
    kernel, stride = conv.kernel, conv.stride
    margins = [(0, 0)] * len(kernel)
    if conv.padding == "half":
        margins = [(k // 2, k // 2) for k in kernel]
    elif conv.padding == "same":
        margins = same_margins(shape[1:], kernel, stride)
    if out_shape[-1] == 1 < stride[-1] and max(kernel) > 1:
        # A stride to one frame: PyTorch 2.13 leaves outputs or gradients of it unwritten, in
        # channels-last order on the CPU. Its only window is cut out instead.
        before = margins[-1][0]
        margins[-1] = (before, kernel[-1] - shape[-1] - before)
        stride = (*stride[:-1], 1)
    even = all(before == after >= 0 for before, after in margins)
    plain, padded, strided = _CONVOLUTIONS[len(kernel)]
    kind = strided if max(kernel) == 1 and max(stride) > 1 else plain if even else padded
    module: nn.Module = kind(
        conv.in_channels,
        conv.out_channels,
        kernel,
        stride,
        padding=tuple(before for before, _ in margins) if even else 0,
        groups=conv.groups,
        bias=has_bias,
    )
    if not even:
        module.margins = padding_of(margins)  # type: ignore[assignment]  # of Padded...
    return module


def vote(ensemble: Ensemble, probabilities: Sequence[Probabilities]) -> Probabilities:
    """Average the probabilities, (clip, class), of each of `ensemble.networks`, by their weights.

    The columns of a network with a class map stand in the map's order.

    Raises:
        ValueError: there are not as many as networks.
    """
    shares = ensemble.vote_shares
    if len(probabilities) != len(shares):
        raise ValueError(f"expected {len(shares)} votes, got {len(probabilities)}")
    votes = [given @ np.array(share) for given, share in zip(probabilities, shares, strict=True)]
    return np.asarray(np.sum(votes, axis=0))


class VotingNetwork(nn.Module):
    """An ensemble as one module: networks whose probabilities are averaged.

    Networks with the same front end have the same inputs; those of another front end stand after
    them. Each network standardises by itself; what is known of classes and clips is as of a
    `Network`.

    Attributes:
        frontends: what makes the inputs, in their order, each once, as `FrontEnd.feature_key`; none
            if made by hand.
        frontend: of the first network, or None.
        input_shapes: of each input, without the batch axis.
    """

    def __init__(self, ensemble: Ensemble, networks: Sequence[Network]) -> None:
        """Build it from networks."""
        super().__init__()
        inputs: dict[object, tuple[int, int]] = {}  # from which to which, by what they are made of
        self.frontends: tuple[FrontEnd, ...] = ()
        self.input_shapes: tuple[Shape, ...] = ()
        self._inputs = []
        for network in networks:
            made_of = tuple(frontend.feature_key for frontend in network.frontends)
            key = (made_of, network.input_shapes)
            if key not in inputs:
                before = len(self.input_shapes)
                self.frontends += made_of
                self.input_shapes += network.input_shapes
                inputs[key] = (before, len(self.input_shapes))
            self._inputs.append(slice(*inputs[key]))
        self.frontend = networks[0].frontend
        self.clip_s, self.classes = ensemble.clip_s, ensemble.classes
        self.align, self.hop_s = networks[0].align, networks[0].hop_s
        self.networks = nn.ModuleList(networks)
        for number, share in enumerate(ensemble.vote_shares, 1):
            self.register_buffer(f"share{number}", torch.tensor(share))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the logarithm of the voted probabilities, (batch, class).

        Raises:
            ValueError: there are not as many inputs as `input_shapes`.
        """
        if len(inputs) != len(self.input_shapes):
            raise ValueError(f"expected {len(self.input_shapes)} inputs, got {len(inputs)}")
        each = zip(self.networks, self._inputs, self.buffers(recurse=False), strict=True)
        votes = [network(*inputs[own]).softmax(dim=1) @ share for network, own, share in each]
        return torch.stack(votes).sum(dim=0).log()
