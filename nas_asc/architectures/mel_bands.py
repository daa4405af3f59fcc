"""The mel bands of a front end as numbers: which Fourier frequencies lie in each of them.

Conventions: Slaney's scale, linear up to 1 kHz, where 15 mel are, then 27 mel for each factor of
6.4. A band is a triangle between the centres of its neighbours; n bands have n + 2 corners, evenly
spaced in mel. Fourier frequencies are those that torchaudio takes: evenly from 0 to half the rate.
"""

import math
from functools import cache

from nas_asc.architectures.frontend import FrontEnd

_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
_MEL_PER_LOG = 27.0 / math.log(6.4)


@cache
def band_corners_hz(n_mels: int, f_min_hz: float, f_max_hz: float) -> tuple[float, ...]:
    """Return where bands begin, culminate and end: band i rises from i to i + 1, ends at i + 2."""
    lowest, highest = _mel(f_min_hz), _mel(f_max_hz)
    step = (highest - lowest) / (n_mels + 1)
    return tuple(_hz(lowest + corner * step) for corner in range(n_mels + 2))


def has_empty_band(frontend: FrontEnd) -> bool:
    """Check whether a band of a spectrogram, of one plane, holds no Fourier frequency."""
    band = (frontend.n_mels, frontend.f_min_hz, frontend.f_max_hz)
    last = frontend.n_fft // 2
    return _has_empty_band(*band, last, frontend.sample_rate_hz // 2 / last)


@cache
def _has_empty_band(
    n_mels: int, f_min_hz: float, f_max_hz: float, last: int, step_hz: float
) -> bool:
    corners = band_corners_hz(n_mels, f_min_hz, f_max_hz)
    for low_hz, high_hz in zip(corners, corners[2:], strict=False):
        first_inside = math.floor(low_hz / step_hz) + 1
        if first_inside > last or first_inside * step_hz >= high_hz:
            return True
    return False


def highest_centre_hz(frontend: FrontEnd) -> float:
    """Return the centre of the highest band."""
    return band_corners_hz(frontend.n_mels, frontend.f_min_hz, frontend.f_max_hz)[-2]


def _mel(frequency_hz: float) -> float:
    if frequency_hz < _KNEE_HZ:
        return frequency_hz * _KNEE_MEL / _KNEE_HZ
    return _KNEE_MEL + _MEL_PER_LOG * math.log(frequency_hz / _KNEE_HZ)


def _hz(mel: float) -> float:
    if mel < _KNEE_MEL:
        return mel * _KNEE_HZ / _KNEE_MEL
    return _KNEE_HZ * math.exp((mel - _KNEE_MEL) / _MEL_PER_LOG)
