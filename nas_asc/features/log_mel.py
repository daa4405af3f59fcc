"""Log-mel spectrograms of clips, at several mel settings of one spectrogram.

Conventions: frames are windowed (periodic Hann or Hamming, centred in `n_fft` where it is shorter),
reflected at both ends of the clip if `center`; power is |STFT|^2 without normalisation, of audio
whose full scale is 1; mel bands are Slaney's, each filter of unit area, as librosa's and PANNs'
defaults are; and the logarithm is natural, of a power no smaller than 1e-8. That floor (-18.4) is
near what the rounding of 16-bit audio leaves, and the loudest clip stays below 20, so every value
is safe in float16. Doubling the amplitude adds log 4.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from nas_asc.architectures import FrontEnd
from nas_asc.features.torchaudio_native import torchaudio

POWER_FLOOR = 1e-8

_WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


class LogMel:
    """The log-mels of front ends that share all but their mel settings; threads may share it."""

    def __init__(self, frontends: Sequence[FrontEnd], samples: int) -> None:
        """Prepare for clips of `samples` samples.

        Raises:
            ValueError: no front ends, or the front ends do not share one spectrogram.
        """
        if len({spectrogram_of(frontend) for frontend in frontends}) != 1:
            raise ValueError("expected front ends that share one spectrogram")
        first = frontends[0]
        self._center, self._n_fft = first.center, first.n_fft
        self._frames = 1 + max(0, samples if first.center else samples - first.n_fft) // first.hop
        # Reflection needs more samples than it mirrors, and a frame needs n_fft of them.
        shortest = first.n_fft // 2 + 1 if first.center else first.n_fft
        self._missing = max(0, shortest - samples)
        self._normalisations = [frontend.normalisation for frontend in frontends]
        self._spectrogram = torchaudio.transforms.Spectrogram(
            n_fft=first.n_fft,
            win_length=first.window,
            hop_length=first.hop,
            power=None,  # by the squares of both parts, without roots
            window_fn=_WINDOWS[first.window_function],
            center=False,
        )
        self._mel_scales = [_mel_scale(frontend) for frontend in frontends]

    def __call__(self, waveforms: NDArray[np.floating]) -> list[NDArray[np.float16]]:
        """Compute the features of a few clips.

        Args:
            waveforms: (clips, channels, samples).

        Returns:
            For each front end (clips, channels, mel, frame).
        """
        with torch.inference_mode():
            padded = torch.from_numpy(waveforms).float()
            if self._missing:
                padded = pad(padded, (0, self._missing))
            if self._center:
                padded = pad(padded, (self._n_fft // 2, self._n_fft // 2), "reflect")
            if self._center and self._n_fft % 2:  # torch mirrors one sample too few
                padded = pad(padded, (0, 1))
            spectra = self._spectrogram(padded)[..., : self._frames]
            squares = torch.view_as_real(spectra).square_()
            power = squares[..., 0].add_(squares[..., 1])
            return [
                _finished(mel_scale(power), normalisation)
                for mel_scale, normalisation in zip(
                    self._mel_scales, self._normalisations, strict=True
                )
            ]


def spectrogram_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Return what a front end's spectrogram depends on; equal values can share one."""
    return (
        frontend.channels,
        frontend.sample_rate_hz,
        frontend.window,
        frontend.hop,
        frontend.n_fft,
        frontend.center,
        frontend.window_function,
    )


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
