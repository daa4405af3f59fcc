"""fvcore as the independent reference count of a built module.

An operator that is neither counted nor known to be free raises; fvcore would count it as zero.
"""

import logging
import re
import warnings
from typing import NamedTuple

import torch
from fvcore.nn.flop_count import FlopCountAnalysis

from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.network import Network

_COUNTED = ("conv", "linear", "addmm", "matmul")
# Without multiply-accumulates of their own, or whose cost is not one by our definition; division
# and subtraction are the standardisation's, fake quantization is that of int8 activations.
_FREE = re.compile(
    "aten::(add_?|alpha_dropout|amax|avg_pool[12]d|div|fake_quantize_per_tensor_affine|"
    "feature_dropout|hardswish|max_pool[12]d|mean|mul|pad|selu|sigmoid|silu|sub)"
)


class ReferenceCount(NamedTuple):
    """What fvcore counts for one clip; its raw total adds 2 per batch norm element."""

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
            unsupported = {op for op in analysis.unsupported_ops() if not _FREE.fullmatch(op)}
    finally:
        network.train(was_training)
    if unsupported:
        raise UnsupportedOperation(
            f"expected operators with a stated cost, got {', '.join(sorted(unsupported))}; "
            "state it in nas_asc/networks/reference_count.py"
        )
    macs = sum(by_operator.get(operator, 0) for operator in _COUNTED)
    return ReferenceCount(int(macs), int(sum(by_operator.values())))
