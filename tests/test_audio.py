import math

import numpy as np
import pytest
import soundfile
import torch

from nas_asc.audio import decode, fit, match_channels, read_clip, resample
from nas_asc.errors import DatasetError
from nas_asc.torchaudio_native import torchaudio

FORMATS = [
    ("clip.wav", "PCM_16", 2**-15),
    ("clip.wav", "PCM_24", 2**-23),
    ("clip.wav", "FLOAT", 0),
    ("clip.flac", "PCM_16", 2**-15),
    ("clip.flac", "PCM_24", 2**-23),
    ("clip.ogg", "VORBIS", 0.05),
]


def sine(frequency_hz, rate_hz, seconds=1.0, channels=1):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * frequency_hz * time), (channels, 1)).astype(np.float32)


def write(path, waveform, rate_hz, subtype="PCM_16"):
    soundfile.write(path, waveform.T, rate_hz, subtype=subtype)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("name", "subtype", "tolerance"), FORMATS)
def test_every_format_is_decoded(tmp_path, name, subtype, tolerance, channels):
    waveform = sine(440, 32000, channels=channels)

    decoded, rate_hz = decode(write(tmp_path / name, waveform, 32000, subtype))

    assert rate_hz == 32000
    assert (decoded.dtype, decoded.shape) == (np.float32, (channels, 32000))
    np.testing.assert_allclose(decoded, waveform, atol=tolerance)


def test_no_more_is_decoded_than_asked_for(tmp_path):
    path = write(tmp_path / "long.wav", sine(440, 8000, seconds=10), 8000)

    decoded, _ = decode(path, most_s=1)

    assert decoded.shape == (1, 8800)


def test_channels_become_one_by_their_mean():
    stereo = np.stack([np.full(4, 1.0), np.full(4, 0.5)]).astype(np.float32)

    assert np.array_equal(match_channels(stereo, 1), np.full((1, 4), 0.75))


def test_one_channel_becomes_two_by_copying():
    mono = np.arange(4, dtype=np.float32)[None]

    assert np.array_equal(match_channels(mono, 2), np.stack([mono[0], mono[0]]))


def test_channels_that_match_are_left_alone():
    stereo = np.arange(8, dtype=np.float32).reshape(2, 4)

    assert np.array_equal(match_channels(stereo, 2), stereo)


def test_a_long_clip_loses_its_end():
    assert np.array_equal(fit(np.arange(5, dtype=np.float32)[None], 3), [[0, 1, 2]])


def test_a_short_clip_is_followed_by_zeros():
    assert np.array_equal(fit(np.ones((2, 2), dtype=np.float32), 4), [[1, 1, 0, 0]] * 2)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(48000, 44100), (22050, 44100), (44100, 18000), (44056, 44100), (11025, 48000), (8000, 48001)],
)
def test_a_tone_keeps_its_frequency_and_level_at_another_rate(from_hz, to_hz):
    resampled = resample(sine(1000, from_hz), from_hz, to_hz)

    assert resampled.shape == (1, to_hz)
    inner = slice(to_hz // 10, -to_hz // 10)
    np.testing.assert_allclose(resampled[:, inner], sine(1000, to_hz)[:, inner], atol=2e-3)


def test_a_tone_above_the_new_nyquist_frequency_is_gone():
    resampled = resample(sine(7000, 44100), 44100, 8000)

    assert 20 * math.log10(np.abs(resampled[:, 500:-500]).max() / 0.5) < -40


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 18000), (16000, 44100), (48000, 44100)])
def test_the_filter_by_sample_is_torchaudios(monkeypatch, from_hz, to_hz):
    noise = np.random.default_rng(1).normal(size=(2, 20000)).astype(np.float32)
    monkeypatch.setattr("nas_asc.audio._MOST_PHASES", 0)

    ours = resample(noise, from_hz, to_hz)

    peer = torchaudio.functional.resample(torch.from_numpy(noise), from_hz, to_hz)
    np.testing.assert_allclose(ours, peer.numpy(), atol=2e-4)


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


def garbage(path):
    path.write_bytes(b"this is no sound at all" * 100)


def nothing(path):
    path.write_bytes(b"")


def absent(path):
    pass


def no_samples(path):
    write(path, np.zeros((1, 0), dtype=np.float32), 8000)


def not_finite(path):
    write(path, np.array([[0.5, np.inf, -np.inf]], dtype=np.float32), 8000, "FLOAT")


@pytest.mark.parametrize("spoil", [garbage, nothing, absent, no_samples, not_finite])
def test_a_clip_that_cannot_be_decoded_is_named_in_one_line(tmp_path, spoil):
    path = tmp_path / "bad.wav"
    spoil(path)

    with pytest.raises(DatasetError) as caught:
        decode(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: expected a WAV, FLAC or OGG clip, found ")
    assert "--skip-bad" in message
    assert "\n" not in message


def test_samples_whose_sum_is_too_large_are_still_finite(tmp_path):
    huge = np.full((1, 3), 2e38, dtype=np.float32)

    assert np.array_equal(decode(write(tmp_path / "huge.wav", huge, 8000, "FLOAT"))[0], huge)


@pytest.mark.parametrize("name", ["damaged.flac", "damaged.ogg"])
def test_a_clip_with_a_hole_is_not_decoded_to_less(tmp_path, name):
    noise = np.random.default_rng(1).normal(size=(1, 100000)).astype(np.float32) / 10
    path = write(tmp_path / name, noise, 44100, None)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(1000) + content[middle + 1000 :])

    with pytest.raises(DatasetError, match=r"damaged\.\w+: expected .*, found .* - repair"):
        decode(path)


def test_more_channels_than_asked_for_are_averaged_and_copied(tmp_path):
    three = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], dtype=np.float32)
    path = write(tmp_path / "three.wav", three, 8000)
    found = read_clip(path, 8000, 2, 2)
    np.testing.assert_allclose(found, [[0.3, 0.4], [0.3, 0.4]], atol=1e-4)
