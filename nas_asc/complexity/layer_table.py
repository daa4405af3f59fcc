"""The layers of a network with what a counting rule counts of each: the table of a report."""

from dataclasses import dataclass

from nas_asc.architectures import Architecture, Layer, Norm, Shape, build_graph, describe
from nas_asc.complexity.pruning import Pruning, for_classifier, pruning_of
from nas_asc.complexity.rules import CountingRule


@dataclass(frozen=True)
class LayerRow:
    """One layer and what is counted of it.

    Attributes:
        inputs: names of the layers that feed it.
        counted: values that the rule counts, with those that pruning sets to zero.
        nonzero: values that pruning leaves of them.
        summed: whether the rule's non-zero count has this layer's.
    """

    layer: Layer
    inputs: tuple[str, ...]
    counted: int
    nonzero: int
    summed: bool

    @property
    def name(self) -> str:
        """The dotted path of the layer."""
        return self.layer.name

    @property
    def op(self) -> str:
        """The name of its operator."""
        return self.layer.op

    @property
    def what(self) -> str:
        """Kind, window, stride, padding, channels in and out and the like, in words."""
        return describe(self.layer.operator)

    @property
    def shape(self) -> Shape:
        """The shape of its output, for one clip."""
        return self.layer.shape

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one clip."""
        return self.layer.macs


def layer_table(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> list[LayerRow]:
    """Return a row per layer, inputs included, in the order of execution."""
    layers = build_graph(architecture, n_classes, clip_s).layers
    pruning = pruning_of(architecture.sections["compression"])
    last = [layer for layer in layers if layer.weights][-1]
    rows = []
    for layer in layers:
        counted = _counted(layer, rule)
        pruned_by = for_classifier(pruning) if layer is last else pruning
        rows.append(
            LayerRow(
                layer,
                tuple(layers[i].name for i in layer.inputs),
                counted,
                counted - _pruned(layer, rule, pruned_by),
                rule.nonzero_main_norms
                or not isinstance(layer.operator, Norm)
                or layer.operator.shortcut,
            )
        )
    return rows


def _counted(layer: Layer, rule: CountingRule) -> int:
    biases = layer.biases if rule.biases else 0
    return layer.weights + biases + rule.batch_norm * layer.norm


def _pruned(layer: Layer, rule: CountingRule, pruning: Pruning) -> int:
    if layer.norm and rule.batch_norm:
        return layer.norm - pruning.kept_scales(layer.norm)
    if layer.weights:
        return layer.weights - pruning.kept([(layer.weights, layer.shape[0])])
    return 0
