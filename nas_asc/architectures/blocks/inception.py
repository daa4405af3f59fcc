"""The inception module (Szegedy et al., 2014, arXiv 1409.4842) and its subsets of branches.

The NTU report's module has all branches but the plain 1x1.
"""

from itertools import combinations

from nas_asc.architectures.blocks.block import ACTIVATION_OF_ORDER, AROUND, ORDERS, Block, add_parts
from nas_asc.architectures.frontend import Shape
from nas_asc.architectures.graph import CostTally
from nas_asc.architectures.layers import concat, conv, pool
from nas_asc.errors import ConfigError

BRANCHES = ("1x1", "3x3", "5x5", "pool")
# Every set of branches, written in this order: "3x3+5x5+pool".
BRANCH_SETS = tuple(
    "+".join(chosen)
    for size in range(len(BRANCHES), 0, -1)
    for chosen in combinations(BRANCHES, size)
)
DEFAULT_BRANCHES = "3x3+5x5+pool"

# Of each branch: the cells of its last kernel along each axis, what its layers' names begin with.
_LAST = {branch: (int(branch[0]), f"branch{branch}.") for branch in BRANCHES[:3]}
_LAST["pool"] = (1, "branch_pool.")


def inception(
    g: CostTally,
    x: Shape,
    *,
    branches: str = DEFAULT_BRANCHES,
    width: int = 0,
    width_1x1: int = 0,
    width_3x3: int = 0,
    width_5x5: int = 0,
    width_pool: int = 0,
    activation: str = "relu",
    order: str = "conv-act",
    bias: bool = True,
) -> Shape:
    """Add the branches side by side and concatenate them.

    A 1x1 convolution; 1x1 then 3x3; 1x1 then 5x5; a 3x3 maximum then 1x1. Each has a width of its
    own, `width` if it has none; the 1x1 convolutions are as wide as their branch.

    Raises:
        ConfigError: a branch has no width.
    """
    before, after = AROUND[order]
    rank = len(x) - 1

    def convolve(x: Shape, channels: int, cells: int, prefix: str) -> Shape:
        x = add_parts(g, x, before, activation, prefix) if before else x
        kernel = (cells,) * rank
        x = conv(g, x, channels, kernel, name=prefix + "conv", bias=bias, padding="same")
        return add_parts(g, x, after, activation, prefix) if after else x

    widths = {"1x1": width_1x1, "3x3": width_3x3, "5x5": width_5x5, "pool": width_pool}
    outputs = []
    for branch in branches.split("+"):
        channels = widths[branch] or width
        if not channels:
            raise ConfigError(f"{g.prefix}width_{branch}: expected at least one channel, got none")
        cells, name = _LAST[branch]
        h = x
        if branch == "pool":
            h = pool(g, x, "max", (3,) * rank, (1,) * rank, name=name + "pool", padding="same")
        elif cells > 1:
            h = convolve(x, channels, 1, name + "reduce_")
        outputs.append(convolve(h, channels, cells, name))
    return concat(g, outputs) if len(outputs) > 1 else outputs[0]


INCEPTION = Block(
    inception,
    options={
        **{"branches": BRANCH_SETS, "order": ORDERS, "bias": bool},
        **{f"width_{branch}": range(1, 10_001) for branch in BRANCHES},
    },
    used_with={
        "activation": ACTIVATION_OF_ORDER,
        **{
            f"width_{branch}": ("branches", [s for s in BRANCH_SETS if branch in s.split("+")])
            for branch in BRANCHES
        },
    },
    no_default=("activation",),
)
