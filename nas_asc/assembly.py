"""From an architecture to the layers of its network, front to back."""

from functools import cache
from inspect import signature

from nas_asc.architecture import Architecture
from nas_asc.blocks import BLOCKS
from nas_asc.frontend import Shape, front_end
from nas_asc.graph import Graph, Tally
from nas_asc.layers import act, extent, flatten, global_pool, linear, norm, pointwise

_EXTENTS = frozenset({"kernel", "stride"})


@cache
def block_keys(block: str) -> tuple[tuple[str, bool], ...]:
    """Give the keys of a stage that a block uses, and whether each has a default."""
    parameters = signature(BLOCKS[block]).parameters.values()
    return tuple((p.name, p.default is not p.empty) for p in parameters if p.kind is p.KEYWORD_ONLY)


_cached_extent = cache(extent)


def assemble(g: Tally, architecture: Architecture, n_classes: int, clip_s: float) -> Shape:
    """Add all layers of a network to `g` and give the shape of its logits, (n_classes,)."""
    sections = architecture.sections
    frontend = front_end(sections["frontend"])
    x = g.input(frontend.input_shapes(clip_s)[0])
    rank = len(x) - 1
    if frontend.normalisation == "batch_norm":
        g.prefix = "input."
        x = norm(g, x, axis=1)
    for name, stage in sections.items():
        if name != "stem" and not name.startswith("stage"):
            continue
        depth = int(stage.get("depth", 1))
        if not depth:
            continue
        block = BLOCKS[str(stage["block"])]
        keys = {
            key: _cached_extent(stage[key], rank) if key in _EXTENTS else stage[key]
            for key, _ in block_keys(str(stage["block"]))
            if key in stage
        }
        g.prefix = f"{name}.1." if depth != 1 else f"{name}."
        x = block(g, x, **keys)
        if depth != 1:
            keys["stride"] = (1,) * rank
            for repeat in range(2, depth + 1):
                g.prefix = f"{name}.{repeat}."
                x = block(g, x, **keys)
    g.prefix = "head."
    return _head(g, x, n_classes, **sections["head"])  # type: ignore[arg-type]


def _head(
    g: Tally,
    x: Shape,
    n_classes: int,
    *,
    conv: int,
    pooling: str,
    activation: str = "relu",
    dense: int = 0,
) -> Shape:
    """Add the last 1x1 convolution, the pooling and the classifier."""
    if conv:
        x = act(g, norm(g, pointwise(g, x, conv, name="conv", bias=True)), activation)
    x = flatten(g, x) if pooling == "flatten" else global_pool(g, x, pooling)
    if dense:
        x = linear(g, x, dense, name="dense")
    return linear(g, x, n_classes, name="classifier")


def build_graph(architecture: Architecture, n_classes: int, clip_s: float) -> Graph:
    """Build the graph of a network for clips of `clip_s` seconds."""
    graph = Graph()
    assemble(graph, architecture, n_classes, clip_s)
    return graph
