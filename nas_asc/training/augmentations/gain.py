"""A gain: recordings that are louder or softer."""

from dataclasses import replace
from math import log

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Table
from nas_asc.training.augmentations.clipwise import LOG_FLOOR
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class Gain(Table):
    """Settings of the gain: the largest, in dB, up or down."""

    range_db: float = Field(ge=0, le=60)


def gain(batch: Batch, generator: torch.Generator, settings: Gain) -> Batch:
    """Make each clip louder or softer by a gain of its own (Schlueter and Grill 2015, ISMIR).

    It is uniform in dB: how loud a recording is says more of its device and distance than of what
    is heard. In log-mels it is an offset, above their floor. Features without a level ("peak") stay
    as they are.
    """
    if not batch.has_level:
        return batch
    draws = moved(torch.rand(len(batch.targets), generator=generator), batch.targets.device)
    gain_db = (2 * draws - 1) * settings.range_db
    if batch.inputs[0].dim() < 4:
        factor = (10 ** (gain_db / 20)).view(-1, 1, 1)
        return replace(batch, inputs=(batch.inputs[0] * factor, *batch.inputs[1:]))
    offset = gain_db * log(10) / 10

    def louder(log_mels: Tensor) -> Tensor:
        return (log_mels + offset.view(-1, *[1] * (log_mels.dim() - 1))).clamp(min=LOG_FLOOR)

    return replace(batch, inputs=tuple(map(louder, batch.inputs)))
