"""A clip as a front end asks for it: rate, channels, length, and the physics of its log-mels."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from nas_asc.architectures import FrontEnd
from nas_asc.features import POWER_FLOOR, torchaudio
from nas_asc.features.audio import (
    LogMel,
    match_channels,
    pad_or_trim,
    read_clip,
    resample,
    resample_by_fourier,
)

RATE_HZ = 16000

PLAIN = FrontEnd("logmel", 1, RATE_HZ, 512, 256, 512, n_mels=40, f_max_hz=8000.0)

FRONT_ENDS = {
    "plain": PLAIN,
    "window shorter than the FFT": replace(PLAIN, window=400, n_fft=512, hop=160),
    "odd window": replace(PLAIN, window=401, n_fft=512),
    "odd FFT": replace(PLAIN, window=345, n_fft=345, hop=100),
    "odd FFT, a hop that divides the samples": replace(PLAIN, window=1001, n_fft=1001, hop=160),
    "not centred": replace(PLAIN, center=False),
    "hamming": replace(PLAIN, window_function="hamming"),
    "limits": replace(PLAIN, f_min_hz=50.0, f_max_hz=7000.0),
    "one band": replace(PLAIN, n_mels=1),
    "more bands than bins": replace(PLAIN, n_mels=256),
    "hop beyond the window": replace(PLAIN, hop=1000),
    "two channels": replace(PLAIN, channels=2),
    "of SRPOL, NTU, Deepsound": replace(PLAIN, window=2760, n_fft=2760, hop=690, n_mels=160),
}


def sine(frequency_hz, rate_hz, seconds=1.0, channels=1):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * frequency_hz * time), (channels, 1)).astype(np.float32)


def write(path, waveform, rate_hz, subtype="PCM_16"):
    soundfile.write(path, waveform.T, rate_hz, subtype=subtype)
    return path


def noise(channels=1, samples=RATE_HZ, clips=1):
    rng = np.random.default_rng(1)
    return (0.1 * rng.normal(size=(clips, channels, samples))).astype(np.float32)


def log_mel(frontend, waveforms):
    return LogMel([frontend], waveforms.shape[2])(waveforms)[0]


def by_torchaudio(frontend, clip):
    """Ask torchaudio's own transform for one clip, (channels, samples)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transform = torchaudio.transforms.MelSpectrogram(
            sample_rate=frontend.sample_rate_hz,
            n_fft=frontend.n_fft,
            win_length=frontend.window,
            hop_length=frontend.hop,
            f_min=frontend.f_min_hz,
            f_max=frontend.f_max_hz,
            n_mels=frontend.n_mels,
            window_fn=getattr(torch, f"{frontend.window_function}_window"),
            center=frontend.center,
            norm="slaney",
            mel_scale="slaney",
        )
        return transform(torch.from_numpy(clip)).clamp(min=POWER_FLOOR).log().numpy()


@pytest.mark.parametrize(
    ("found", "channels", "expected"),
    [
        ([[0, 1]], 1, [[0, 1]]),
        ([[0, 1]], 2, [[0, 1], [0, 1]]),
        ([[0, 1], [1, 0]], 2, [[0, 1], [1, 0]]),
        ([[1, 1], [0.5, 0]], 1, [[0.75, 0.5]]),
        ([[0.5, 2], [1, 4], [1.5, 6]], 2, [[1, 4], [1, 4]]),
    ],
)
def test_channels_become_one_by_their_mean_and_several_by_copying(found, channels, expected):
    waveform = match_channels(np.array(found, dtype=np.float32), channels)
    assert waveform.dtype == np.float32
    assert np.array_equal(waveform, expected)


