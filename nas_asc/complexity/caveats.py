"""Known holes of the counters: what each overlooks or counts twice in a network.

Conventions: a hole is named only if the network falls into it, with its size. Which counter has
which hole follows from its rule. Sources: the organisers' code of each edition as docs/rules.md
names it, and the per-layer tables of the reports.
"""

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from nas_asc.architectures import Layer, Norm, build_graph, kept_outputs, readers
from nas_asc.complexity.counting import Complexity
from nas_asc.complexity.rules import BYTES_PER_VALUE, FULL_INT8, INT8

_README_LIMIT_2021 = 128_000


class Folded(NamedTuple):
    """What is left of a network whose batch norms are folded into the convolutions before them.

    Attributes:
        params: weights and biases; two values per channel of a batch norm that has no convolution
            directly in front of it.
        macs_torchinfo: as torchinfo counts it: the new biases cost one at every position.
    """

    params: int
    macs_torchinfo: int


def folded(layers: list[Layer]) -> Folded:
    """Fold the batch norms of a graph's layers, as an export for inference does."""
    read_by = readers(layers)
    biases = {layer.index: layer.biases for layer in layers if layer.weights}
    unfolded = 0
    for layer in layers:
        if isinstance(layer.operator, Norm):
            source = layer.inputs[0]
            if source in biases and len(read_by[source]) == 1 and layer.operator.axis == 0:
                biases[source] = layer.norm
            else:
                unfolded += 2 * layer.norm
    return Folded(
        sum(layer.weights for layer in layers) + sum(biases.values()) + unfolded,
        sum(layer.macs + biases.get(layer.index, 0) * layer.positions for layer in layers)
        + unfolded,
    )


def counting_holes(complexity: Complexity) -> list[str]:
    """Return the known holes of a rule's counter that a network falls into, a sentence each."""
    rule = complexity.rule
    if rule.compact:
        return []
    layers = build_graph(complexity.architecture, complexity.n_classes, complexity.clip_s).layers
    holes = [*_of_norms(complexity, layers)]
    if rule.judged_macs == "macs_torchinfo":
        holes += _of_nessi(complexity, layers)
    if gone := complexity.weights - complexity.kept_weights:
        holes.append(
            f"zeros are paid for: {gone:,} pruned kernel values count in full"
            if rule.zeros_counted and not rule.nonzero_sized
            else f"zeros are free: {gone:,} of {complexity.weights:,} kernel values are not "
            "counted, and neither is what says where they are"
        )
    if rule.id == "dcase2021-1a":
        holes += _of_2021(complexity, layers)
    return holes


def _of_norms(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    rule, channels = complexity.rule, sum(layer.norm for layer in layers)
    if channels and rule.batch_norm == 0:
        size = 2 * channels * max(2, BYTES_PER_VALUE[complexity.precision])
        yield (
            f"batch norm is not counted: {2 * channels:,} scales and shifts, {size:,} B of a "
            "stored model, are free"
        )
    if channels and rule.batch_norm == 4:
        yield (
            f"batch norm is counted with four values per channel: {2 * channels:,} running "
            "statistics count although they fold into scale and shift when a model is stored"
        )
    if not rule.nonzero_main_norms and (shortcut := complexity.kept_norms):
        yield (
            "the non-zero count leaves batch norm out by the layers' names, which misses those of "
            f"shortcuts: without their {shortcut:,} scales it is "
            f"{complexity.nonzero_params - shortcut:,}"
        )
    if not rule.biases and (biases := sum(layer.biases for layer in layers)):
        yield f"{biases:,} biases are not counted"


def _of_nessi(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    found = folded(layers)
    if found.params != complexity.params:
        yield (
            "the counter reads the module before batch norm is folded; folded it has "
            f"{found.params:,} parameters and {found.macs_torchinfo:,} multiply-accumulates "
            "(each bias costs one at every position)"
        )
    names = {"add": "sums", "mul": "gates", "pool": "pooling", "global_pool": "pooling"}
    elements: Counter[str] = Counter()
    for layer in layers:
        if layer.op in names:  # the first input of a sum or a gate has the shape of its output
            elements[names[layer.op]] += prod(layers[layer.inputs[0]].shape)
    if elements:
        parts = ", ".join(f"{size:,} elements of {name}" for name, size in elements.items())
        yield f"torchinfo counts nothing for {parts}"
    if complexity.precision in INT8:
        scales = sum(layer.shape[0] for layer in layers if layer.weights)
        yield (
            f"every value counts one byte: {scales:,} scales of the quantised kernels are free, "
            "and biases are taken for bytes (32-bit integers in NeSsi's TFLite path)"
        )
    if complexity.precision == FULL_INT8:
        kept = len(kept_outputs(layers))
        yield f"{kept:,} scales and as many zero points of int8 activations are free"


def _of_2021(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    params = folded(layers).params
    if complexity.precision != "float16":
        yield (
            "the calculator's TFLite path sees float16 tensors only: of this "
            f"{complexity.precision} model it would count nothing"
        )
    elif params != complexity.counted_params and complexity.kept_weights == complexity.weights:
        yield (
            f"the calculator's TFLite path sees batch norm folded away: {params:,} parameters, "
            f"{2 * params:,} B"
        )
    limit = complexity.rule.max_bytes or 0
    if _README_LIMIT_2021 < complexity.size_bytes <= limit:
        yield (
            f"within {limit:,} B, but the baseline's README writes {_README_LIMIT_2021:,} B: "
            f"{complexity.size_bytes - _README_LIMIT_2021:,} over that"
        )
