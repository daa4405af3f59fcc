"""What every block is, and the order of its convolution, normalisation and activation."""

from collections.abc import Callable, Mapping, Sequence

from nas_asc.frontend import Shape
from nas_asc.graph import Tally
from nas_asc.layers import act, norm

ORDERS = ("conv-norm-act", "conv-act-norm", "norm-act-conv", "conv-act", "conv")

# What each order has in front of the convolution and what behind it.
AROUND: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    order: (parts[: parts.index("conv")], parts[parts.index("conv") + 1 :])
    for order in ORDERS
    for parts in [tuple(order.split("-"))]
}

# Takes a sink and a shape, and as keyword arguments the keys of a stage; gives the new shape.
Block = Callable[..., Shape]


def add_parts(g: Tally, x: Shape, parts: Sequence[str], activation: str, prefix: str = "") -> Shape:
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
