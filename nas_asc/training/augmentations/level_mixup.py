"""Mixup that weighs by how loud both clips are: between-class learning."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from nas_asc.study import MOST, Table
from nas_asc.training.augmentations.clipwise import (
    LOG_FLOOR,
    column,
    first_plane,
    front_end_of,
    is_scaled_log_mel,
    is_waveform,
    mel_corners_hz,
    symmetric_beta,
    with_first,
)
from nas_asc.training.batches import Batch, blend
from nas_asc.training.device import moved

_WINDOW_S = 0.1  # of the levels, about that of the paper's code
_LEAST_POWER = 1e-8  # -80 dB, likewise


class LevelMixup(Table):
    """Settings of the level-aware mixup: each clip's share is of Beta(alpha, alpha)."""

    alpha: float = Field(gt=0, le=MOST)


def level_mixup(batch: Batch, generator: torch.Generator, settings: LevelMixup) -> Batch:
    """Blend each clip with another so that it is heard by its share (Tokozume et al. 2018).

    arXiv 1711.10282: with a share r and levels G1 and G2 in dB, the weight of a clip is
    p = 1 / (1 + 10^((G1 - G2) / 20) (1 - r) / r), the blend (p x1 + (1 - p) x2) / sqrt(p^2 +
    (1 - p)^2), its target r t1 + (1 - r) t2. A level is the largest A-weighted one of a tenth of a
    second. The paper draws r evenly, which is alpha = 1; a clip that is its own partner stays.

    In log-mels powers are added, p^2 P1 + (1 - p)^2 P2, as those of sounds that do not depend on
    each other, and the level is that of the mel powers: each times its band's width is the power in
    that band. Log-mels without a level ("peak") are alike in level, and blended as they are.
    """
    clips, device = len(batch.targets), batch.targets.device
    order = torch.randperm(clips, generator=generator)
    alone = order == torch.arange(clips)
    drawn = symmetric_beta(settings.alpha, clips, generator)
    partner, share = moved(order, device), moved(torch.where(alone, 1.0, drawn), device)

    blended = batch.with_blended_targets(partner, share)
    if is_scaled_log_mel(batch):
        return replace(blended, inputs=tuple(blend(each, partner, share) for each in batch.inputs))
    level_db = waveform_level_db(batch) if is_waveform(batch) else mel_level_db(batch)
    weight = mixing_weight(share, level_db, level_db.index_select(0, partner))
    maps = batch.inputs[0]
    others, own, rest = (
        maps.index_select(0, partner),
        column(weight, maps),
        column(1 - weight, maps),
    )
    both = own.square() + rest.square()
    if is_waveform(batch):
        mixed = (own * maps + rest * others) / both.sqrt()
    else:
        powers = torch.logaddexp(maps + 2 * own.log(), others + 2 * rest.log())
        mixed = (powers - both.log()).clamp(min=LOG_FLOOR)
    mixed = torch.where(column(weight, maps) == 1, maps, mixed)
    return with_first(blended, mixed)


def mixing_weight(share: Tensor, level_db: Tensor, other_db: Tensor) -> Tensor:
    """Return the weight of each first clip, (clip,), that is to be heard by its share."""
    return share / (share + 10 ** ((level_db - other_db) / 20) * (1 - share))


def waveform_level_db(batch: Batch) -> Tensor:
    """Return the A-weighted level of each clip's loudest tenth of a second, float64, (clip,).

    Of several channels it is the mean power.
    """
    waveforms, rate_hz = batch.inputs[0], front_end_of(batch).sample_rate_hz
    size = max(16, round(_WINDOW_S * rate_hz))
    padded = pad(waveforms.flatten(0, 1), (0, max(0, size - waveforms.shape[-1])))
    window = torch.hann_window(size, device=padded.device)
    spectra = torch.stft(padded, size, size // 2, window=window, center=False, return_complex=True)
    power = torch.view_as_real(spectra).square().sum(-1)
    power = power.view(*waveforms.shape[:2], *power.shape[1:]).mean(1)
    frequency_hz = torch.arange(size // 2 + 1, device=power.device) * (rate_hz / size)
    return _loudest_db(power * a_weight(frequency_hz).view(1, -1, 1))


def mel_level_db(batch: Batch) -> Tensor:
    """Return the A-weighted level of each clip's loudest frame, up to a constant, (clip,)."""
    log_mels = first_plane(batch)
    corners_hz = moved(mel_corners_hz(front_end_of(batch), log_mels.shape[-2]), log_mels.device)
    band = a_weight(corners_hz[1:-1]) * (corners_hz[2:] - corners_hz[:-2]) / 2
    power = log_mels.exp().mean(1)
    return _loudest_db(power * band.to(power).view(1, -1, 1))


def _loudest_db(power: Tensor) -> Tensor:
    """Return the level of the loudest frame of powers, (clip, frequency, frame)."""
    loudest = power.sum(1).amax(-1).double()
    return 10 * loudest.clamp(min=_LEAST_POWER).log10()


def a_weight(frequency_hz: Tensor) -> Tensor:
    """Return by what A-weighting (IEC 61672-1) multiplies the power at each frequency."""
    square = frequency_hz.double().square()
    low, high = square + 20.6**2, square + 12194.0**2
    middle = ((square + 107.7**2) * (square + 737.9**2)).sqrt()
    response = 12194.0**2 * square.square() / (low * middle * high)
    return 10**0.2 * response.square()  # 0 dB at 1 kHz
