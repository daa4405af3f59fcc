"""What pruning leaves, in closed form.

Conventions: a kernel has `values` values in all, spread evenly over its output `channels`. Python
rounds half to even, as the reports' own tools do. Nothing is pruned to nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@cache
def kept_values(values: int, sparsity: float) -> int:
    """Count what magnitude pruning leaves of a kernel, at least one value.

    The NTU report's rule: the largest max(1, round(values x (1 - sparsity))) stay.
    """
    return max(1, round(values * (1.0 - sparsity)))


@cache
def surviving(channels: int, fraction: float, iterations: int) -> int:
    """Count the channels that are left when a fraction of those alive goes in each iteration.

    The IMT report's rule: of 128 channels five times 20 % leaves 102, 82, 66, 53, 42.
    """
    for _ in range(iterations):
        channels = max(1, channels - round(channels * fraction))
    return channels


@cache  # a search prices the same few thousand kernels again and again
def masked_bytes(values: int, width: int, sparsity: float) -> int:
    """Price a kernel that magnitude pruning thinned out: a bit per value and what is kept."""
    return min(values * width, -(-values // 8) + kept_values(values, sparsity) * width)


@dataclass(frozen=True)
class Pruning:
    """How a network is pruned.

    Attributes:
        kind: "none"; "magnitude": the smallest values of every kernel; "channels": whole output
            channels of every kernel, by their L1 norm, and batch norm scales one by one.
        sparsity: share of the values that goes; with "channels", of the channels still alive, in
            each iteration.
        iterations: of channel pruning.
        classifier: whether the last kernel, which gives the logits, is pruned too. Channel pruning
            leaves a class whose row is gone with its bias.
    """

    kind: str = "none"
    sparsity: float = 0.0
    iterations: int = 1
    classifier: bool = True

    def kept(self, values: int, channels: int, is_classifier: bool = False) -> int:
        """Count what is left of a kernel."""
        if self.kind == "none" or (is_classifier and not self.classifier):
            return values
        if self.kind == "magnitude":
            return kept_values(values, self.sparsity)
        return values // channels * surviving(channels, self.sparsity, self.iterations)

    def stored_bytes(
        self, values: int, channels: int, width: int, is_classifier: bool = False
    ) -> int:
        """Price a stored kernel: a bit mask and what is kept, unless the dense kernel is smaller.

        The mask has a bit per value, or per output channel where whole channels were pruned.
        """
        if self.kind == "none" or (is_classifier and not self.classifier):
            return values * width
        if self.kind == "magnitude":
            return masked_bytes(values, width, self.sparsity)
        kept = self.kept(values, channels, is_classifier)
        return min(values * width, -(-channels // 8) + kept * width)

    def kept_scales(self, channels: int) -> int:
        """Count what is left of a batch norm's scales."""
        if self.kind == "channels":
            return surviving(channels, self.sparsity, self.iterations)
        return channels


NOT_PRUNED = Pruning()


def pruning_of(compression: Mapping[str, object]) -> Pruning:
    """Read an architecture's `compression` section."""
    return _pruning_of(tuple(compression.items()))


@cache  # a search meets the same few again and again
def _pruning_of(items: tuple[tuple[str, object], ...]) -> Pruning:
    compression = dict(items)
    kind = str(compression["pruning"])
    if kind == "none":
        return NOT_PRUNED
    return Pruning(
        kind,
        float(compression["sparsity"]),  # type: ignore[arg-type]  # a number, checked by the space
        int(compression.get("iterations", 1)),  # type: ignore[call-overload]  # likewise
        bool(compression.get("prune_classifier", True)),
    )
