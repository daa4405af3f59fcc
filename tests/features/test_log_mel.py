import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from nas_asc.architectures.frontend import FrontEnd
from nas_asc.features.log_mel import POWER_FLOOR, LogMel
from nas_asc.features.torchaudio_native import torchaudio

RATE_HZ = 16000

PLAIN = FrontEnd(
    kind="logmel",
    channels=1,
    sample_rate_hz=RATE_HZ,
    window=512,
    hop=256,
    n_fft=512,
    n_mels=40,
    f_max_hz=8000.0,
)

FRONT_ENDS = {
    "plain": PLAIN,
    "window shorter than the FFT": replace(PLAIN, window=400, n_fft=512, hop=160),
    "odd window": replace(PLAIN, window=401, n_fft=512),
    "odd FFT": replace(PLAIN, window=345, n_fft=345, hop=100),
    "not centred": replace(PLAIN, center=False),
    "hamming": replace(PLAIN, window_function="hamming"),
    "limits": replace(PLAIN, f_min_hz=50.0, f_max_hz=7000.0),
    "one band": replace(PLAIN, n_mels=1),
    "hop beyond the window": replace(PLAIN, hop=1000),
    "two channels": replace(PLAIN, channels=2),
    "window of SRPOL, NTU, Deepsound": replace(PLAIN, window=2760, n_fft=2760, hop=690, n_mels=160),
}


def noise(channels=1, samples=RATE_HZ, clips=1, seed=1):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=(clips, channels, samples))).astype(np.float32)


def tone(frequency_hz, samples=RATE_HZ):
    time = np.arange(samples) / RATE_HZ
    return np.sin(2 * np.pi * frequency_hz * time).astype(np.float32)[None, None]


def log_mel(frontend, waveforms):
    return LogMel([frontend], waveforms.shape[2])(waveforms)[0]


def by_torchaudio(frontend, clip):
    """Ask torchaudio's own transform for one clip, (channels, samples)."""
    windows = {"hann": torch.hann_window, "hamming": torch.hamming_window}
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
            window_fn=windows[frontend.window_function],
            center=frontend.center,
            norm="slaney",
            mel_scale="slaney",
        )
        return transform(torch.from_numpy(clip)).clamp(min=POWER_FLOOR).log().numpy()


@pytest.mark.parametrize("frontend", FRONT_ENDS.values(), ids=FRONT_ENDS)
@pytest.mark.parametrize("samples", [RATE_HZ, 15999, 5000])
def test_it_agrees_with_torchaudio_clip_by_clip(frontend, samples):
    clips = noise(frontend.channels, samples, clips=3)

    features = log_mel(frontend, clips)

    assert features.dtype == np.float16
    for clip, ours in zip(clips, features, strict=True):
        theirs = by_torchaudio(frontend, clip)
        frames = theirs.shape[-1]  # an odd FFT gives torchaudio no last frame
        np.testing.assert_allclose(ours[..., :frames], theirs, atol=0.01, rtol=0)
        assert ours.shape[-1] - frames in ((0, 1) if frontend.n_fft % 2 else (0,))


@pytest.mark.parametrize("frontend", FRONT_ENDS.values(), ids=FRONT_ENDS)
@pytest.mark.parametrize("samples", [RATE_HZ, 1, 100, 2760])
def test_its_shape_is_the_one_that_the_front_end_promises(frontend, samples):
    features = log_mel(frontend, noise(frontend.channels, samples))

    assert features.shape[1:] == frontend.input_shapes(samples / RATE_HZ)[0]
    assert np.isfinite(features).all()


@pytest.mark.parametrize("frequency_hz", [300, 1000, 3000, 6500])
def test_a_tone_is_loudest_in_the_band_that_holds_it(frequency_hz):
    loudest = log_mel(PLAIN, tone(frequency_hz))[0, 0].astype(float).mean(axis=1).argmax()

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
    bins_per_hz = 512 / RATE_HZ
    np.testing.assert_allclose(
        np.exp(features).mean(axis=-1)[0, 0], per_bin * bins_per_hz, rtol=0.05
    )


def test_silence_is_the_floor():
    features = log_mel(PLAIN, np.zeros((1, 1, RATE_HZ), dtype=np.float32))

    np.testing.assert_allclose(features.astype(float), math.log(1e-8), atol=0.01)


def test_the_loudest_possible_clip_stays_far_below_the_limit_of_float16():
    frontend = replace(PLAIN, window=16384, n_fft=16384)

    assert log_mel(frontend, np.ones((1, 1, 65536), dtype=np.float32)).max() < 20


def test_a_click_is_seen_at_its_time_alone():
    clip = np.zeros((1, 1, RATE_HZ), dtype=np.float32)
    clip[0, 0, 8000] = 1

    loud = (log_mel(PLAIN, clip)[0, 0].max(axis=0) > -15).nonzero()[0]

    assert loud.min() >= (8000 - 256) / 256
    assert loud.max() <= (8000 + 256) / 256


def test_channels_and_clips_do_not_mix():
    clips = noise(channels=2, clips=3)
    stereo = replace(PLAIN, channels=2)

    together = log_mel(stereo, clips)

    for clip in range(3):
        for channel in range(2):
            alone = log_mel(PLAIN, clips[clip : clip + 1, channel : channel + 1])
            assert np.array_equal(together[clip, channel], alone[0, 0])


def test_one_pass_gives_what_each_setting_alone_gives():
    settings = [replace(PLAIN, n_mels=mels, f_min_hz=low) for mels, low in ((8, 0), (40, 20.0))]
    settings.append(replace(PLAIN, normalisation="peak"))
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


def test_peak_normalisation_of_silence_is_zero():
    silence = np.zeros((1, 1, RATE_HZ), dtype=np.float32)

    assert not log_mel(replace(PLAIN, normalisation="peak"), silence).any()


def test_more_bands_than_bins_are_allowed():
    features = log_mel(replace(PLAIN, n_mels=256), noise())

    assert features.shape[2] == 256
    assert np.isfinite(features).all()


def test_front_ends_of_other_windows_do_not_share_a_pass():
    with pytest.raises(ValueError, match="share one spectrogram"):
        LogMel([PLAIN, replace(PLAIN, window=400)], RATE_HZ)
