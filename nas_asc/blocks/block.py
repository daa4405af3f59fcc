"""What every block is, and the order of its convolution, normalisation and activation."""

from collections.abc import Callable

from nas_asc.frontend import Shape
from nas_asc.graph import Tally
from nas_asc.layers import act, norm

ORDERS = ("conv-norm-act", "conv-act-norm", "norm-act-conv")


# Takes a sink and a shape, and as keyword arguments the keys of a stage; gives the new shape.
Block = Callable[..., Shape]


def ordered(
    g: Tally, x: Shape, order: str, activation: str, convolve: Callable[[Shape], Shape]
) -> Shape:
    """Add a convolution with its normalisation and activation, in `order`."""
    if order == "norm-act-conv":
        return convolve(act(g, norm(g, x), activation))
    x = convolve(x)
    if order == "conv-norm-act":
        return act(g, norm(g, x), activation)
    return norm(g, act(g, x, activation))
