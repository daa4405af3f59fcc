"""A clip as a front end asks for it: its waveform, and the log-mels of that at several settings.

Conventions: a waveform is float32, (channels, samples), full scale at 1. Several channels become
one by their mean; one becomes several by copying. A clip that is too long is cut at its end, one
that is too short is padded with zeros: at its end, or on both sides if it is to lie in the center.

Frames are windowed (periodic Hann or Hamming, centred in `n_fft` where it is shorter), reflected at
both ends of the clip if `center`; power is |STFT|^2 without normalisation; mel bands are Slaney's,
each filter of unit area, as librosa's and PANNs' defaults are; and the logarithm is natural, of a
power no smaller than 1e-8. That floor (-18.4) is near what the rounding of 16-bit audio leaves, and
the loudest clip stays below 20, so every value is safe in float16. Doubling the amplitude adds
log 4.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, pad

from nas_asc.architectures import RESAMPLINGS, FrontEnd
from nas_asc.datasets import Waveform, decode
from nas_asc.features.native_libraries import torchaudio

POWER_FLOOR = 1e-8

# torchaudio keeps one filter for each of so many phases; with more that is hundreds of megabytes.
_MOST_PHASES = 2000
_LEAD_S = 0.1  # decoded before a window, so that its filtered samples are those of the whole file
_LEAST_PHASES = 32
# The filter of "kaiser_best", as librosa and resampy have it: torchaudio's own default, at a tenth
# of the length, lets 0.9 of the Nyquist frequency through at -12 dB, and what is above it at -8.
_FILTER = {
    "resampling_method": "sinc_interp_kaiser",
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "beta": 14.769656459379492,
}
_WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


def read_clip(
    path: Path,
    sample_rate_hz: int,
    channels: int,
    samples: int,
    start_s: float = 0.0,
    align: str = "start",
    resampling: str = RESAMPLINGS[0],
) -> Waveform:
    """Read a clip as a waveform of given rate, channels and length; no more is decoded than needed.

    `start_s` is where it begins in its file; `align` is as of `Dataset`; `resampling` is one of
    `RESAMPLINGS`. DatasetError, with its name, where it cannot be decoded.
    """
    lead_s = min(start_s, _LEAD_S)
    waveform, rate_hz = decode(path, lead_s + samples / sample_rate_hz, start_s - lead_s)
    waveform = _RESAMPLERS[resampling](match_channels(waveform, channels), rate_hz, sample_rate_hz)
    return pad_or_trim(waveform[:, round(lead_s * sample_rate_hz) :], samples, align)


def read_joined(
    paths: Sequence[Path],
    sample_rate_hz: int,
    channels: int,
    samples: int,
    resampling: str = RESAMPLINGS[0],
) -> Waveform:
    """Read files that follow each other in time as one clip, otherwise as `read_clip`.

    They are joined as they are and resampled together, so that no filter rings where they meet;
    where rates differ, each is brought to that of the first before.
    """
    found = [decode(path) for path in paths]
    rate_hz = found[0][1]
    parts = [resample(match_channels(each, channels), own_hz, rate_hz) for each, own_hz in found]
    joined = np.concatenate(parts, axis=1)
    return pad_or_trim(_RESAMPLERS[resampling](joined, rate_hz, sample_rate_hz), samples)


def match_channels(waveform: Waveform, channels: int) -> Waveform:
    """Mix a waveform down to one channel by the mean and copy it, unless the number agrees."""
    if len(waveform) not in (1, channels):
        waveform = waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    return waveform if len(waveform) == channels else np.repeat(waveform, channels, axis=0)


def resample(waveform: Waveform, from_hz: int, to_hz: int) -> Waveform:
    """Resample by a long windowed sinc to (channels, ceil(samples x to_hz / from_hz)).

    What is below 0.9 of the lower Nyquist frequency is kept, what is above it is gone. Rates whose
    ratio has large terms are taken for the nearest with smaller ones: at most 0.3 us a second too
    fast or slow.
    """
    if from_hz == to_hz:
        return waveform
    ratio = 1 / Fraction(from_hz, to_hz).limit_denominator(_MOST_PHASES)
    with torch.inference_mode():
        resampler = _resampler(ratio.denominator, ratio.numerator)
        resampled: Waveform = resampler(torch.from_numpy(waveform)).numpy()
    return pad_or_trim(resampled, math.ceil(waveform.shape[1] * to_hz / from_hz))


def resample_by_fourier(waveform: Waveform, from_hz: int, to_hz: int) -> Waveform:
    """Resample by the Fourier method to (channels, ceil(samples x to_hz / from_hz)).

    The spectrum of the whole waveform is cut off at the lower Nyquist frequency, or zeros are put
    behind it, as scipy.signal.resample does: nothing below is lost. The waveform is taken for
    periodic: a step from its last sample to its first rings at both ends.
    """
    if from_hz == to_hz or not waveform.size:
        return waveform
    # takes long to load, and is seldom needed; its names are not seen by mypy
    from scipy.signal import resample as by_fourier  # type: ignore[attr-defined]

    samples = math.ceil(waveform.shape[1] * to_hz / from_hz)
    resampled: Waveform = by_fourier(waveform, samples, axis=1).astype(np.float32, copy=False)
    return resampled


_RESAMPLERS = dict(zip(RESAMPLINGS, (resample, resample_by_fourier), strict=True))


def pad_or_trim(waveform: Waveform, samples: int, align: str = "start") -> Waveform:
    """Cut the end off a waveform, or pad it with zeros, to exactly `samples`."""
    missing = samples - waveform.shape[1]
    before = missing // 2 if align == "center" else 0
    margins = ((0, 0), (before, missing - before))
    return np.pad(waveform, margins) if missing > 0 else waveform[:, :samples]


@lru_cache(maxsize=32)
def _resampler(from_hz: int, to_hz: int) -> Callable[[Tensor], Tensor]:
    """Build what torchaudio's Resample does to (channels, samples), from its own filters.

    It has one filter a phase; few phases, as of 2 to 1, are repeated for the next samples: the same
    sums, ten times as fast.
    """
    if from_hz == to_hz:
        return lambda waveform: waveform
    common = math.gcd(from_hz, to_hz)
    made = torchaudio.transforms.Resample(from_hz, to_hz, **_FILTER)
    times = -(-_LEAST_PHASES // (to_hz // common))
    step, width = from_hz // common, made.width
    shifts = [(n * step, (times - 1 - n) * step) for n in range(times)]
    filters = torch.cat([pad(made.kernel, shift) for shift in shifts])

    def resampled(waveform: Tensor) -> Tensor:
        padded = pad(waveform, (width, width + times * step))[:, None]
        phases = conv1d(padded, filters, stride=times * step)
        return phases.transpose(1, 2).reshape(len(waveform), -1)

    return resampled


class LogMel:
    """The log-mels of front ends that share all but their mel settings; threads may share it."""

    def __init__(self, frontends: Sequence[FrontEnd], samples: int) -> None:
        """Prepare for clips of `samples` samples; ValueError if there is no shared spectrogram."""
        if len({spectrogram_of(frontend) for frontend in frontends}) != 1:
            raise ValueError("expected front ends that share one spectrogram")
        first = frontends[0]
        self._center, self._n_fft = first.center, first.n_fft
        self._frames = first.frames_of(samples)
        # Reflection needs more samples than it mirrors, and a frame needs n_fft of them.
        shortest = first.n_fft // 2 + 1 if first.center else first.n_fft
        self._missing = max(0, shortest - samples)
        self._spectrogram = torchaudio.transforms.Spectrogram(
            n_fft=first.n_fft,
            win_length=first.window,
            hop_length=first.hop,
            power=None,  # by the squares of both parts, without roots
            window_fn=_WINDOWS[first.window_function],
            center=False,
        )
        self._settings = [(_mel_scale(frontend), frontend.normalisation) for frontend in frontends]

    def __call__(self, waveforms: NDArray[np.floating]) -> list[NDArray[np.float16]]:
        """Compute (clips, channels, mel, frame) per front end from (clips, channels, samples)."""
        with torch.inference_mode():
            padded = torch.from_numpy(waveforms).float()
            if self._missing:
                padded = pad(padded, (0, self._missing))
            if self._center:
                padded = pad(padded, (self._n_fft // 2, self._n_fft // 2), "reflect")
            spectra = self._spectrogram(padded)[..., : self._frames]
            squares = torch.view_as_real(spectra).square_()
            power = squares[..., 0].add_(squares[..., 1])
            return [_finished(mel_scale(power), norm) for mel_scale, norm in self._settings]


def spectrogram_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Return what a front end's spectrogram depends on; equal values can share one."""
    names = ("channels", "sample_rate_hz", "window", "hop", "n_fft", "center", "window_function")
    return (*(getattr(frontend, name) for name in names), *rate_of(frontend)[1:])


