"""What a network costs, in closed form from its graph.

Conventions: counts are for one clip. One MAC is one multiply-accumulate of a convolution or linear
layer. `macs_fvcore_total` is fvcore's raw total (these and 2 per batch norm element);
`macs_torchinfo` lets a bias cost one at every position and a batch norm its two parameters once.
Peak activation memory is the largest sum of live tensors over the execution order, in bytes at the
stored precision, input included; batch norm, activation and dropout work in place.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from nas_asc.architectures import (
    Architecture,
    Layer,
    Norm,
    Shape,
    build_graph,
    describe,
    kept_outputs,
    peak_elements,
    tally_of,
)
from nas_asc.complexity.pruning import for_classifier, pruning_of
from nas_asc.complexity.rules import (
    BYTES_PER_RANGE,
    BYTES_PER_VALUE,
    FULL_INT8,
    RULES,
    CountingRule,
    counting_rule,
)


class Complexity:
    """The cost of one architecture under one counting rule; each measure is worked out when asked.

    Raises:
        ConfigError: the architecture cannot be built on such clips.
    """

    def __init__(
        self, architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
    ) -> None:
        self.architecture = architecture
        self.n_classes = n_classes
        self.clip_s = clip_s
        self.rule = rule
        compression = architecture.sections["compression"]
        self.precision = str(compression["precision"])
        self.pruning = pruning_of(compression)
        self._tally = tally_of(architecture, n_classes, clip_s)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The shape of each input, without the batch axis."""
        return self.architecture.frontend.input_shapes(self.clip_s)

    @property
    def weights(self) -> int:
        """Values of convolution and linear kernels."""
        return self._tally.weights

    @property
    def kept_weights(self) -> int:
        """Kernel values that pruning leaves."""
        kernels = self._tally.kernels
        if self.pruning.prune_classifier:
            return self.pruning.kept(kernels)
        return self.pruning.kept(kernels[:-1]) + kernels[-1][0]

    @property
    def sparsity(self) -> float:
        """The share of the kernel values that pruning removes; as asked for, before rounding."""
        return self.pruning.removed_share(self.weights, self.kept_weights)

    @property
    def kept_norms(self) -> int:
        """Values of batch norms that the rule's non-zero count has after pruning."""
        per_channel, kept_scales = self.rule.batch_norm, self.pruning.kept_scales
        if not per_channel:
            return 0
        norms = self._tally.norms if self.rule.nonzero_main_norms else self._tally.shortcut_norms
        return sum([kept_scales(channels) + (per_channel - 1) * channels for channels in norms])

    @property
    def params(self) -> int:
        """Parameters that the module holds: kernels, biases, batch norm scale and shift."""
        return self.weights + self._tally.biases + 2 * self._tally.norm_channels

    def _biases(self) -> int:
        return self._tally.biases if self.rule.biases else 0

    @property
    def nonzero_params(self) -> int:
        """Values of the rule's kinds that pruning leaves; those that happen to be zero count."""
        return self.kept_weights + self._biases() + self.kept_norms

    @property
    def counted_params(self) -> int:
        """Parameters as the rule counts them."""
        if not self.rule.zeros_counted:
            return self.nonzero_params
        return self.weights + self._biases() + self.rule.batch_norm * self._tally.norm_channels

    @property
    def size_bytes(self) -> int:
        """The size as the rule counts it."""
        if self.rule.compact:
            return self.stored_bytes
        sized = self.nonzero_params if self.rule.nonzero_sized else self.counted_params
        return sized * self._width()

    @property
    def unpruned_bytes(self) -> int:
        """What the counted values would take with those that pruning set to zero."""
        return self.counted_params * self._width()

    def _width(self) -> int:
        """Compute the bytes of a counted value, of a precision that the rule admits."""
        admitted = self.rule.precisions
        return min(BYTES_PER_VALUE[p] for p in ({self.precision} & {*admitted} or admitted))

    @property
    def stored_bytes(self) -> int:
        """What a compact file holds: see the rule `plain`."""
        tally, pruning, width = self._tally, self.pruning, BYTES_PER_VALUE[self.precision]
        kernels = tally.kernels
        rest = (tally.biases + 2 * sum(tally.norms)) * max(2, width)
        if width == 1:  # a scale per output channel
            rest += 2 * sum([kernel[1] for kernel in kernels])
        if self.precision == FULL_INT8:
            rest += BYTES_PER_RANGE * len(kept_outputs(self._layers))
        if pruning.prune_classifier:
            return rest + pruning.stored_bytes(kernels, width)
        return rest + pruning.stored_bytes(kernels[:-1], width) + kernels[-1][0] * width

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolution and linear layers."""
        return self._tally.macs

    @property
    def weight_layers(self) -> int:
        """Convolution and linear layers."""
        return len(self._tally.kernels)

    @property
    def macs_fvcore_total(self) -> int:
        """What fvcore's raw total says."""
        return self._tally.macs + 2 * self._tally.norm_elements

    @property
    def macs_torchinfo(self) -> int:
        """What torchinfo says."""
        return self._tally.macs_torchinfo

    @property
    def counted_macs(self) -> int:
        """The multiply-accumulates that the rule judges."""
        return int(getattr(self, self.rule.judged_macs))

    @cached_property
    def peak_activation_bytes(self) -> int:
        """The largest sum of live tensors over the execution order."""
        return peak_elements(self._layers) * BYTES_PER_VALUE[self.precision]

    @cached_property
    def _layers(self) -> list[Layer]:
        """The layers themselves, which most measures do without: the tally is made faster."""
        return build_graph(self.architecture, self.n_classes, self.clip_s).layers

    @property
    def shrunk(self) -> tuple[str, ...]:
        """Layers whose window was larger than what is left of an axis."""
        return tuple(self._tally.shrunk)

    @property
    def costs(self) -> "Costs":
        """All measures as one value."""
        return Costs(
            rule=self.rule,
            input_shapes=self.input_shapes,
            precision=self.precision,
            network_macs=(self.macs,),
            **{name: getattr(self, name) for name in _MEASURES},
        )

    def to_dict(self) -> dict[str, object]:
        """Return all measures as JSON."""
        return self.costs.to_dict()


