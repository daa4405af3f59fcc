"""A window of time that is kept, with silence around it."""

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import (
    LOG_FLOOR,
    drawn,
    frames_a_second,
    in_stretch,
    is_scaled_log_mel,
    is_waveform,
    with_some,
    with_time_last,
)
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved
from nas_asc.units import MOST_S


class TemporalMask(Table):
    """Settings of the temporal mask.

    Attributes:
        probability: of a clip to be masked.
        mean_s, deviation_s: of the window's length, which is of a normal distribution; of what is
            below 0 its amount.
        grid_s: windows begin at multiples of it.
    """

    probability: Share
    mean_s: float = Field(ge=0, le=MOST_S)
    deviation_s: float = Field(ge=0, le=MOST_S)
    grid_s: float = Field(gt=0, le=MOST_S)


def temporal_mask(batch: Batch, generator: torch.Generator, settings: TemporalMask) -> Batch:
    """Keep a window of a clip and silence the rest (Pajusco et al. 2020, IMT report, DCASE).

    The report's code has lengths of |N(0, 1) + 4| s and a grid of 0.2 s. Silence is 0 in a waveform
    and the floor in log-mels. A window that is longer than its clip keeps all of it.
    """
    clips, maps = len(batch.targets), batch.inputs[0]
    clip_s = maps.shape[-1] / frames_a_second(batch)
    masked = drawn(settings.probability, clips, generator)
    normal = torch.randn(clips, generator=generator)
    kept_s = (normal * settings.deviation_s + settings.mean_s).abs().clamp(max=clip_s)
    places = ((clip_s - kept_s) / settings.grid_s).floor() + 1
    first_s = (torch.rand(clips, generator=generator) * places).floor() * settings.grid_s
    ends = torch.stack([first_s, first_s + kept_s]) / clip_s
    silence = 0.0 if is_waveform(batch) or is_scaled_log_mel(batch) else LOG_FLOOR

    def silenced(chosen: Batch, numbers: Tensor) -> Tensor:
        window = moved(ends[:, numbers], maps.device)
        return with_time_last(
            chosen, lambda plane: torch.where(in_stretch(window, plane), plane, silence)
        )

    return with_some(batch, masked, silenced)
