"""Calibration: one number that makes the confidence of a network right on average.

Conventions: temperature scaling, Guo et al. 2017, "On calibration of modern neural networks" (arXiv
1706.04599): logits are divided by a temperature T > 0, the one that minimises the log loss of the
validation clips. Softmax keeps the order of logits, so accuracy stays; T is folded into the weight
and bias of the classifier, so size and work stay too. One number is chosen by the same clips that
judge the network: its log loss is a little better there than on clips that it has not seen.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from nas_asc.architectures import Activation, Conv, Linear, Norm
from nas_asc.errors import UnsupportedOperation
from nas_asc.training.metrics import Labels, Probabilities, file_means, score

if TYPE_CHECKING:
    from nas_asc.networks import Network

# Where every clip is right the best temperature is 0, where they are no better than chance it is
# infinite: neither says anything of other clips.
LOWEST, HIGHEST = 1 / 20, 20.0

_TOLERANCE = 1e-6  # of ln T
_LEAST_PROBABILITY = np.finfo(np.float64).tiny


def best_temperature(
    probabilities: Probabilities, labels: Labels, files: Labels | None = None
) -> float:
    """Return the temperature, from 1/20 to 20, of the lowest log loss; 1 if none is better.

    Args:
        probabilities: of the network as it is, (clip, class).
        labels: of the clips, (clip,).
        files: the number of the file that each clip is a window of, (clip,); None where each is
            one. The log loss is that of files, by the mean over their windows.
    """
    from scipy.optimize import minimize_scalar  # takes longer to load than to run

    # They differ from the logits by a constant of the clip, which softmax does not see.
    logits = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    truth = labels
    if files is not None:
        _, first = file_means(probabilities, files)
        truth = labels[first]

    def log_loss(log_t: float) -> float:
        scaled = logits / math.exp(log_t)
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        scaled /= scaled.sum(axis=1, keepdims=True)
        if files is not None:
            scaled, _ = file_means(scaled, files)
        return score(scaled, truth).log_loss

    bounds = (math.log(LOWEST), math.log(HIGHEST))
    options = {"xatol": _TOLERANCE}
    found = minimize_scalar(  # type: ignore[no-untyped-call]  # scipy has no types
        log_loss, bounds=bounds, method="bounded", options=options
    )
    return math.exp(found.x) if found.fun < log_loss(0.0) else 1.0


@torch.no_grad()
def fold_temperature(network: "Network", temperature: float) -> None:
    """Divide the logits of a network by a temperature, in the weight and bias of its classifier.

    Raises:
        UnsupportedOperation: what follows the classifier is more than pooling and dropout.
    """
    weighted = [layer for layer in network.layers if isinstance(layer.operator, Conv | Linear)]
    classifier = weighted[-1]
    for layer in network.layers[classifier.index + 1 :]:
        if isinstance(layer.operator, Activation | Norm):
            raise UnsupportedOperation(
                f"{layer.name}: expected nothing but pooling behind the classifier "
                f'{classifier.name}, got {layer.op!r} - train it with calibration = "none"'
            )
    module = network.get_submodule(classifier.name)
    for parameter in module.parameters():
        parameter.div_(temperature)
