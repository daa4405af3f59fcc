"""The vote of an ensemble, and an ensemble as one module that votes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas_asc.errors import ExportError
from nas_asc.networks.network import Network
from nas_asc.reports import Ensemble

Probabilities = NDArray[np.float64]


def vote(ensemble: Ensemble, probabilities: Sequence[Probabilities]) -> Probabilities:
    """Average what the networks of an ensemble say.

    Args:
        ensemble: weighs its networks.
        probabilities: of each network, (clip, class), in the order of `ensemble.networks`; the
            columns of one with a class map stand in the map's order.

    Raises:
        ValueError: there are not as many as networks.
    """
    shares = ensemble.vote_shares
    if len(probabilities) != len(shares):
        raise ValueError(f"expected {len(shares)} votes, got {len(probabilities)}")
    votes = [given @ np.array(share) for given, share in zip(probabilities, shares, strict=True)]
    voted: Probabilities = np.sum(votes, axis=0)
    return voted


class VotingNetwork(nn.Module):
    """Networks with the same inputs whose class probabilities are averaged.

    Attributes:
        networks: in the order of `ensemble.networks`; each standardises by itself.
        input_shapes: of each input, without the batch axis.
        frontend, clip_s: what makes the inputs, of clips of how many seconds.
        classes: names, in the order of the outputs.
    """

    def __init__(self, ensemble: Ensemble, networks: Sequence[Network]) -> None:
        """Build it from networks.

        Raises:
            ExportError: they take different inputs.
        """
        super().__init__()
        for network in networks[1:]:
            for name, value in _fed(network).items():
                if value != (other := _fed(networks[0]).get(name)):
                    raise ExportError(
                        f"{ensemble.id}: expected networks with the same inputs, found {name} "
                        f"{other} and {value} - load them one by one"
                    )
        self.input_shapes, self.frontend = networks[0].input_shapes, networks[0].frontend
        self.clip_s, self.classes = ensemble.clip_s, ensemble.classes
        self.networks = nn.ModuleList(networks)
        for number, share in enumerate(ensemble.vote_shares, 1):
            self.register_buffer(f"share{number}", torch.tensor(share))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the logarithm of the voted probabilities, (batch, class).

        inputs: (batch, ...) each, as every one of the networks takes them.
        """
        votes = [
            network(*inputs).softmax(dim=1) @ share
            for network, share in zip(self.networks, self.buffers(recurse=False), strict=True)
        ]
        return torch.stack(votes).sum(dim=0).log()


def _fed(network: Network) -> dict[str, object]:
    """Return by name what decides the inputs of a network."""
    frontend = {} if network.frontend is None else vars(network.frontend.feature_key)
    return {"shapes": network.input_shapes, **frontend}
