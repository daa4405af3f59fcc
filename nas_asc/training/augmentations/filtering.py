"""Filters of a bank on the clips of a batch, for `fir_filter` and `device_impulse_response`.

Conventions: a bank has one impulse response a row, float64, (filter, tap), with zeros after shorter
ones. A filtered waveform is as long as it was: what rings on after its end is cut off. On log-mels
a filter is an offset in each mel bin: the mean of its power response under that bin's triangle.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas_asc.training.augmentations.clipwise import (
    LOG_FLOOR,
    drawn,
    is_scaled_log_mel,
    is_waveform,
    with_some,
    with_time_last,
)
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved

Bank = NDArray[np.float64]

_POINTS = 33  # of a mel band at which the response is read
_LEAST_POINTS = 1 << 13  # of a response between 0 and the sample rate
_LEAST_POWER = 1e-12  # -120 dB: below, a stop band is as good as silent


def bank_of(responses: Sequence[NDArray[np.float64]]) -> Bank:
    """Put impulse responses of several lengths into one bank."""
    longest = max(map(len, responses))
    return np.stack([np.pad(each, (0, longest - len(each))) for each in responses])


def log_power_in_bands(bank: Bank, sample_rate_hz: int, corners_hz: Tensor) -> Bank:
    """Return the logarithm of each filter's mean power in each mel band, (filter, mel).

    Bands are triangles over `corners_hz`, (mel + 2,). The mean is of the response alone, as if the
    sound had the same power all over the band.
    """
    points = max(_LEAST_POINTS, 1 << (bank.shape[1] - 1).bit_length())
    power = np.abs(np.fft.rfft(bank, points)) ** 2
    grid_hz = np.arange(power.shape[1]) * (sample_rate_hz / points)
    corners = corners_hz.numpy()
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    read_hz = low + (high - low) * np.linspace(0, 1, _POINTS)
    height = np.minimum((read_hz - low) / (centre - low), (high - read_hz) / (high - centre))
    height = np.maximum(height, 0)
    share = height / height.sum(1, keepdims=True)
    means = [(np.interp(read_hz, grid_hz, each) * share).sum(1) for each in power]
    logs: Bank = np.log(np.maximum(np.stack(means), _LEAST_POWER))
    return logs


def filtered(
    batch: Batch,
    generator: torch.Generator,
    probability: float,
    bank: Bank,
    log_power: Callable[[int], Bank],
) -> Batch:
    """Filter each clip, with a probability, by any filter of a bank.

    `log_power` gives `log_power_in_bands` for a plane of so many mel bins. Log-mels without a level
    ("peak") stay as they are; the loudest sample of a waveform without is at 1 again.
    """
    clips = len(batch.targets)
    changed = drawn(probability, clips, generator)
    number = torch.where(changed, torch.randint(len(bank), (clips,), generator=generator), -1)
    if is_scaled_log_mel(batch):
        return batch

    def convolved(chosen: Batch, numbers: Tensor) -> Tensor:
        taps = _rows(bank, number[numbers], chosen)
        waveforms = _convolved(chosen.inputs[0], taps)
        if batch.has_level:
            return waveforms
        loudest = waveforms.abs().amax((1, 2), keepdim=True)
        return waveforms / loudest.clamp(min=torch.finfo(loudest.dtype).tiny)

    def offset(chosen: Batch, numbers: Tensor) -> Tensor:
        def in_plane(plane: Tensor) -> Tensor:
            offsets = _rows(log_power(plane.shape[-2]), number[numbers], chosen)
            return (plane + offsets[:, None, :, None]).clamp(min=LOG_FLOOR)

        return with_time_last(chosen, in_plane)

    return with_some(batch, number >= 0, convolved if is_waveform(batch) else offset)


def _rows(table: Bank, numbers: Tensor, like: Batch) -> Tensor:
    """Return the rows of some numbers, in the type and on the device of a batch."""
    maps = like.inputs[0]
    return moved(torch.from_numpy(table[numbers.numpy()]).to(maps.dtype), maps.device)


def _convolved(waveforms: Tensor, taps: Tensor) -> Tensor:
    """Convolve waveforms, (clip, channels, sample), with taps of their own, (clip, tap)."""
    from scipy.fft import next_fast_len  # takes long to load, and is needed with filters alone

    samples = waveforms.shape[-1]
    size = int(next_fast_len(samples + taps.shape[-1] - 1, real=True))  # type: ignore[no-untyped-call]  # of scipy
    spectra = torch.fft.rfft(waveforms, size) * torch.fft.rfft(taps, size).unsqueeze(1)
    convolved: Tensor = torch.fft.irfft(spectra, size)[..., :samples]
    return convolved
