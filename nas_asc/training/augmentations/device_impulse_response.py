"""Impulse responses of recording devices: the same scene as other microphones hear it.

Conventions: a response has a power of 1, the sum of its squares, so that white noise stays as loud;
how loud a device records is for `gain`.
"""

from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nas_asc.architectures import FrontEnd
from nas_asc.errors import ConfigError
from nas_asc.features import read_clip
from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import front_end_of, mel_corners_hz
from nas_asc.training.augmentations.filtering import Bank, bank_of, filtered, log_power_in_bands
from nas_asc.training.batches import Batch

_TAPS_S = 0.02  # of responses that are made: at 50 Hz a resonance has died away
_LONGEST_S = 1.0  # of a file that is read
_POINTS_A_TAP = 8  # so that what is made does not wrap around


class DeviceImpulseResponse(Table):
    """Settings of the devices; either `devices` or `folder` is given.

    Attributes:
        probability: of a clip to be heard by another device.
        devices: so many are made, the same ones in every training.
        folder: has the responses, a WAV file each, of which the first second is used.
    """

    probability: Share
    devices: int | None = Field(default=None, ge=1, le=1000)
    folder: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "DeviceImpulseResponse":
        if (self.devices is None) == (self.folder is None):
            found = "both" if self.folder is not None else "neither"
            raise ValueError(f"devices: expected either devices or folder, got {found}")
        if self.folder is not None and not _files(self.folder):
            raise ValueError(f"folder: expected a folder with WAV files, got {self.folder!r}")
        return self


def device_impulse_response(
    batch: Batch, generator: torch.Generator, settings: DeviceImpulseResponse
) -> Batch:
    """Convolve some clips with the response of a device (Morocutti et al. 2023).

    arXiv 2305.07499, which has measured responses of old microphones and probabilities of 0.4 to
    0.6. In log-mels a response is an offset in each bin, above their floor. Features without a
    level ("peak") are changed if they are waveforms.

    Raises:
        ConfigError: a file of the folder is silent or gone.
        DatasetError: a file cannot be decoded.
    """
    frontend = front_end_of(batch)
    bank = responses_of(settings, frontend.sample_rate_hz)
    log_power = partial(_log_power, settings, frontend)
    return filtered(batch, generator, settings.probability, bank, log_power)


@cache
def _log_power(settings: DeviceImpulseResponse, frontend: FrontEnd, mels: int) -> Bank:
    rate_hz = frontend.sample_rate_hz
    bank = responses_of(settings, rate_hz)
    return log_power_in_bands(bank, rate_hz, mel_corners_hz(frontend, mels))


@cache
def responses_of(settings: DeviceImpulseResponse, sample_rate_hz: int) -> Bank:
    """Return the impulse responses, made or read, at a sample rate.

    Raises:
        ConfigError: a file of the folder is silent or gone.
        DatasetError: a file cannot be decoded.
    """
    if settings.folder is None:
        return bank_of([made_response(n, sample_rate_hz) for n in range(settings.devices or 0)])
    files = _files(settings.folder)
    samples = round(_LONGEST_S * sample_rate_hz)
    read = [read_clip(file, sample_rate_hz, 1, samples)[0].astype(np.float64) for file in files]
    for file, response in zip(files, read, strict=True):
        if not response.any():
            raise ConfigError(f"{file}: expected an impulse response, found silence - remove it")
    if not read:
        raise ConfigError(f"{settings.folder}: expected WAV files, found none - put them back")
    return bank_of([np.trim_zeros(each, "b") / np.linalg.norm(each) for each in read])


def _files(folder: str) -> list[Path]:
    """List the WAV files of a folder, in an order of their own."""
    return sorted(each for each in Path(folder).glob("*") if each.suffix.lower() == ".wav")


def made_response(number: int, sample_rate_hz: int) -> NDArray[np.float64]:
    """Make the impulse response of a device, by its number, as microphones of phones have them.

    Its magnitude in dB is the same at every sample rate: a slope of up to 2 dB an octave around
    1 kHz, a high-pass filter of 12 dB an octave below 40 to 300 Hz, a low-pass filter of as much
    above 5 to 20 kHz, and two to five resonances or gaps of up to 10 dB, which are Gaussian with a
    deviation of a sixth of an octave to a whole one. Its phase is the minimum one for that.
    """
    draw = np.random.default_rng(number)
    taps = max(16, round(_TAPS_S * sample_rate_hz))
    size = 1 << (_POINTS_A_TAP * taps - 1).bit_length()
    frequency_hz = np.maximum(np.arange(size // 2 + 1) * (sample_rate_hz / size), 1.0)
    octave = np.log2(frequency_hz / 1000)
    level_db = draw.uniform(-2, 2) * octave
    level_db -= 10 * np.log10(1 + (draw.uniform(40, 300) / frequency_hz) ** 4)
    level_db -= 10 * np.log10(1 + (frequency_hz / (1000 * draw.uniform(5, 20))) ** 4)
    for _ in range(draw.integers(2, 6)):
        centre, width = np.log2(draw.uniform(0.15, 8)), draw.uniform(1 / 6, 1)
        level_db += draw.uniform(-10, 10) * np.exp(-0.5 * ((octave - centre) / width) ** 2)
    response = _minimum_phase(np.maximum(level_db, -60) * np.log(10) / 20, size)[:taps]
    response *= np.hanning(2 * taps + 1)[taps:-1]  # fades out
    made: NDArray[np.float64] = response / np.linalg.norm(response)
    return made


def _minimum_phase(log_magnitude: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the impulse response of minimum phase that has a magnitude, given at size / 2 + 1.

    By its cepstrum, folded to positive times (Oppenheim and Schafer).
    """
    cepstrum = np.fft.irfft(log_magnitude, size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    response: NDArray[np.float64] = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)
    return response
