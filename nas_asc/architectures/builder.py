"""From an architecture to the layers of its network, front to back."""

from collections.abc import Mapping
from typing import Any

from nas_asc.architectures import layers
from nas_asc.architectures.architecture import Architecture, Value
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally, Graph
from nas_asc.architectures.head import head
from nas_asc.architectures.layers import extent, norm, read_dropout, read_pool

# The keys of a stage besides its block's, and what they are where a space leaves them out.
STAGE_DEFAULTS: Mapping[str, Value] = {
    "depth": 1,
    "block": "conv",
    "pool": "none",
    "pool_padding": "valid",
    "pool_norm": False,
    "dropout": "none",
}
_NO_STAGES = frozenset({"frontend", "head", "compression"})
_EXTENTS = ("kernel", "stride")


def assemble(g: CostTally, architecture: Architecture, n_classes: int, clip_s: float) -> Shape:
    """Add all layers of a network to `g` and return the shape of its logits, (n_classes,)."""
    sections = architecture.sections
    frontend = architecture.frontend
    inputs = [g.input(shape) for shape in frontend.input_shapes(clip_s)]
    x = inputs[0]
    if frontend.normalisation == "batch_norm":
        g.prefix = "input."
        x = norm(g, x, axis=1)
    for name, stage in sections.items():
        if name not in _NO_STAGES:
            x = _stage(g, x, name, stage)
    g.prefix = "head."
    return head(g, x, inputs[1:], n_classes, **sections["head"])  # type: ignore[arg-type]


def _stage(g: CostTally, x: Shape, name: str, stage: Mapping[str, Value]) -> Shape:
    """Add a stage: its block `depth` times, the first with the stride; a pooling; a dropout."""
    # Popped, not passed: a call with this many keyword arguments costs as much as its layers.
    keys: dict[str, Any] = dict(stage)
    take, default = keys.pop, STAGE_DEFAULTS
    depth = take("depth", default["depth"])
    block = take("block", default["block"])
    pool = take("pool", default["pool"])
    pool_padding = take("pool_padding", default["pool_padding"])
    pool_norm = take("pool_norm", default["pool_norm"])
    dropout = take("dropout", default["dropout"])
    if not depth:
        return x
    rank = len(x) - 1
    for key in _EXTENTS:
        if key in keys:
            keys[key] = extent(keys[key], rank)
    add_block = BLOCKS[block].add
    g.prefix = f"{name}." if depth == 1 else f"{name}.1."
    x = add_block(g, x, **keys)
    if depth != 1:
        if "stride" in keys:
            keys["stride"] = (1,) * rank
        for repeat in range(2, depth + 1):
            g.prefix = f"{name}.{repeat}."
            x = add_block(g, x, **keys)
        g.prefix = f"{name}."
    if pool != "none":
        x = layers.pool(g, x, *read_pool(pool, rank), padding=pool_padding)
        if pool_norm:
            x = norm(g, x, name="pool_norm")
    return layers.dropout(g, x, *read_dropout(dropout)) if dropout != "none" else x


def build_graph(architecture: Architecture, n_classes: int, clip_s: float) -> Graph:
    """Build the graph of a network for clips of `clip_s` seconds."""
    graph = Graph()
    assemble(graph, architecture, n_classes, clip_s)
    return graph