class Costs(NamedTuple):
    """What one network costs under a rule, or several together; measures as of a `Complexity`.

    Attributes:
        input_shapes: the different shapes of the inputs, without the batch axis.
        precision: what values are stored as; several joined by "+" where networks differ.
        peak_activation_bytes: of the hungriest, since they run one after the other.
        sparsity: the share of all kernel values that pruning removes.
        network_macs: multiply-accumulates of each network.
    """

    rule: CountingRule
    input_shapes: tuple[Shape, ...]
    params: int
    nonzero_params: int
    counted_params: int
    size_bytes: int
    stored_bytes: int
    unpruned_bytes: int
    weights: int
    macs: int
    counted_macs: int
    macs_fvcore_total: int
    macs_torchinfo: int
    weight_layers: int
    peak_activation_bytes: int
    precision: str
    sparsity: float
    network_macs: tuple[int, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the measures that a trial keeps, as JSON; of several, each one's MACs too."""
        several = {"network_macs": [*self.network_macs]} if len(self.network_macs) > 1 else {}
        return {
            "rule": self.rule.id,
            "input_shape": [list(shape) for shape in self.input_shapes],
            **{name: getattr(self, name) for name in _STORED},
            **several,
        }


_SUMMED = (
    "params", "nonzero_params", "counted_params", "size_bytes", "stored_bytes", "unpruned_bytes",
    "weights", "macs", "counted_macs", "macs_fvcore_total", "macs_torchinfo", "weight_layers",
)  # fmt: skip
_MEASURES = (*_SUMMED, "peak_activation_bytes", "sparsity")
_STORED = (
    "params", "nonzero_params", "counted_params", "size_bytes", "macs", "counted_macs",
    "macs_fvcore_total", "macs_torchinfo", "weight_layers", "peak_activation_bytes",
    "precision", "sparsity",
)  # fmt: skip


def total_costs(networks: Sequence[Costs]) -> Costs:
    """Add up what several networks cost that run one after the other."""
    sums = {name: sum(getattr(each, name) for each in networks) for name in _SUMMED}
    return Costs(
        rule=networks[0].rule,
        input_shapes=tuple(dict.fromkeys(chain(*(each.input_shapes for each in networks)))),
        peak_activation_bytes=max(each.peak_activation_bytes for each in networks),
        precision="+".join(dict.fromkeys(each.precision for each in networks)),
        sparsity=sum(each.weights * each.sparsity for each in networks) / sums["weights"],
        network_macs=tuple(chain(*(each.network_macs for each in networks))),
        **sums,
    )


def count(
    architecture: Architecture,
    n_classes: int,
    clip_s: float,
    rule: str | CountingRule = "plain",
) -> Complexity:
    """Count the cost of an architecture under a rule, without building or tracing anything.

    Raises:
        ConfigError: there is no such rule, or the architecture cannot be built on such clips.
    """
    resolved = rule if isinstance(rule, CountingRule) else RULES.get(rule) or counting_rule(rule)
    return Complexity(architecture, n_classes, clip_s, resolved)


class LayerRow(NamedTuple):
    """One layer and what is counted of it.

    Attributes:
        name: its dotted path.
        op: the name of its operator.
        what: kind, window, stride, padding, channels in and out and the like, in words.
        shape: of its output, for one clip.
        macs: multiply-accumulates for one clip.
        inputs: names of the layers that feed it.
        counted: values that the rule counts, with those that pruning sets to zero.
        nonzero: values that pruning leaves of them.
        summed: whether the rule's non-zero count has this layer's.
    """

    layer: Layer
    name: str
    op: str
    what: str
    shape: Shape
    macs: int
    inputs: tuple[str, ...]
    counted: int
    nonzero: int
    summed: bool


def layer_table(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> list[LayerRow]:
    """Return a row per layer, inputs included, in the order of execution."""
    layers = build_graph(architecture, n_classes, clip_s).layers
    pruning = pruning_of(architecture.sections["compression"])
    last = [layer for layer in layers if layer.weights][-1]
    rows = []
    for layer in layers:
        operator = layer.operator
        counted = layer.weights + layer.biases * rule.biases + rule.batch_norm * layer.norm
        pruned_by = for_classifier(pruning) if layer is last else pruning
        removed = 0
        if layer.weights:
            removed = layer.weights - pruned_by.kept([(layer.weights, layer.shape[0])])
        elif layer.norm and rule.batch_norm:
            removed = layer.norm - pruning.kept_scales(layer.norm)
        rows.append(
            LayerRow(
                layer,
                *(layer.name, layer.op, describe(operator), layer.shape, layer.macs),
                tuple(layers[i].name for i in layer.inputs),
                *(counted, counted - removed),
                rule.nonzero_main_norms or not isinstance(operator, Norm) or operator.shortcut,
            )
        )
    return rows
