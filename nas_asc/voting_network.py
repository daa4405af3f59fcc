"""An ensemble as one module, for running it: the vote of nas_asc/voting.py in torch."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from nas_asc.ensemble import Ensemble, Member
from nas_asc.errors import ExportError
from nas_asc.network import Network


class VotingNetwork(nn.Module):
    """Networks with the same inputs whose class probabilities are averaged.

    Attributes:
        networks: in the order of `ensemble.networks`; each standardises by itself.
        input_shapes: of each input, without the batch axis.
        frontend, clip_s: what makes the inputs, of clips of how many seconds.
        classes: names, in the order of the outputs.
    """

    def __init__(self, ensemble: Ensemble, networks: Sequence[Network]) -> None:
        """Take networks that are built.

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
        weights = torch.tensor([member.weight for member in ensemble.networks])
        self.register_buffer("weights", weights / weights.sum())
        self._columns = [_columns(ensemble, member) for member in ensemble.networks]
        self._n_classes = len(ensemble.classes)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Give the logarithm of the voted probabilities, (batch, class).

        inputs: (batch, ...) each, as every one of the networks takes them.
        """
        voted = inputs[0].new_zeros(len(inputs[0]), self._n_classes)
        weights = cast(Tensor, self.weights)
        for network, weight, columns in zip(self.networks, weights, self._columns, strict=True):
            probabilities = network(*inputs).softmax(dim=1)
            voted = voted.index_add(1, columns.to(voted.device), weight * probabilities)
        return voted.log()


def _fed(network: Network) -> dict[str, object]:
    """Give by name what decides the inputs of a network."""
    frontend = {} if network.frontend is None else vars(network.frontend.feature_key)
    return {"shapes": network.input_shapes, **frontend}


def _columns(ensemble: Ensemble, member: Member) -> Tensor:
    """Give for each class of a member the ensemble's class that it falls into, int64, (class,)."""
    names = ensemble.classes if member.class_map is None else member.class_map.values()
    return torch.tensor([ensemble.classes.index(name) for name in names])
