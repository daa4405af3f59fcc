"""What every block is, and the order of its convolution, normalisation and activation."""

from collections.abc import Callable
from functools import cache

from nas_asc.frontend import Shape
from nas_asc.graph import Tally
from nas_asc.layers import act, norm

ORDERS = ("conv-norm-act", "conv-act-norm", "norm-act-conv", "conv-act", "conv")


# Takes a sink and a shape, and as keyword arguments the keys of a stage; gives the new shape.
Block = Callable[..., Shape]


def ordered(
    g: Tally,
    x: Shape,
    order: str,
    activation: str,
    convolve: Callable[[Shape], Shape],
    prefix: str = "",
) -> Shape:
    """Add a convolution with its normalisation and activation, in `order`.

    `prefix` goes in front of the names "norm" and "act" where a block has several.
    """
    for part in _parts(order):
        if part == "conv":
            x = convolve(x)
        elif part == "norm":
            x = norm(g, x, name=prefix + "norm")
        else:
            x = act(g, x, activation, name=prefix + "act")
    return x


@cache
def _parts(order: str) -> tuple[str, ...]:
    return tuple(order.split("-"))
