"""What a block is, with its options, and the order of a convolution, norm and activation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature

from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally
from nas_asc.architectures.layers import act, norm

ORDERS = ("conv-norm-act", "conv-act-norm", "norm-act-conv", "conv-act", "conv")

# What each order has in front of the convolution and what behind it.
AROUND: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    order: (parts[: parts.index("conv")], parts[parts.index("conv") + 1 :])
    for order in ORDERS
    for parts in [tuple(order.split("-"))]
}
# An activation is asked for where the order has one.
ACTIVATION_OF_ORDER = ("order", tuple(order for order in ORDERS if "act" in order))

# What a key may be: one of some words, a whole number of a range, a share from 0 to 1 (float), or
# true or false (bool).
Option = Sequence[str] | range | type[float] | type[bool]


@dataclass(frozen=True)
class Block:
    """A block as a search space knows it.

    Attributes:
        add: takes a tally or a graph, a shape, and as keyword arguments the keys of a stage that
            has this block, with their defaults; returns the new shape.
        options: what its keys may be, but for those that the stages of all blocks have in common:
            width, kernel, stride and activation.
        used_with: of a key that is not always in use, the key that decides it, and with which
            values.
        no_default: keys whose default is only for the case that they are not in use.
        odd_kernels: whether it has a shortcut, which is of one size with the convolutions only if
            their kernels are odd.
    """

    add: Callable[..., Shape]
    options: Mapping[str, Option] = field(default_factory=dict)
    used_with: Mapping[str, tuple[str, Collection[str]]] = field(default_factory=dict)
    no_default: Collection[str] = ()
    odd_kernels: bool = False

    @cached_property
    def defaults(self) -> Mapping[str, object]:
        """The keys, each with its default; `Parameter.empty` for none."""
        parameters = signature(self.add).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @cached_property
    def selectors(self) -> tuple[str, ...]:
        """The keys that decide which others are in use."""
        return tuple(dict.fromkeys(selector for selector, _ in self.used_with.values()))

    def keys_in_use(self, selected: Mapping[str, object]) -> list[tuple[str, bool]]:
        """Return the keys in use besides the selectors, and whether each may be left out.

        A selector that is not among the `selected` has its default.
        """
        chosen = {**self.defaults, **selected}
        return [
            (key, key not in self.no_default and default is not Parameter.empty)
            for key, default in self.defaults.items()
            if key not in self.selectors
            if key not in self.used_with or chosen[self.used_with[key][0]] in self.used_with[key][1]
        ]


def add_parts(
    g: CostTally, x: Shape, parts: Sequence[str], activation: str, prefix: str = ""
) -> Shape:
    """Add normalisations and activations, such as one half of `AROUND`.

    `prefix` goes in front of the names "norm" and "act" where a block has several.
    """
    if not g.keeps_layers:  # an activation costs nothing
        return norm(g, x) if "norm" in parts else x
    for part in parts:
        if part == "norm":
            x = norm(g, x, name=prefix + "norm")
        else:
            x = act(g, x, activation, name=prefix + "act")
    return x
