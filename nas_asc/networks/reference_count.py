"""fvcore as the independent reference count of a built module.

Conventions: `macs` are fvcore's convolution and linear handlers; `total` is its raw total, which
adds 2 per batch norm element. An operator that is neither counted nor known to be free raises:
fvcore itself would silently count it as zero.
"""

import logging
import warnings
from dataclasses import dataclass

import torch
from fvcore.nn.flop_count import FlopCountAnalysis

from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.network import Network

_COUNTED = ("conv", "linear", "addmm", "matmul")
# Operators without multiply-accumulates of their own, or whose cost is not one by our definition.
_FREE = frozenset(
    {
        "aten::add",
        "aten::add_",
        "aten::alpha_dropout",
        "aten::amax",
        "aten::div",  # of the standardisation, as "aten::sub"
        "aten::feature_dropout",
        "aten::hardswish",
        "aten::mean",
        "aten::mul",
        "aten::pad",
        "aten::selu",
        "aten::sigmoid",
        "aten::silu",
        "aten::avg_pool1d",
        "aten::avg_pool2d",
        "aten::sub",
        "aten::max_pool1d",
        "aten::max_pool2d",
    }
)


@dataclass(frozen=True)
class ReferenceCount:
    """What fvcore counts for one clip."""

    macs: int
    total: int


def reference_count(network: Network) -> ReferenceCount:
    """Count a module with fvcore, in evaluation mode, for one clip; takes about 0.1 s.

    Raises:
        UnsupportedOperation: the module runs an operator whose cost nobody has stated.
    """
    was_training = network.training
    network.eval()
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(network, network.example_inputs())
            by_operator = analysis.by_operator()
            unsupported = set(analysis.unsupported_ops()) - _FREE
    finally:
        network.train(was_training)
    if unsupported:
        raise UnsupportedOperation(
            f"expected operators with a stated cost, got {', '.join(sorted(unsupported))}; "
            "state it in nas_asc/networks/reference_count.py"
        )
    return ReferenceCount(
        macs=int(sum(by_operator[op] for op in _COUNTED if op in by_operator)),
        total=int(sum(by_operator.values())),
    )