def test_a_long_clip_loses_its_end_and_a_short_one_is_followed_by_zeros():
    assert np.array_equal(pad_or_trim(np.arange(5, dtype=np.float32)[None], 3), [[0, 1, 2]])
    assert np.array_equal(pad_or_trim(np.ones((2, 2), dtype=np.float32), 4), [[1, 1, 0, 0]] * 2)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(48000, 44100), (22050, 44100), (44100, 18000), (44056, 44100), (44101, 48000)],
)
def test_a_tone_keeps_its_frequency_and_level_at_another_rate(from_hz, to_hz):
    resampled = resample(sine(1000, from_hz), from_hz, to_hz)
    assert resampled.shape == (1, to_hz)
    inner = slice(to_hz // 10, -to_hz // 10)
    np.testing.assert_allclose(resampled[:, inner], sine(1000, to_hz)[:, inner], atol=2e-3)


def test_a_tone_above_the_new_nyquist_frequency_is_gone():
    resampled = resample(sine(7000, 44100), 44100, 8000)
    assert 20 * math.log10(np.abs(resampled[:, 500:-500]).max() / 0.5) < -40


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44100, 8000), (44100, 22050), (48000, 44100), (8000, 44100)]
)
def test_a_tone_near_the_nyquist_frequency_is_kept_and_one_beyond_it_gone(from_hz, to_hz):
    def level_db(share):
        tone = sine(share * min(from_hz, to_hz) / 2, from_hz)
        inner = resample(tone, from_hz, to_hz)[:, to_hz // 10 : -to_hz // 10]
        return 20 * math.log10(np.sqrt(2 * (inner**2).mean()) / 0.5)

    assert abs(level_db(0.9)) < 0.1
    if to_hz < from_hz:
        assert level_db(1.05) < -80


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 22050), (3, 2), (441, 80), (8000, 44100)])
@pytest.mark.parametrize("samples", [1, 1000, 4001])
def test_it_resamples_as_torchaudio_does(from_hz, to_hz, samples):
    (waveform,) = noise(channels=2, samples=samples)
    settings = {"resampling_method": "sinc_interp_kaiser", "lowpass_filter_width": 64}
    settings |= {"rolloff": 0.9475937167399596, "beta": 14.769656459379492}
    theirs = torchaudio.functional.resample(torch.from_numpy(waveform), from_hz, to_hz, **settings)
    np.testing.assert_allclose(resample(waveform, from_hz, to_hz), theirs, atol=1e-5)


def test_a_clip_at_18_khz_by_the_fourier_method_is_what_scipy_makes_of_it(tmp_path):
    """As the IMT report did, with the reading of 24 bits and the padding around it."""
    rng = np.random.default_rng(2)
    waveform = np.cumsum(rng.normal(0, 0.001, (2, 48000)), axis=1)  # its ends do not meet
    path = write(tmp_path / "ears.wav", waveform, 48000, "PCM_24")
    clip = read_clip(path, 18000, 2, 20000, resampling="fourier")
    assert (clip.dtype, clip.shape) == (np.float32, (2, 20000))
    expected = scipy.signal.resample(waveform, 18000, axis=1)
    np.testing.assert_allclose(clip[:, :18000], expected, atol=1e-6)
    assert not clip[:, 18000:].any()
    usual = read_clip(path, 18000, 2, 18000)
    assert np.array_equal(usual, read_clip(path, 18000, 2, 18000, resampling="sinc"))
    assert np.abs(usual - expected).max() > 1e-3


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48000, 18000), (44100, 18000), (8000, 18000)])
def test_the_fourier_method_keeps_all_below_the_nyquist_frequency_and_nothing_above(from_hz, to_hz):
    """Tones that are whole in a second, the nearest one 1 Hz away from it."""
    half_hz = min(from_hz, to_hz) // 2
    for frequency_hz in (1, 1000, half_hz - 1):
        found = resample_by_fourier(sine(frequency_hz, from_hz), from_hz, to_hz)
        np.testing.assert_allclose(found, sine(frequency_hz, to_hz), atol=2e-6)
    if to_hz < from_hz:
        assert np.abs(resample_by_fourier(sine(half_hz + 1, from_hz), from_hz, to_hz)).max() < 2e-6


@pytest.mark.parametrize("name", ["odd.wav", "odd.flac", "odd.ogg"])
def test_a_clip_of_odd_rate_channels_and_length_becomes_what_is_asked(tmp_path, name):
    path = write(tmp_path / name, sine(300, 11025, seconds=0.7, channels=2), 11025, None)
    clip = read_clip(path, 16000, 1, 16000)
    assert (clip.dtype, clip.shape) == (np.float32, (1, 16000))
    np.testing.assert_allclose(clip[0, 1000:10000], sine(300, 16000)[0, 1000:10000], atol=0.05)
    assert not clip[0, 11300:].any()


