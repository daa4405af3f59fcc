"""Log-mel spectrograms of many clips, at several mel settings in one spectrogram pass.

Conventions: frames are windowed (periodic Hann or Hamming, centred in `n_fft` where it is shorter),
reflected at both ends of the clip if `center`; power is |STFT|^2 without normalisation, of audio
whose full scale is 1; mel bands are Slaney's, each filter of unit area, as librosa's and PANNs'
defaults are; and the logarithm is natural, of a power no smaller than 1e-8. That floor (-18.4) is
near what the rounding of 16-bit audio leaves, and the loudest clip stays below 20, so every value
is safe in float16. Doubling the amplitude adds log 4.
"""

import math
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas_asc.errors import ConfigError
from nas_asc.frontend import FrontEnd
from nas_asc.torchaudio_native import torchaudio

POWER_FLOOR = 1e-8

# Frames and spectra of this many bytes stay in a core's cache between the steps of a pass.
_BLOCK_BYTES = 1 << 20
# Low mel bands need few frequency bins: filters in this many groups skip most of the zeros.
_GROUPS = 4

_WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


@dataclass(frozen=True)
class _Band:
    """Neighbouring mel filters, over the columns of a spectrum that they need."""

    mels: slice
    columns: slice
    weights: Tensor  # (columns, mels): each bin twice, for its real and its imaginary part