def rate_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Return the sample rate, and how clips come to it where that is not the usual way."""
    usual = frontend.resampling == RESAMPLINGS[0]
    return (frontend.sample_rate_hz, *(() if usual else (frontend.resampling,)))


def _mel_scale(frontend: FrontEnd) -> torch.nn.Module:
    with warnings.catch_warnings():
        # More bands than bins leave some bands empty: such a front end is poor, but not wrong.
        warnings.filterwarnings("ignore", "At least one mel filterbank has all zero values")
        mel_scale: torch.nn.Module = torchaudio.transforms.MelScale(
            n_mels=frontend.n_mels,
            sample_rate=frontend.sample_rate_hz,
            f_min=float(frontend.f_min_hz),
            f_max=float(frontend.f_max_hz),
            n_stft=frontend.n_fft // 2 + 1,
            norm="slaney",
            mel_scale="slaney",
        )
    return mel_scale


def _finished(power: Tensor, normalisation: str) -> NDArray[np.float16]:
    """Take the logarithm; "peak" then puts each clip's quietest value at 0 and its loudest at 1."""
    log_mels: NDArray[np.float16] = power.clamp_(min=POWER_FLOOR).log_().half().numpy()
    if normalisation != "peak":
        return log_mels
    values = log_mels.astype(np.float32)
    lowest = values.min(axis=(1, 2, 3), keepdims=True)
    spread = values.max(axis=(1, 2, 3), keepdims=True) - lowest
    np.divide(values - lowest, np.maximum(spread, np.float32(1e-6)), out=log_mels)
    return log_mels
