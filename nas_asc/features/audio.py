"""The waveform that a front end asks for: rate, channels and length.

Conventions: a waveform is float32, (channels, samples), full scale at 1. Several channels become
one by their mean; one becomes several by copying. A clip that is too long is cut at its end, one
that is too short is padded with zeros at its end.
"""

import math
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from nas_asc.datasets import Waveform, decode
from nas_asc.features.torchaudio_native import torchaudio

# torchaudio keeps one filter for each of so many phases; with more that is hundreds of megabytes.
_MOST_PHASES = 2000


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

    Rates whose ratio has large terms are taken for the nearest with smaller ones: at most 0.3 us
    a second too fast or slow.

    Returns:
        (channels, ceil(samples x to_hz / from_hz)).
    """
    if from_hz == to_hz:
        return waveform
    ratio = 1 / Fraction(from_hz, to_hz).limit_denominator(_MOST_PHASES)
    with torch.inference_mode():
        resampler = _resampler(ratio.denominator, ratio.numerator)
        resampled: Waveform = resampler(torch.from_numpy(waveform)).numpy()
    return pad_or_trim(resampled, math.ceil(waveform.shape[1] * to_hz / from_hz))


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
    resampler: torch.nn.Module = torchaudio.transforms.Resample(from_hz, to_hz)
    return resampler
