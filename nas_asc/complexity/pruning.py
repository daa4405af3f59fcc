"""What pruning leaves of a network, in closed form; `nas_asc.networks` does it.

Conventions: a kernel is (values, output channels, ...), its values spread evenly over its channels,
as a tally keeps them; the last of a network is the classifier's. Python rounds half to even, as the
reports' own tools do. Nothing is pruned to nothing. A stored kernel is a bit mask and what is kept,
or the dense kernel if that is smaller. Settings are called as in the `[compression]` of a space.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Protocol

from nas_asc.architectures import CHANNEL_REMOVAL, channels_left

Kernels = Sequence[tuple[int, ...]]


class Pruning(Protocol):
    """A way of pruning; another one is a class with these members and a row in `PRUNINGS`.

    `kind` is its name in a space.
    """

    kind: ClassVar[str]

    @property
    def prune_classifier(self) -> bool:
        """Whether the last kernel, which gives the logits, is pruned too."""

    def kept(self, kernels: Kernels) -> int:
        """Count what is left of some kernels."""

    def stored_bytes(self, kernels: Kernels, width: int) -> int:
        """Compute the bytes of some stored kernels whose values take `width` bytes each."""

    def kept_scales(self, channels: int) -> int:
        """Count what is left of the scales of a batch norm."""

    def removed_share(self, values: int, kept: int) -> float:
        """Return the share of a network's kernel values that is reported as removed."""


@dataclass(frozen=True)
class NotPruned:
    """All values stay."""

    kind: ClassVar[str] = "none"
    prune_classifier: ClassVar[bool] = True  # as little as all others

    def kept(self, kernels: Kernels) -> int:
        """Count all values."""
        return sum([kernel[0] for kernel in kernels])

    def stored_bytes(self, kernels: Kernels, width: int) -> int:
        """Compute the bytes of dense kernels."""
        return self.kept(kernels) * width

    def kept_scales(self, channels: int) -> int:
        """Count all scales."""
        return channels

    def removed_share(self, values: int, kept: int) -> float:
        """Return 0."""
        return 0.0


@dataclass(frozen=True)
class MagnitudePruning:
    """The smallest values of every kernel go: a mask with a bit per value.

    The NTU report's rule: the largest max(1, round(values x (1 - sparsity))) stay. `sparsity` is
    the share of the values that goes, 0 to 1.
    """

    kind: ClassVar[str] = "magnitude"
    sparsity: float
    prune_classifier: bool = True

    def kept(self, kernels: Kernels) -> int:
        """Count the largest values."""
        sparsity = self.sparsity
        return sum([values_left(kernel[0], sparsity) for kernel in kernels])

    def stored_bytes(self, kernels: Kernels, width: int) -> int:
        """Compute the bytes of kernels with a bit per value."""
        sparsity = self.sparsity
        return sum([sparse_bytes(kernel[0], width, sparsity) for kernel in kernels])

    def kept_scales(self, channels: int) -> int:
        """Count all scales: batch norms are not pruned."""
        return channels

    def removed_share(self, values: int, kept: int) -> float:
        """Return what was asked for, before rounding."""
        return self.sparsity


@dataclass(frozen=True)
class ChannelPruning:
    """Whole output channels of every kernel go, by their L1 norm; batch norm scales one by one.

    The IMT report's rule: of 128 channels five times 20 % leaves 102, 82, 66, 53, 42. `sparsity` is
    the share of the channels still alive that goes in each iteration, 0 to 1. A class whose row of
    the classifier is gone keeps its bias. The mask has a bit per channel.
    """

    kind: ClassVar[str] = "channels"
    sparsity: float
    prune_classifier: bool = True
    iterations: int = field(kw_only=True)

    def left(self, channels: int) -> int:
        """Count the channels that are left after all iterations."""
        return channels_left(channels, self.sparsity, self.iterations)

    def kept(self, kernels: Kernels) -> int:
        """Count the values of the channels that are left."""
        return sum([kernel[0] // kernel[1] * self.left(kernel[1]) for kernel in kernels])

    def stored_bytes(self, kernels: Kernels, width: int) -> int:
        """Compute the bytes of kernels with a bit per channel."""
        total = 0
        for values, channels, *_ in kernels:
            kept = values // channels * self.left(channels)
            total += min(values * width, -(-channels // 8) + kept * width)
        return total

    def kept_scales(self, channels: int) -> int:
        """Count the scales that are left."""
        return self.left(channels)

    def removed_share(self, values: int, kept: int) -> float:
        """Return what the iterations came to."""
        return 1.0 - kept / values


@dataclass(frozen=True)
class ChannelRemoval(NotPruned):
    """Whole channels go from the graph, with all that only they need; see `channel_groups`.

    As many of each group as `ChannelPruning` takes of a kernel. What is counted here is the graph
    that is left, of which all values stay.
    """

    kind: ClassVar[str] = CHANNEL_REMOVAL
    sparsity: float
    iterations: int


NOT_PRUNED = NotPruned()
PRUNINGS: Mapping[str, type[NotPruned | MagnitudePruning | ChannelPruning]] = {
    kind.kind: kind for kind in (NotPruned, MagnitudePruning, ChannelPruning, ChannelRemoval)
}


def pruning_of(compression: Mapping[str, object]) -> Pruning:
    """Read an architecture's `compression` section."""
    return _pruning_of(tuple(compression.items()))


@cache  # a search meets the same few again and again
def _pruning_of(items: tuple[tuple[str, Any], ...]) -> Pruning:
    section = dict(items)
    kind = PRUNINGS[section["pruning"]]
    settings = {f.name: section[f.name] for f in fields(kind) if f.name in section}
    return kind(**settings) if settings else NOT_PRUNED


def for_classifier(pruning: Pruning) -> Pruning:
    """Return what the classifier's kernel is pruned by."""
    return pruning if pruning.prune_classifier else NOT_PRUNED


@cache
def values_left(values: int, sparsity: float) -> int:
    """Count what magnitude pruning leaves of a kernel, at least one value."""
    return max(1, round(values * (1.0 - sparsity)))


@cache  # a search prices the same few thousand kernels again and again
def sparse_bytes(values: int, width: int, sparsity: float) -> int:
    """Compute the bytes of a kernel that magnitude pruning thinned out."""
    return min(values * width, -(-values // 8) + values_left(values, sparsity) * width)
