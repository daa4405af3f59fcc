"""The layers of a network with what a counting rule counts of each: the table of a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_asc.architecture import Architecture
from nas_asc.assembly import build_graph
from nas_asc.frontend import Shape
from nas_asc.graph import Layer
from nas_asc.pruning_counts import Pruning, for_classifier, pruning_of
from nas_asc.rules import CountingRule

_ARROW = "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    Attributes:
        inputs: names of the layers that feed it.
        what: kind, window, stride, padding, channels in and out and the like, in words.
        counted: values that the rule counts, with those that pruning sets to zero.
        nonzero: values that pruning leaves of them.
        summed: whether the rule's non-zero count has this layer's.
        macs: multiply-accumulates for one clip.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    what: str
    shape: Shape
    counted: int
    nonzero: int
    summed: bool
    macs: int


def layer_table(
    architecture: Architecture, n_classes: int, clip_s: float, rule: CountingRule
) -> list[LayerRow]:
    """Give a row per layer, inputs included, in the order of execution."""
    layers = build_graph(architecture, n_classes, clip_s).layers
    pruning = pruning_of(architecture.sections["compression"])
    last = [layer for layer in layers if layer.weights][-1]
    rows = []
    for layer in layers:
        counted = _counted(layer, rule)
        pruned_by = for_classifier(pruning) if layer is last else pruning
        rows.append(
            LayerRow(
                layer.name,
                layer.op,
                tuple(layers[i].name for i in layer.inputs),
                _what(layer, [layers[i].shape[0] for i in layer.inputs]),
                layer.shape,
                counted,
                counted - _pruned(layer, rule, pruned_by),
                rule.nonzero_main_norms or not layer.norm or layer.attributes[1] is True,
                layer.macs,
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


def _what(layer: Layer, channels: Sequence[int]) -> str:
    """Put a layer into words; `channels` are those of its inputs."""
    values = layer.attributes
    if layer.op == "conv":
        kernel, stride, padding, groups = values
        steps = "" if set(stride) == {1} else f"/{_extent(stride)}"  # type: ignore[call-overload]  # tuples of ints
        change = f"{channels[0]}{_ARROW}{layer.shape[0]}"
        split = f", {groups} groups" if groups != 1 else ""
        return f"{_extent(kernel)}{steps} {padding} {change}{split}"
    if layer.op == "linear":
        return f"{channels[0]}{_ARROW}{layer.shape[0]}"
    if layer.op == "pool":
        kind, kernel, stride, padding = values
        return f"{kind} {_extent(kernel)}/{_extent(stride)} {padding}"
    if layer.op == "norm":
        return "per mel bin" if values[0] == 1 else ""
    if layer.op in ("act", "global_pool"):
        return str(values[0])
    return " ".join(map(str, values))


def _extent(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
