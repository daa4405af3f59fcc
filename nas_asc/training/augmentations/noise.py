"""White noise at a drawn distance below the signal."""

from math import floor

import torch
from pydantic import Field, model_validator
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import (
    drawn,
    front_end_of,
    is_scaled_log_mel,
    is_waveform,
    mel_corners_hz,
    with_some,
    with_time_last,
)
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class Noise(Table):
    """Settings of the noise.

    Attributes:
        probability: of a clip to get some.
        lowest_db, highest_db: signal-to-noise ratios, of which one is drawn in steps of `step_db`.
    """

    probability: Share
    lowest_db: float = Field(ge=-60, le=120)
    highest_db: float = Field(ge=-60, le=120)
    step_db: float = Field(gt=0, le=120)

    @model_validator(mode="after")
    def _ordered(self) -> "Noise":
        if self.highest_db < self.lowest_db:
            raise ValueError(
                f"highest_db: expected at least lowest_db, {self.lowest_db:g}, "
                f"got {self.highest_db:g}"
            )
        return self


def noise(batch: Batch, generator: torch.Generator, settings: Noise) -> Batch:
    """Add white Gaussian noise (Pajusco et al. 2020, IMT report, DCASE): SNR 6 to 31 dB there.

    The ratio is that of the powers of the whole clip, all channels. The clips of a batch share one
    stretch of noise, scaled to a power of exactly 1, in which each channel begins at a place of its
    own: so little is drawn that it is the same on every device.

    In log-mels the noise's expected power is added, alike in all bins, whose bands are of unit
    area; the signal's power is what its mel bands hold. Log-mels without a level ("peak") stay.
    """
    clips, maps = len(batch.targets), batch.inputs[0]
    rate_hz = front_end_of(batch).sample_rate_hz
    changed = drawn(settings.probability, clips, generator)
    steps = floor((settings.highest_db - settings.lowest_db) / settings.step_db + 1e-9)
    step = torch.randint(steps + 1, (clips,), generator=generator)
    noise_share = 10 ** (-(settings.lowest_db + step * settings.step_db) / 10)
    if is_scaled_log_mel(batch):
        return batch

    def on_waveforms(chosen: Batch, numbers: Tensor) -> Tensor:
        waveforms = chosen.inputs[0]
        some, channels, samples = waveforms.shape
        white = torch.randn(samples, generator=generator)
        white = moved(white / white.square().mean().sqrt(), maps.device)
        first = torch.randint(samples, (some, channels, 1), generator=generator)
        place = (torch.arange(samples, device=maps.device) + moved(first, maps.device)) % samples
        power = waveforms.square().mean((1, 2), keepdim=True)
        scale = (power * moved(noise_share[numbers], maps.device).view(-1, 1, 1)).sqrt()
        return waveforms + scale * white[place]

    def on_log_mels(chosen: Batch, numbers: Tensor) -> Tensor:
        share = moved(noise_share[numbers], maps.device)

        def louder(plane: Tensor) -> Tensor:
            corners_hz = moved(mel_corners_hz(front_end_of(batch), plane.shape[-2]), maps.device)
            width_hz = ((corners_hz[2:] - corners_hz[:-2]) / 2).to(plane).view(1, -1, 1)
            power = (plane.exp().mean(1) * width_hz).sum(1).mean(-1)
            added = (power * share / (rate_hz / 2)).log()
            return torch.logaddexp(plane, added.view(-1, 1, 1, 1))

        return with_time_last(chosen, louder)

    return with_some(batch, changed, on_waveforms if is_waveform(batch) else on_log_mels)
