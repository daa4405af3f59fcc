"""An architecture, one point of a search space, and the way from it to the graph of its layers."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from nas_asc.architectures import layers
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.channel_groups import channels_left, without_channels
from nas_asc.architectures.frontend import FrontEnd, Shape, front_end, input_shapes
from nas_asc.architectures.graph import CostTally, Graph
from nas_asc.architectures.head import head
from nas_asc.architectures.layers import extent, norm, read_dropout, read_pool
from nas_asc.errors import ConfigError
from nas_asc.files import digest

Value = bool | int | float | str
Sections = Mapping[str, Mapping[str, Value]]


class Architecture:
    """One point of a search space; immutable, equal and hashed by what is active in it.

    Attributes:
        space: name of the space that it was drawn from.
        sections: every active value, chosen or fixed, as {"stage1": {"width": 12, ...}, ...}, in
            the order of the network.
        chosen: (section, key) of those that are choices in the space, in asking order.
        family: where the space is made of several, the one that it was drawn from: then a choice
            itself, and in front of the paths of the others.
    """

    def __init__(
        self,
        space: str,
        sections: Sections,
        chosen: Iterable[tuple[str, str]],
        family: str | None = None,
    ) -> None:
        self.space = space
        self.sections = sections
        self.chosen = chosen
        self.family = family

    @cached_property
    def choices(self) -> Mapping[str, Value]:
        """The active choices by dotted path."""
        values = {f"{section}.{key}": self.sections[section][key] for section, key in self.chosen}
        if self.family is not None:
            values = {f"{self.family}.{path}": value for path, value in values.items()}
            values = {"family": self.family, **values}
        return MappingProxyType(values)

    @cached_property
    def frontend(self) -> FrontEnd:
        """What the network is fed."""
        return front_end(self.sections["frontend"])

    @cached_property
    def key(self) -> str:
        """A short hash of everything active; equal keys are the same model."""
        text = json.dumps({k: dict(v) for k, v in self.sections.items()}, sort_keys=True)
        return digest(text, 16)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Architecture({self.space!r}, {dict(self.choices)!r})"

    def to_dict(self) -> dict[str, object]:
        """Return the architecture as JSON."""
        return {
            "space": self.space,
            **({} if self.family is None else {"family": self.family}),
            "sections": {name: dict(values) for name, values in self.sections.items()},
            "choices": [f"{section}.{key}" for section, key in self.chosen],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> "Architecture":
        """Read an architecture from JSON.

        Raises:
            ConfigError: it is no architecture.
        """
        space, sections, choices = data.get("space"), data.get("sections"), data.get("choices")
        family = data.get("family")
        if (
            not isinstance(space, str)
            or not isinstance(sections, Mapping)
            or not all(isinstance(values, Mapping) for values in sections.values())
            or not isinstance(choices, list)
            or not isinstance(family, str | None)
        ):
            raise ConfigError(
                "architecture: expected space, sections and choices, "
                f"got {', '.join(map(str, data)) or 'nothing'}"
            )
        chosen = [tuple(str(path).split(".", 1)) for path in choices]
        missing = [".".join(c) for c in chosen if len(c) != 2 or c[1] not in sections.get(c[0], {})]
        if missing:
            raise ConfigError(f"architecture: expected a value for {', '.join(missing)}, got none")
        return cls(space, {name: dict(v) for name, v in sections.items()}, chosen, family)  # type: ignore[arg-type]


# The keys of a stage besides its block's, and what they are where a space leaves them out.
STAGE_DEFAULTS: Mapping[str, Any] = {
    "depth": 1,
    "block": "conv",
    "pool": "none",
    "pool_padding": "valid",
    "pool_norm": False,
    "dropout": "none",
}
# What of a recipe a candidate has chosen stands in a section of its own; no layer is of it.
RECIPE = "recipe"
_NO_STAGES = frozenset({"frontend", "head", "compression", RECIPE})
# The pruning of `[compression]` that leaves a smaller network.
CHANNEL_REMOVAL = "channel_removal"


def assemble(g: CostTally, architecture: Architecture, n_classes: int, clip_s: float) -> Shape:
    """Add all layers of a network as it is trained to `g` and return the shape of its logits."""
    sections = architecture.sections
    frontend = sections["frontend"]
    inputs = [g.input(shape) for shape in input_shapes(frontend, clip_s)]
    x = inputs[0]
    if frontend.get("normalisation") == "batch_norm":
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
    depth, block = take("depth", default["depth"]), take("block", default["block"])
    pool, pool_norm = take("pool", default["pool"]), take("pool_norm", default["pool_norm"])
    padding = take("pool_padding", default["pool_padding"])
    dropout = take("dropout", default["dropout"])
    if not depth:
        return x
    rank = len(x) - 1
    for key in ("kernel", "stride"):
        if key in keys:
            keys[key] = extent(keys[key], rank)
    add_block = BLOCKS[block].add
    g.prefix = f"{name}." if depth == 1 else f"{name}.1."
    x = add_block(g, x, **keys)
    if depth > 1:
        if "stride" in keys:
            keys["stride"] = (1,) * rank
        for repeat in range(2, depth + 1):
            g.prefix = f"{name}.{repeat}."
            x = add_block(g, x, **keys)
        g.prefix = f"{name}."
    if pool != "none":
        x = layers.pool(g, x, *read_pool(pool, rank), padding=padding)
        if pool_norm:
            x = norm(g, x, name="pool_norm")
    return layers.dropout(g, x, *read_dropout(dropout)) if dropout != "none" else x


def build_graph(architecture: Architecture, n_classes: int, clip_s: float) -> Graph:
    """Build the graph of a network for clips of `clip_s` seconds: of what is left in the end."""
    graph = Graph()
    assemble(graph, architecture, n_classes, clip_s)
    compression: Mapping[str, Any] = architecture.sections["compression"]
    if compression["pruning"] != CHANNEL_REMOVAL:
        return graph
    settings = {key: compression[key] for key in ("sparsity", "iterations")}
    return without_channels(graph, partial(channels_left, **settings))


def tally_of(architecture: Architecture, n_classes: int, clip_s: float) -> CostTally:
    """Add up the costs of the layers of `build_graph`, as fast as can be."""
    if architecture.sections["compression"]["pruning"] == CHANNEL_REMOVAL:
        return build_graph(architecture, n_classes, clip_s)
    tally = CostTally()
    assemble(tally, architecture, n_classes, clip_s)
    return tally


def as_trained(architecture: Architecture) -> Architecture:
    """Return the architecture of what is trained: with the channels that are removed in the end."""
    compression = architecture.sections["compression"]
    if compression["pruning"] != CHANNEL_REMOVAL:
        return architecture
    whole = {"precision": compression["precision"], "pruning": "none"}
    sections = {**architecture.sections, "compression": whole}
    chosen = [path for path in architecture.chosen if path[0] != "compression"]
    return Architecture(architecture.space, sections, chosen, architecture.family)
