"""The head: what turns the last stage's maps into logits.

```
maps -> pool -> conv, norm, activation -> pooling or flattening -> joined by the second input
     -> dropout -> dense, norm, activation -> dropout -> linear classifier
maps -> pool -> conv, norm, activation -> convolutional classifier -> dropout -> average
```

Every part but the classifier can be absent.
"""

from collections.abc import Sequence
from functools import cache

from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Extent
from nas_asc.architectures.layers import (
    act,
    concat,
    conv,
    dropout,
    extent,
    flatten,
    global_pool,
    linear,
    norm,
    pointwise,
    pool,
    read_dropout,
    read_pool,
)
from nas_asc.errors import ConfigError


def head(
    g: CostTally,
    x: Shape,
    joined: Sequence[Shape],
    n_classes: int,
    *,
    conv: int,
    activation: str = "relu",
    pooling: str = "avg",
    classifier: str = "linear",
    pool: str = "none",
    pool_padding: str = "valid",
    dropout: str = "none",
    map_dropout: str = "none",
    dense: int = 0,
    dense_norm: bool = False,
    dense_activation: str = "none",
) -> Shape:
    """Add the head.

    Args:
        g: takes the layers.
        x: maps of the last stage.
        joined: vectors that join the pooled maps.
        n_classes: logits.
        conv: channels of a 1x1 convolution in front; 0 for none.
        activation: of that convolution.
        pooling: of the maps, or "flatten", in front of a linear classifier.
        classifier: "linear", or "conv 3x3": a convolution to one map per class and its average.
        pool: a pooling in front of everything, such as "avg 3x3/2".
        pool_padding: of that pooling.
        dropout: in front of every linear layer.
        map_dropout: behind a convolutional classifier.
        dense: features of a hidden linear layer; 0 for none.
        dense_norm: whether it is batch-normalised.
        dense_activation: of the hidden linear layer, or "none".

    Raises:
        ConfigError: a second input cannot go with a convolutional classifier.
    """
    if pool != "none":
        x = _pool(g, x, pool, pool_padding)
    if conv:
        x = act(g, norm(g, pointwise(g, x, conv, name="conv", bias=True)), activation)
    if classifier != "linear":
        if joined:
            raise ConfigError(
                f"head.classifier: expected linear where frontend.mean_spectrum is true, "
                f"got {classifier!r}"
            )
        x = _map_per_class(g, x, n_classes, _kernel(classifier, len(x) - 1))
        return global_pool(g, _drop(g, x, map_dropout), "avg")
    x = flatten(g, x) if pooling == "flatten" else global_pool(g, x, pooling)
    if joined:
        x = concat(g, [x, *joined])
    if dense:
        x = linear(g, _drop(g, x, dropout, "dense_dropout"), dense, name="dense")
        if dense_norm:
            x = norm(g, x, name="dense_norm")
        if dense_activation != "none":
            x = act(g, x, dense_activation, name="dense_act")
    return linear(g, _drop(g, x, dropout), n_classes, name="classifier")


@cache
def _kernel(classifier: str, rank: int) -> Extent:
    size = classifier.removeprefix("conv ")
    return extent(int(size) if size.isdecimal() else size, rank)


def _pool(g: CostTally, x: Shape, value: str, padding: str) -> Shape:
    return pool(g, x, *read_pool(value, len(x) - 1), name="local_pool", padding=padding)


def _map_per_class(g: CostTally, x: Shape, n_classes: int, kernel: Extent) -> Shape:
    return conv(g, x, n_classes, kernel, name="classifier", bias=True, padding="same")


def _drop(g: CostTally, x: Shape, value: str, name: str = "dropout") -> Shape:
    return x if value == "none" else dropout(g, x, *read_dropout(value), name=name)
