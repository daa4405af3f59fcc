"""From an architecture to the layers of its network, front to back."""

from functools import cache
from inspect import signature
from typing import Any

from nas_asc.architecture import Architecture
from nas_asc.blocks import BLOCKS
from nas_asc.frontend import Shape, front_end
from nas_asc.graph import Graph, Tally
from nas_asc.head import head
from nas_asc.layers import dropout, extent, norm, pool, read_dropout, read_pool

_EXTENTS = frozenset({"kernel", "stride"})

_cached_extent = cache(extent)
_cached_pool = cache(read_pool)
_cached_dropout = cache(read_dropout)


@cache
def block_keys(block: str) -> tuple[tuple[str, bool], ...]:
    """Give the keys of a stage that a block uses, and whether each has a default."""
    parameters = signature(BLOCKS[block]).parameters.values()
    return tuple((p.name, p.default is not p.empty) for p in parameters if p.kind is p.KEYWORD_ONLY)


def assemble(g: Tally, architecture: Architecture, n_classes: int, clip_s: float) -> Shape:
    """Add all layers of a network to `g` and give the shape of its logits, (n_classes,)."""
    sections = architecture.sections
    frontend = front_end(sections["frontend"])
    inputs = [g.input(shape) for shape in frontend.input_shapes(clip_s)]
    x = inputs[0]
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
        keys: dict[str, Any] = {
            key: _cached_extent(stage[key], rank) if key in _EXTENTS else stage[key]
            for key, _ in block_keys(str(stage["block"]))
            if key in stage
        }
        g.prefix = f"{name}.1." if depth != 1 else f"{name}."
        x = block(g, x, **keys)
        if depth != 1:
            if "stride" in keys:
                keys["stride"] = (1,) * rank
            for repeat in range(2, depth + 1):
                g.prefix = f"{name}.{repeat}."
                x = block(g, x, **keys)
        g.prefix = f"{name}."
        if (pooled := stage.get("pool", "none")) != "none":
            cells = _cached_pool(pooled, rank)
            x = pool(g, x, *cells, padding=str(stage.get("pool_padding", "valid")))
            if stage.get("pool_norm"):
                x = norm(g, x, name="pool_norm")
        if (dropped := stage.get("dropout", "none")) != "none":
            x = dropout(g, x, *_cached_dropout(dropped))
    g.prefix = "head."
    return head(g, x, inputs[1:], n_classes, **sections["head"])  # type: ignore[arg-type]


def build_graph(architecture: Architecture, n_classes: int, clip_s: float) -> Graph:
    """Build the graph of a network for clips of `clip_s` seconds."""
    graph = Graph()
    assemble(graph, architecture, n_classes, clip_s)
    return graph
