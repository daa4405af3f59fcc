"""What a network costs under each counting rule, and whether it fits a budget."""

from nas_asc.complexity.budget import MEASURES, Budget, Counted, parse_budget
from nas_asc.complexity.caveats import counting_holes
from nas_asc.complexity.counting import Complexity, Costs, LayerRow, count, layer_table, total_costs
from nas_asc.complexity.pruning import (
    NOT_PRUNED,
    PRUNINGS,
    ChannelPruning,
    ChannelRemoval,
    MagnitudePruning,
    Pruning,
    values_left,
)
from nas_asc.complexity.rules import (
    BYTES_PER_VALUE,
    FULL_INT8,
    INT8,
    RULES,
    CountingRule,
    counting_rule,
)

__all__ = [
    "BYTES_PER_VALUE", "FULL_INT8", "INT8", "MEASURES", "NOT_PRUNED", "PRUNINGS", "RULES", "Budget",
    "ChannelPruning", "ChannelRemoval", "Complexity", "Costs", "Counted", "CountingRule",
    "LayerRow", "MagnitudePruning", "Pruning", "count", "counting_holes", "counting_rule",
    "layer_table", "parse_budget", "total_costs", "values_left",
]  # fmt: skip