class MelPass:
    """The log-mels of front ends that share everything but their mel settings.

    Buffers are kept per thread, so that threads may share one pass.
    """

    def __init__(self, frontends: Sequence[FrontEnd], samples: int) -> None:
        """Prepare for clips of `samples` samples.

        Raises:
            ConfigError: a front end contradicts itself.
            ValueError: no front ends, or the front ends do not share one spectrogram.
        """
        for frontend in frontends:
            _check(frontend)
        if len({spectrogram_of(frontend) for frontend in frontends}) != 1:
            raise ValueError("expected front ends that share one spectrogram")
        self._frontends = tuple(frontends)
        first = self._frontends[0]
        self._hop, self._n_fft = first.hop, first.n_fft
        self._frames = 1 + max(0, samples if first.center else samples - first.n_fft) // first.hop
        self._margin = first.n_fft // 2 if first.center else 0
        # Reflection needs more samples than it mirrors, and a frame needs n_fft of them.
        self._samples = max(samples, self._margin + 1 if first.center else first.n_fft)
        self._window = _window(first)
        self._bands = [_bands(frontend) for frontend in self._frontends]
        self._block = max(1, _BLOCK_BYTES // (4 * self._n_fft))
        self._threads = threading.local()

    def __call__(self, waveforms: NDArray[np.float32]) -> list[NDArray[np.float16]]:
        """Compute the features of a few clips.

        Args:
            waveforms: (clips, channels, samples).

        Returns:
            For each front end (clips, channels, mel, frame).
        """
        clips, channels, samples = waveforms.shape
        results = [
            np.empty((clips, channels, frontend.n_mels, self._frames), dtype=np.float16)
            for frontend in self._frontends
        ]
        padded, frames, spectra, mels = self._buffers()
        with torch.inference_mode():
            for clip in range(clips):
                for channel in range(channels):
                    source = padded[self._margin : self._margin + samples]
                    source.copy_(torch.from_numpy(waveforms[clip, channel]))
                    self._reflect(padded)
                    self._mel_power(padded, frames, spectra, mels)
                    for result, power in zip(results, mels, strict=True):
                        power.clamp_(min=POWER_FLOOR).log_()
                        result[clip, channel] = power.T.numpy()
        for frontend, result in zip(self._frontends, results, strict=True):
            if frontend.normalisation == "peak":
                result[...] = _between_floor_and_peak(result)
        return results

    def _buffers(self) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        if not hasattr(self._threads, "buffers"):
            self._threads.buffers = (
                torch.zeros(self._samples + (self._n_fft if self._margin else 0)),
                torch.empty(self._block, self._n_fft),
                torch.empty(self._block, self._n_fft // 2 + 1, dtype=torch.complex64),
                [torch.empty(self._frames, frontend.n_mels) for frontend in self._frontends],
            )
        buffers: tuple[Tensor, Tensor, Tensor, list[Tensor]] = self._threads.buffers
        return buffers

    def _reflect(self, padded: Tensor) -> None:
        margin = self._margin
        if margin:
            end = margin + self._samples
            padded[:margin] = padded[margin + 1 : 2 * margin + 1].flip(0)
            padded[end : end + margin] = padded[end - margin - 1 : end - 1].flip(0)

    def _mel_power(
        self, padded: Tensor, frames: Tensor, spectra: Tensor, mels: Sequence[Tensor]
    ) -> None:
        """Fill `mels`, (frame, mel) each, a block of frames at a time."""
        overlapping = padded.unfold(0, self._n_fft, self._hop)
        for start in range(0, self._frames, self._block):
            stop = min(start + self._block, self._frames)
            block, spectrum = frames[: stop - start], spectra[: stop - start]
            torch.mul(overlapping[start:stop], self._window, out=block)
            torch.fft.rfft(block, out=spectrum)
            # Squaring both parts in place and letting the filters add them is faster than |z|^2.
            squares = torch.view_as_real(spectrum).flatten(1).square_()
            for bands, power in zip(self._bands, mels, strict=True):
                for band in bands:
                    power[start:stop, band.mels] = squares[:, band.columns] @ band.weights


def spectrogram_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Give what a front end's spectrogram depends on; equal values can share one pass."""
    return (
        frontend.channels,
        frontend.sample_rate_hz,
        frontend.window,
        frontend.hop,
        frontend.n_fft,
        frontend.center,
        frontend.window_function,
    )


def mel_filters(frontend: FrontEnd) -> Tensor:
    """Give the mel filters of a front end, (bins, mel); see the module for their convention."""
    with warnings.catch_warnings():
        # More bands than bins leave some bands empty: such a front end is poor, but not wrong.
        warnings.filterwarnings("ignore", "At least one mel filterbank has all zero values")
        filters: Tensor = torchaudio.functional.melscale_fbanks(
            n_freqs=frontend.n_fft // 2 + 1,
            f_min=float(frontend.f_min_hz),
            f_max=float(frontend.f_max_hz),
            n_mels=frontend.n_mels,
            sample_rate=frontend.sample_rate_hz,
            norm="slaney",
            mel_scale="slaney",
        )
    return filters


def _check(frontend: FrontEnd) -> None:
    if frontend.n_fft < frontend.window:
        raise ConfigError(
            f"frontend.n_fft: expected the window ({frontend.window}) or more, "
            f"found {frontend.n_fft} - raise it, or leave it out"
        )
    if frontend.window_function not in _WINDOWS:
        raise ConfigError(
            f"frontend.window_function: expected {' or '.join(_WINDOWS)}, "
            f"found {frontend.window_function!r} - correct it"
        )
    highest_hz = frontend.sample_rate_hz / 2
    if not 0 <= frontend.f_min_hz < frontend.f_max_hz <= highest_hz:
        raise ConfigError(
            f"frontend.f_max_hz: expected f_min_hz < f_max_hz <= {highest_hz:g}, "
            f"found {frontend.f_min_hz:g} and {frontend.f_max_hz:g} - correct them"
        )


def _window(frontend: FrontEnd) -> Tensor:
    window = _WINDOWS[frontend.window_function](frontend.window)
    before = (frontend.n_fft - frontend.window) // 2
    after = frontend.n_fft - frontend.window - before
    return torch.nn.functional.pad(window, (before, after))


def _bands(frontend: FrontEnd) -> list[_Band]:
    filters = mel_filters(frontend)
    size = math.ceil(frontend.n_mels / _GROUPS)
    bands = []
    for start in range(0, frontend.n_mels, size):
        mels = slice(start, min(start + size, frontend.n_mels))
        used = filters[:, mels].any(dim=1).nonzero().flatten().tolist() or [0]
        bins = slice(used[0], used[-1] + 1)
        weights = filters[bins, mels].repeat_interleave(2, dim=0).contiguous()
        bands.append(_Band(mels, slice(2 * bins.start, 2 * bins.stop), weights))
    return bands


def _between_floor_and_peak(log_mels: NDArray[np.float16]) -> NDArray[np.float32]:
    """Put each clip's quietest value, taken as background, at 0 and its loudest at 1."""
    values = log_mels.astype(np.float32)
    lowest = values.min(axis=(1, 2, 3), keepdims=True)
    spread = values.max(axis=(1, 2, 3), keepdims=True) - lowest
    scaled: NDArray[np.float32] = (values - lowest) / np.maximum(spread, np.float32(1e-6))
    return scaled
