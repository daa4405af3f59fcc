"""The head: what turns the last stage's maps into logits.

```
maps -> pool -> conv, norm, activation -> pooling or flattening -> joined by the second input
     -> dropout -> dense, norm, activation -> dropout -> linear classifier
maps -> pool -> conv, norm, activation -> convolutional classifier -> dropout -> average
```

Every part but the classifier can be absent.
"""

from collections.abc import Sequence

from nas_asc.architectures import layers
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally
from nas_asc.architectures.layers import act, extent, linear, norm, read_dropout, read_pool
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
    """Add the head to `g`, for the maps `x` and vectors that are `joined` to them once pooled.

    `conv` is the width of a 1x1 convolution with `activation` in front, `dense` that of a hidden
    linear layer, each 0 for none; `pool` a pooling in front of all, such as "avg 3x3/2". The
    `classifier` is "linear", or "conv 3x3": one map per class, and its average. `dropout` stands in
    front of every linear layer, `map_dropout` behind a convolutional classifier.

    Raises:
        ConfigError: a second input cannot go with a convolutional classifier.
    """
    rank = len(x) - 1
    if pool != "none":
        x = layers.pool(g, x, *read_pool(pool, rank), name="local_pool", padding=pool_padding)
    if conv:
        x = act(g, norm(g, layers.pointwise(g, x, conv, name="conv", bias=True)), activation)
    if classifier != "linear":
        if joined:
            raise ConfigError(
                f"head.classifier: expected linear where frontend.mean_spectrum is true, "
                f"got {classifier!r}"
            )
        kernel = extent(classifier.removeprefix("conv "), rank)
        x = layers.conv(g, x, n_classes, kernel, name="classifier", bias=True, padding="same")
        return layers.global_pool(g, layers.dropout(g, x, *read_dropout(map_dropout)), "avg")
    x = layers.flatten(g, x) if pooling == "flatten" else layers.global_pool(g, x, pooling)
    if joined:
        x = layers.concat(g, [x, *joined])
    dropped = read_dropout(dropout)
    if dense:
        x = layers.dropout(g, x, *dropped, name="dense_dropout")
        x = linear(g, x, dense, name="dense")
        if dense_norm:
            x = norm(g, x, name="dense_norm")
        if dense_activation != "none":
            x = act(g, x, dense_activation, name="dense_act")
    return linear(g, layers.dropout(g, x, *dropped), n_classes, name="classifier")
