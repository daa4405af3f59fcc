"""The vote of an ensemble: a weighted mean of class probabilities, (clip, class)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas_asc.ensemble import Ensemble, Member

Probabilities = NDArray[np.float64]


def vote(ensemble: Ensemble, probabilities: Sequence[Probabilities]) -> Probabilities:
    """Average what the networks of an ensemble say.

    Args:
        ensemble: weighs its networks.
        probabilities: of each network, in the order of `ensemble.networks`; the columns of one with
            a class map stand in the map's order, and are summed into the ensemble's classes.

    Raises:
        ValueError: there are not as many as networks.
    """
    networks = ensemble.networks
    if len(probabilities) != len(networks):
        raise ValueError(f"expected {len(networks)} votes, got {len(probabilities)}")
    total = sum(member.weight for member in networks)
    votes = [
        member.weight / total * _mapped(ensemble, member, given)
        for member, given in zip(networks, probabilities, strict=True)
    ]
    voted: Probabilities = np.sum(votes, axis=0)
    return voted


def _mapped(ensemble: Ensemble, member: Member, probabilities: Probabilities) -> Probabilities:
    if member.class_map is None:
        return probabilities
    sums = np.zeros((len(probabilities), len(ensemble.classes)))
    for column, name in enumerate(member.class_map.values()):
        sums[:, ensemble.classes.index(name)] += probabilities[:, column]
    return sums
