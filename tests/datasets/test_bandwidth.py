"""How far recordings reach, by what was done to them, and what is said of data that differ."""

import numpy as np
import pytest
import soundfile

from nas_asc.datasets import check, load_dataset
from nas_asc.datasets.bandwidth import mixed_bands, reach_hz, unreached_rates
from nas_asc.datasets.decoding import check_file
from nas_asc.features.audio import resample


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def brown(samples, seed=0):
    """Noise that falls by 6 dB an octave, as most of nature does."""
    bins = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
    bins[1:] /= np.arange(1, len(bins))
    bins[0] = 0
    noise = np.fft.irfft(bins, samples)
    return (0.2 * noise / np.abs(noise).max()).astype(np.float32)


def by_fourier(waveform, from_hz, to_hz):
    """Resample without any transition band, as the best resamplers nearly do."""
    samples = round(len(waveform) * to_hz / from_hz)
    bins = np.zeros(samples // 2 + 1, dtype=complex)
    spectrum = np.fft.rfft(waveform)
    bins[: len(spectrum)] = spectrum
    return np.fft.irfft(bins, samples) * samples / len(waveform)


def by_torchaudio(waveform, from_hz, to_hz):
    return resample(waveform[None], from_hz, to_hz)[0]


@pytest.mark.parametrize("seconds", [0.05, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("resampled", [by_fourier, by_torchaudio])
def test_a_file_of_8_khz_at_a_higher_rate_reaches_4_khz(tmp_path, resampled, subtype, seconds):
    waveform = resampled(brown(round(seconds * 8000)), 8000, 44100)
    if subtype == "PCM_16":  # with triangular dither, as editors write it
        rng = np.random.default_rng(1)
        waveform = waveform + rng.triangular(-1, 0, 1, len(waveform)) / 2**15
    soundfile.write(tmp_path / "up.wav", waveform, 44100, subtype=subtype)
    assert check_file(tmp_path / "up.wav").highest_hz == pytest.approx(4000, rel=0.2)


@pytest.mark.parametrize(("rate_hz", "seconds"), [(8000, 1), (44100, 1), (8000, 0.01)])
def test_a_file_that_was_recorded_at_its_rate_reaches_half_of_it(tmp_path, rate_hz, seconds):
    soundfile.write(tmp_path / "full.wav", 8 * brown(round(seconds * rate_hz)) / 2**3, rate_hz)
    assert check_file(tmp_path / "full.wav").highest_hz > 0.45 * rate_hz


def test_an_mp3_reaches_its_low_pass(tmp_path):
    noise = 0.1 * np.random.default_rng(0).normal(size=88200)
    soundfile.write(tmp_path / "a.mp3", noise, 44100)
    assert 14_000 < check_file(tmp_path / "a.mp3").highest_hz < 20_500


def test_rumble_does_not_hide_what_is_above_it(tmp_path):
    time_s = np.arange(88200) / 44100
    hiss = 1e-3 * np.random.default_rng(0).normal(size=88200)
    waveform = 0.5 * np.sin(2 * np.pi * 40 * time_s) + hiss
    soundfile.write(tmp_path / "rumble.wav", waveform, 44100)
    assert check_file(tmp_path / "rumble.wav").highest_hz > 20_000


def test_silence_holds_nothing(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 8000)
    assert check_file(tmp_path / "silent.wav").highest_hz == 0


@pytest.mark.parametrize(
    ("rate_hz", "highest_hz", "reach"),
    [(44100, 4100, 4000), (44100, 4700, 4000), (44100, 16900, 16000), (16000, 7900, 8000),
     (16000, 4000, 4000), (44100, 21000, 22050), (8000, 3900, 4000)],
)  # fmt: skip
def test_a_recording_reaches_half_of_a_usual_rate(rate_hz, highest_hz, reach):
    assert reach_hz(rate_hz, highest_hz) == reach


def test_upsampled_clips_are_counted():
    files = [(44100, 4050.0)] * 212 + [(44100, 21000.0)] * 88 + [(16000, 7900.0)] * 10
    (line,) = unreached_rates(files)
    assert line.startswith("44,100 Hz, but hardly anything above 4,000 Hz in 212 of 300 clips")
    assert unreached_rates([(44100, 16000.0)] * 9) == []


def test_bandwidths_that_training_does_not_have_are_told_by_split_and_device():
    narrow, wide = (44100, 8000.0), (44100, 21000.0)
    parts = {"train": [narrow] * 10, "validation": [narrow] * 5, "test": [wide] * 4 + [narrow]}
    (line,) = mixed_bands(parts | {"device a": [narrow] * 9, "device b": [wide] * 4})
    told = "train 100% to 8,000 Hz; test 20% to 8,000 Hz, 80% to 22,050 Hz; device b 100% to 22,050"
    assert told in line
    assert mixed_bands({"train": [narrow], "test": [narrow]}) == []


def test_check_tells_of_upsampled_clips_and_the_data_set_knows_how_far_most_reach(tmp_path):
    for number in range(10):
        for name in ("dog", "rain"):
            (tmp_path / name).mkdir(exist_ok=True)
            waveform = brown(4000, seed=number + 100 * (name == "dog"))
            soundfile.write(
                tmp_path / name / f"{number}.wav", by_fourier(waveform, 8000, 16000), 16000
            )
    said = [finding for finding in check(tmp_path) if finding.subject == "bandwidth"]
    assert [finding.level for finding in said] == ["note"]
    assert said[0].text.startswith("16,000 Hz, but hardly anything above 4,000 Hz in 20 of 20")
    assert load_dataset(tmp_path).highest_hz == pytest.approx(4000, rel=0.05)