def test_reading_only_the_wanted_part_changes_no_sample(tmp_path):
    (waveform,) = noise(samples=3 * 44100)
    path = write(tmp_path / "noise.wav", waveform, 44100, "FLOAT")
    clip = read_clip(path, 16000, 1, 16000)
    np.testing.assert_allclose(clip, resample(waveform, 44100, 16000)[:, :16000], atol=1e-6)


@pytest.mark.parametrize("frontend", FRONT_ENDS.values(), ids=FRONT_ENDS)
@pytest.mark.parametrize("samples", [RATE_HZ, 15999, 5000])
def test_it_agrees_with_torchaudio_clip_by_clip(frontend, samples):
    clips = noise(frontend.channels, samples, clips=3)
    features = log_mel(frontend, clips)
    for clip, ours in zip(clips, features, strict=True):
        theirs = by_torchaudio(frontend, clip)
        np.testing.assert_allclose(ours, theirs, atol=0.01, rtol=0)


@pytest.mark.parametrize("frontend", FRONT_ENDS.values(), ids=FRONT_ENDS)
@pytest.mark.parametrize("samples", [RATE_HZ, 1, 100, 2760])
def test_its_shape_is_the_one_that_the_front_end_promises(frontend, samples):
    features = log_mel(frontend, noise(frontend.channels, samples))
    assert features.dtype == np.float16
    assert features.shape[1:] == frontend.input_shapes(samples / RATE_HZ)[0]
    assert np.isfinite(features).all()


@pytest.mark.parametrize("frequency_hz", [300, 1000, 3000, 6500])
def test_a_tone_is_loudest_in_the_band_that_holds_it(frequency_hz):
    features = log_mel(PLAIN, sine(frequency_hz, RATE_HZ)[None])[0, 0]
    loudest = features.astype(float).mean(axis=1).argmax()
    # Slaney's scale: linear up to 1 kHz, where 15 mel are, then 27 mel for each factor of 6.4.
    mel = 15 + 27 * math.log(frequency_hz / 1000) / math.log(6.4) if frequency_hz > 1000 else None
    mel = mel or frequency_hz * 3 / 200
    highest_mel = 15 + 27 * math.log(8) / math.log(6.4)
    assert abs(loudest - (mel / highest_mel * 41 - 1)) < 1


@pytest.mark.parametrize("frontend", [PLAIN, FRONT_ENDS["hamming"]])
def test_twice_the_amplitude_adds_log_4(frontend):
    once, twice = (log_mel(frontend, gain * noise()).astype(float) for gain in (1, 2))
    np.testing.assert_allclose(twice - once, math.log(4), atol=0.01)


def test_white_noise_has_the_power_that_parseval_gives():
    features = log_mel(replace(PLAIN, n_mels=10), noise(samples=20 * RATE_HZ)).astype(float)
    per_bin = 0.1**2 * float((torch.hann_window(512) ** 2).sum())
    power = np.exp(features).mean(axis=-1)[0, 0]
    np.testing.assert_allclose(power, per_bin * 512 / RATE_HZ, rtol=0.05)


def test_silence_is_the_floor_and_zero_by_its_peak():
    silence = np.zeros((1, 1, RATE_HZ), dtype=np.float32)
    np.testing.assert_allclose(log_mel(PLAIN, silence).astype(float), math.log(1e-8), atol=0.01)
    assert not log_mel(replace(PLAIN, normalisation="peak"), silence).any()


def test_the_loudest_possible_clip_stays_far_below_the_limit_of_float16():
    loudest = np.ones((1, 1, 65536), dtype=np.float32)
    assert log_mel(replace(PLAIN, window=16384, n_fft=16384), loudest).max() < 20


