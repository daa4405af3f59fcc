"""The waveform that a front end asks for: rate, channels and length.

Conventions: a waveform is float32, (channels, samples), full scale at 1. Several channels become
one by their mean; one becomes several by copying. A clip that is too long is cut at its end, one
that is too short is padded with zeros at its end.
"""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from nas_asc.datasets import Waveform, decode
from nas_asc.torchaudio_native import torchaudio

# torchaudio's resampling filter, by its default values: a sinc with this many zero crossings on
# either side, at this share of the lower Nyquist frequency, under a squared cosine.
_ZERO_CROSSINGS = 6
_ROLLOFF = 0.99
# torchaudio keeps one filter per phase; above this many phases that is hundreds of megabytes.
_MOST_PHASES = 1000


def read_clip(path: Path, sample_rate_hz: int, channels: int, samples: int) -> Waveform:
    """Read a clip as a waveform of given rate, channels and length.

    Returns:
        (channels, samples), decoded no further than needed.

    Raises:
        DatasetError: the file cannot be decoded; names it.
    """
    waveform, rate_hz = decode(path, most_s=samples / sample_rate_hz)
    waveform = match_channels(waveform, channels)
    return pad_or_trim(resample(waveform, rate_hz, sample_rate_hz), samples)


def match_channels(waveform: Waveform, channels: int) -> Waveform:
    """Mix a waveform down to one channel by the mean and copy it, unless the number agrees."""
    found = waveform.shape[0]
    if found == channels:
        return waveform
    mixed: Waveform = (
        waveform.mean(axis=0, keepdims=True, dtype=np.float32) if found > 1 else waveform
    )
    return np.repeat(mixed, channels, axis=0) if channels > 1 else mixed


def resample(waveform: Waveform, from_hz: int, to_hz: int) -> Waveform:
    """Resample by torchaudio's windowed sinc (its default filter).

    Returns:
        (channels, ceil(samples x to_hz / from_hz)).
    """
    if from_hz == to_hz:
        return waveform
    if to_hz // math.gcd(from_hz, to_hz) > _MOST_PHASES:
        return _resample_by_sample(waveform, from_hz, to_hz)
    with torch.inference_mode():
        resampled: Waveform = _resampler(from_hz, to_hz)(torch.from_numpy(waveform)).numpy()
    return resampled


def pad_or_trim(waveform: Waveform, samples: int) -> Waveform:
    """Cut the end off a waveform, or pad it with zeros at its end, to exactly `samples`."""
    channels, found = waveform.shape
    if found >= samples:
        return waveform[:, :samples]
    padded = np.zeros((channels, samples), dtype=np.float32)
    padded[:, :found] = waveform
    return padded


@lru_cache(maxsize=32)
def _resampler(from_hz: int, to_hz: int) -> torch.nn.Module:
    resampler: torch.nn.Module = torchaudio.transforms.Resample(
        from_hz, to_hz, lowpass_filter_width=_ZERO_CROSSINGS, rolloff=_ROLLOFF
    )
    return resampler


def _resample_by_sample(waveform: Waveform, from_hz: int, to_hz: int) -> Waveform:
    """Resample with the same filter, evaluated for each sample where its phases are too many."""
    cutoff_hz = min(from_hz, to_hz) * _ROLLOFF
    half_width = math.ceil(_ZERO_CROSSINGS * from_hz / cutoff_hz)
    taps = np.arange(-half_width, half_width + 1)
    length = math.ceil(waveform.shape[1] * to_hz / from_hz)
    padded = np.pad(waveform, ((0, 0), (half_width, half_width + 1)))
    resampled = np.empty((waveform.shape[0], length), dtype=np.float32)
    for start in range(0, length, 1 << 15):
        output = np.arange(start, min(start + (1 << 15), length), dtype=np.int64)[:, None]
        source = output * from_hz // to_hz + taps
        seconds = (source * to_hz - output * from_hz) / (from_hz * to_hz)
        phase = np.clip(seconds * cutoff_hz, -_ZERO_CROSSINGS, _ZERO_CROSSINGS)
        window = np.cos(phase * np.pi / _ZERO_CROSSINGS / 2) ** 2
        kernel = (np.sinc(phase) * window * cutoff_hz / from_hz).astype(np.float32)
        index = np.minimum(source + half_width, padded.shape[1] - 1)
        resampled[:, output[:, 0]] = np.einsum("nk,cnk->cn", kernel, padded[:, index])
    return resampled
