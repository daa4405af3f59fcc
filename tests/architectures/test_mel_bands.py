"""Mel bands as numbers, beside torchaudio's filters."""

import random
import warnings

import numpy as np
import pytest

from nas_asc.architectures import FrontEnd
from nas_asc.architectures.frontend import fast_length, front_end
from nas_asc.architectures.mel_bands import band_corners_hz, has_empty_band, highest_centre_hz
from nas_asc.features import torchaudio


def filters(frontend):
    """Give torchaudio's filters, (frequencies, bands)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torchaudio.functional.melscale_fbanks(
            frontend.n_fft // 2 + 1,
            float(frontend.f_min_hz),
            float(frontend.f_max_hz),
            frontend.n_mels,
            frontend.sample_rate_hz,
            norm="slaney",
            mel_scale="slaney",
        ).numpy()


def some_front_ends(number=600):
    rng = random.Random(0)
    for _ in range(number):
        rate_hz, n_fft = rng.choice([8000, 16000, 22050, 44100]), rng.randrange(64, 2048)
        f_min_hz, share = rng.choice([0.0, 10.0, 50.0]), rng.choice([0.5, 0.75, 0.9, 1.0])
        mels, f_max_hz = rng.randrange(8, 257), share * rate_hz / 2
        yield FrontEnd(
            "logmel", 1, rate_hz, n_fft, n_fft, n_fft, True, "hann", mels, f_min_hz, f_max_hz
        )


def test_a_band_is_empty_where_torchaudios_filter_is():
    found = {True: 0, False: 0}
    for frontend in some_front_ends():
        empty = bool((filters(frontend).max(axis=0) == 0).any())
        assert has_empty_band(frontend) == empty, frontend
        found[empty] += 1
    assert min(found.values()) > 100


def test_bands_culminate_where_torchaudios_filters_do():
    frontend = FrontEnd("logmel", 1, 16000, 16000, 160, 16000, n_mels=40, f_max_hz=8000.0)
    corners = band_corners_hz(40, 0.0, 8000.0)
    np.testing.assert_allclose(filters(frontend).argmax(axis=0), corners[1:-1], atol=0.6)
    assert highest_centre_hz(frontend) == corners[40]
    # 15 mel are 1 kHz, and 27 more are 6.4 kHz (Slaney).
    assert band_corners_hz(41, 0.0, 6400.0)[15] == pytest.approx(1000)


@pytest.mark.parametrize(
    ("least", "length"), [(16, 16), (551, 576), (706, 720), (1102, 1152), (7, 8), (2048, 2048)]
)
def test_a_fast_length_is_even_and_of_small_factors(least, length):
    assert fast_length(least) == length


LOGMEL = {"kind": "logmel", "channels": 1, "n_mels": 40, "f_min_hz": 0, "normalisation": "none"}


def test_lengths_and_limits_follow_the_rate():
    relative = {"window_ms": 25, "hop_ms": 12.5, "second_window_ms": 100, "f_max_share": 0.75}
    slow, fast = (
        front_end({**LOGMEL, **relative, "sample_rate_hz": rate}) for rate in (8000, 44100)
    )
    assert (slow.window, slow.hop, slow.n_fft, slow.second_window) == (200, 100, 200, 800)
    assert slow.f_max_hz == 3000
    # 1102.5 samples, rounded to even; the next fast length
    assert (fast.window, fast.hop, fast.n_fft) == (1102, 551, 1152)
    assert fast.f_max_hz == 16537.5
    # 101 frames of 12.5 ms in 1.25 s, at any rate
    assert slow.frames(1.25) == fast.frames(1.25) == 101


def test_samples_are_exactly_those_that_are_stated():
    stated = {"window": 551, "hop": 441, "f_max_hz": 0, "sample_rate_hz": 44100}
    found = front_end({**LOGMEL, **stated})
    assert (found.window, found.hop, found.n_fft, found.f_max_hz) == (551, 441, 551, 22050)


def test_an_odd_transform_has_as_many_frames_as_torch_gives():
    stated = {"window": 1001, "hop": 160, "f_max_hz": 0, "sample_rate_hz": 16000}
    assert front_end({**LOGMEL, **stated}).frames(1.0) == 100
    assert front_end({**LOGMEL, **stated, "window": 1000}).frames(1.0) == 101
