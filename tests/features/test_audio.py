import math

import numpy as np
import pytest
import soundfile

from nas_asc.features.audio import match_channels, pad_or_trim, read_clip, resample


def sine(frequency_hz, rate_hz, seconds=1.0, channels=1):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * frequency_hz * time), (channels, 1)).astype(np.float32)


def write(path, waveform, rate_hz, subtype="PCM_16"):
    soundfile.write(path, waveform.T, rate_hz, subtype=subtype)
    return path


def test_channels_become_one_by_their_mean():
    stereo = np.stack([np.full(4, 1.0), np.full(4, 0.5)]).astype(np.float32)

    assert np.array_equal(match_channels(stereo, 1), np.full((1, 4), 0.75))


def test_one_channel_becomes_two_by_copying_and_two_stay_two():
    mono = np.arange(4, dtype=np.float32)[None]
    stereo = match_channels(mono, 2)
    assert np.array_equal(stereo, np.stack([mono[0], mono[0]]))
    assert match_channels(stereo, 2) is stereo


def test_a_long_clip_loses_its_end_and_a_short_one_is_followed_by_zeros():
    assert np.array_equal(pad_or_trim(np.arange(5, dtype=np.float32)[None], 3), [[0, 1, 2]])
    assert np.array_equal(pad_or_trim(np.ones((2, 2), dtype=np.float32), 4), [[1, 1, 0, 0]] * 2)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [
        (48000, 44100),
        (22050, 44100),
        (44100, 18000),
        (44056, 44100),
        (11025, 48000),
        (44101, 48000),
    ],
)
def test_a_tone_keeps_its_frequency_and_level_at_another_rate(from_hz, to_hz):
    resampled = resample(sine(1000, from_hz), from_hz, to_hz)

    assert resampled.shape == (1, to_hz)
    inner = slice(to_hz // 10, -to_hz // 10)
    np.testing.assert_allclose(resampled[:, inner], sine(1000, to_hz)[:, inner], atol=2e-3)


def test_a_tone_above_the_new_nyquist_frequency_is_gone():
    resampled = resample(sine(7000, 44100), 44100, 8000)

    assert 20 * math.log10(np.abs(resampled[:, 500:-500]).max() / 0.5) < -40


def test_rates_without_a_common_divisor_need_little_memory():
    assert resample(sine(1000, 44101), 44101, 48000).shape == (1, 48000)


@pytest.mark.parametrize("name", ["odd.wav", "odd.flac", "odd.ogg"])
def test_a_clip_of_odd_rate_channels_and_length_becomes_what_is_asked(tmp_path, name):
    path = write(tmp_path / name, sine(300, 11025, seconds=0.7, channels=2), 11025, None)

    clip = read_clip(path, 16000, 1, 16000)

    assert (clip.dtype, clip.shape) == (np.float32, (1, 16000))
    np.testing.assert_allclose(clip[0, 1000:10000], sine(300, 16000)[0, 1000:10000], atol=0.05)
    assert not clip[0, 11300:].any()


def test_reading_only_the_wanted_part_changes_no_sample(tmp_path):
    noise = np.random.default_rng(1).normal(size=(1, 3 * 44100)).astype(np.float32) / 10
    path = write(tmp_path / "noise.wav", noise, 44100, "FLOAT")

    clip = read_clip(path, 16000, 1, 16000)

    np.testing.assert_allclose(clip, resample(noise, 44100, 16000)[:, :16000], atol=1e-6)


def test_more_channels_than_asked_for_are_averaged_and_copied(tmp_path):
    three = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], dtype=np.float32)
    path = write(tmp_path / "three.wav", three, 8000)
    found = read_clip(path, 8000, 2, 2)
    np.testing.assert_allclose(found, [[0.3, 0.4], [0.3, 0.4]], atol=1e-4)
