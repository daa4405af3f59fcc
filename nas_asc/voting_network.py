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
        networks: in the order of `ensemble.networks`.
        input_shapes: of each input, without the batch axis.
    """

    def __init__(self, ensemble: Ensemble, networks: Sequence[Network]) -> None:
        """Take networks that are built.

        Raises:
            ExportError: they take different inputs.
        """
        super().__init__()
        shapes = {network.input_shapes for network in networks}
        if len(shapes) != 1:
            found = " and ".join(str(shape) for shape in sorted(shapes))
            raise ExportError(
                f"{ensemble.id}: expected networks with the same inputs, found {found} - load them "
                "one by one"
            )
        (self.input_shapes,) = shapes
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


def _columns(ensemble: Ensemble, member: Member) -> Tensor:
    """Give for each class of a member the ensemble's class that it falls into, int64, (class,)."""
    names = ensemble.classes if member.class_map is None else member.class_map.values()
    return torch.tensor([ensemble.classes.index(name) for name in names])