def test_a_click_is_seen_at_its_time_alone():
    clip = np.zeros((1, 1, RATE_HZ), dtype=np.float32)
    clip[0, 0, 8000] = 1
    loud = (log_mel(PLAIN, clip)[0, 0].max(axis=0) > -15).nonzero()[0]
    assert loud.min() >= (8000 - 256) / 256
    assert loud.max() <= (8000 + 256) / 256


def test_channels_and_clips_do_not_mix():
    clips = noise(channels=2, clips=3)
    together = log_mel(replace(PLAIN, channels=2), clips)
    alone = log_mel(PLAIN, clips.reshape(6, 1, RATE_HZ))
    assert np.array_equal(together.reshape(alone.shape), alone)


def test_one_pass_gives_what_each_setting_alone_gives():
    changes = ({"n_mels": 8}, {"f_min_hz": 20.0}, {"normalisation": "peak"})
    settings = [replace(PLAIN, **change) for change in changes]
    clips = noise(clips=2)
    together = LogMel(settings, RATE_HZ)(clips)
    for setting, features in zip(settings, together, strict=True):
        assert np.array_equal(features, log_mel(setting, clips))


def test_peak_normalisation_puts_background_at_0_and_peak_at_1():
    clips = noise(clips=2) * np.array([1, 0.01], dtype=np.float32)[:, None, None]
    plain = log_mel(PLAIN, clips).astype(float)
    features = log_mel(replace(PLAIN, normalisation="peak"), clips).astype(float)
    for clip, values in zip(features, plain, strict=True):
        assert (clip.min(), clip.max()) == (0, 1)
        expected = (values - values.min()) / np.ptp(values)
        np.testing.assert_allclose(clip, expected, atol=0.001)


def test_front_ends_of_other_windows_do_not_share_a_pass():
    with pytest.raises(ValueError, match="share one spectrogram"):
        LogMel([PLAIN, replace(PLAIN, window=400)], RATE_HZ)


def test_a_click_in_the_middle_of_a_centred_clip_lands_in_the_middle_frame(tmp_path):
    click = np.zeros((1, 801), dtype=np.float32)
    click[0, 400] = 1
    path = write(tmp_path / "click.wav", click, RATE_HZ)
    frontend = replace(PLAIN, window=320, n_fft=320, hop=160)
    for align, frame in (("center", 50), ("start", 400 / 160)):
        clip = read_clip(path, RATE_HZ, 1, RATE_HZ, align=align)
        loudest = log_mel(frontend, clip[None])[0, 0].astype(float).mean(axis=0).argmax()
        assert abs(loudest - frame) <= 0.5


@pytest.mark.parametrize(
    ("name", "rate_hz"), [("a.wav", 44100), ("a.flac", 16000), ("a.ogg", 44100)]
)
def test_a_window_holds_what_the_whole_file_holds_there(tmp_path, name, rate_hz):
    (waveform,) = noise(samples=3 * rate_hz)
    path = write(tmp_path / name, waveform, rate_hz, None)
    whole = read_clip(path, RATE_HZ, 1, 3 * RATE_HZ)
    for start_s in (0.0, 0.05, 1.3, 2.0):
        window = read_clip(path, RATE_HZ, 1, RATE_HZ, start_s)
        first = round(start_s * RATE_HZ)
        np.testing.assert_allclose(window, whole[:, first : first + RATE_HZ], atol=1e-3)


@pytest.mark.parametrize("frontend", [PLAIN, replace(PLAIN, normalisation="peak")])
@pytest.mark.parametrize(("clip_s", "align"), [(0.3, "center"), (0.3, "start"), (0.02, "start")])
def test_ten_milliseconds_at_8_khz_become_finite_features(tmp_path, frontend, clip_s, align):
    path = write(tmp_path / "hit.wav", sine(1000, 8000, seconds=0.01), 8000)
    samples = frontend.samples(clip_s)
    clip = read_clip(path, RATE_HZ, 1, samples, align=align)
    assert clip.shape == (1, samples)
    features = log_mel(frontend, clip[None])
    assert features.shape[1:] == frontend.input_shapes(clip_s)[0]
    assert np.isfinite(features).all()
    assert np.ptp(features.astype(float)) > 0
