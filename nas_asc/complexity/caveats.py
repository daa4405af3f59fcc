"""Known holes of the counters: what each overlooks or counts twice in a network.

Conventions: a hole is named only if the network falls into it, with its size. Sources: the
organisers' code of each edition as docs/rules.md names it, and the per-layer tables of the reports.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from nas_asc.architectures import Layer, Norm, build_graph, readers
from nas_asc.complexity.counting import Complexity
from nas_asc.complexity.pruning import NOT_PRUNED
from nas_asc.complexity.rules import BYTES_PER_VALUE

_README_LIMIT_2021 = 128_000


@dataclass(frozen=True)
class Folded:
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
    params = sum(layer.weights for layer in layers)
    macs = sum(layer.macs for layer in layers)
    for layer in layers:
        if isinstance(layer.operator, Norm):
            source = layer.inputs[0]
            if source in biases and len(read_by[source]) == 1 and layer.operator.axis == 0:
                biases[source] = layer.norm
            else:
                params += 2 * layer.norm
                macs += 2 * layer.norm
    params += sum(biases.values())
    macs += sum(count * layers[index].positions for index, count in biases.items())
    return Folded(params, macs)


def counting_holes(complexity: Complexity) -> list[str]:
    """Return the known holes of a rule's counter that a network falls into, a sentence each."""
    finders = _HOLES.get(complexity.rule.id, ())
    layers = build_graph(complexity.architecture, complexity.n_classes, complexity.clip_s).layers
    return [text for find in finders for text in find(complexity, layers)]


def _norm_channels(layers: list[Layer]) -> int:
    return sum(layer.norm for layer in layers)


def _norms_free(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    if channels := _norm_channels(layers):
        size = 2 * channels * max(2, BYTES_PER_VALUE[complexity.precision])
        yield (
            f"batch norm is not counted: {2 * channels:,} scales and shifts, {size:,} B of a "
            "stored model, are free"
        )


def _norms_by_four(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    if channels := _norm_channels(layers):
        yield (
            f"batch norm is counted with four values per channel: {2 * channels:,} running "
            "statistics count although they fold into scale and shift when a model is stored"
        )


def _zeros_free(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    gone = complexity.weights - complexity.kept_weights
    if gone:
        yield (
            f"zeros are free: {gone:,} of {complexity.weights:,} kernel values are not counted, "
            "and neither is what says where they are"
        )


def _lite_2021(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    params = folded(layers).params
    if complexity.precision != "float16":
        yield (
            "the calculator's TFLite path sees float16 tensors only: of this "
            f"{complexity.precision} model it would count nothing"
        )
    elif params != complexity.counted_params and complexity.pruning is NOT_PRUNED:
        yield (
            f"the calculator's TFLite path sees batch norm folded away: {params:,} parameters, "
            f"{2 * params:,} B"
        )


def _readme_2021(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    limit = complexity.rule.max_bytes or 0
    if _README_LIMIT_2021 < complexity.size_bytes <= limit:
        yield (
            f"within {limit:,} B, but the baseline's README writes {_README_LIMIT_2021:,} B: "
            f"{complexity.size_bytes - _README_LIMIT_2021:,} over that"
        )


def _unfolded(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    found = folded(layers)
    if found.params != complexity.params:
        yield (
            "the counter reads the module before batch norm is folded; folded it has "
            f"{found.params:,} parameters and {found.macs_torchinfo:,} multiply-accumulates "
            "(each bias costs one at every position)"
        )


def _functional_free(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    elements: dict[str, int] = {}
    for layer in layers:
        if layer.op in ("add", "mul", "pool", "global_pool"):
            size = prod(
                layer.shape if layer.op in ("add", "mul") else layers[layer.inputs[0]].shape
            )
            name = "pooling" if "pool" in layer.op else {"add": "sums", "mul": "gates"}[layer.op]
            elements[name] = elements.get(name, 0) + size
    if elements:
        parts = ", ".join(f"{size:,} elements of {name}" for name, size in elements.items())
        yield f"torchinfo counts nothing for {parts}"


def _int8_scales_free(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    if complexity.precision == "int8":
        scales = sum(layer.shape[0] for layer in layers if layer.weights)
        yield (
            f"every value counts one byte: {scales:,} scales of the quantised kernels are free, "
            "and biases are taken for bytes (32-bit integers in NeSsi's TFLite path)"
        )


def _zeros_paid(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    gone = complexity.weights - complexity.kept_weights
    if gone:
        yield f"zeros are paid for: {gone:,} pruned kernel values count in full"


def _imt_norms(complexity: Complexity, layers: list[Layer]) -> Iterator[str]:
    kept = complexity.pruning.kept_scales
    shortcut = sum(kept(la.norm) for la in layers if la.operator == Norm(axis=0, shortcut=True))
    if shortcut:
        yield (
            "the non-zero count leaves batch norm out by the layers' names, which misses those of "
            f"shortcuts: without their {shortcut:,} scales it is "
            f"{complexity.nonzero_params - shortcut:,}"
        )
    if biases := sum(layer.biases for layer in layers):
        yield f"{biases:,} biases are not counted"


_Finder = Callable[[Complexity, list[Layer]], Iterator[str]]

_SINCE_2022 = (_unfolded, _functional_free, _int8_scales_free, _zeros_paid)

_HOLES: Mapping[str, tuple[_Finder, ...]] = {
    "dcase2020-1b": (_norms_free, _zeros_free),
    "dcase2021-1a": (_norms_by_four, _zeros_free, _lite_2021, _readme_2021),
    "dcase2022-1": _SINCE_2022,
    "dcase2023-1": _SINCE_2022,
    "dcase2024-1": _SINCE_2022,
    "dcase2025-1": _SINCE_2022,
    "srpol": (_norms_free, _zeros_paid),
    "srpol-3": (_norms_by_four, _zeros_paid),
    "ntu": (_norms_by_four, _zeros_free),
    "imt": (_imt_norms, _zeros_free),
}
