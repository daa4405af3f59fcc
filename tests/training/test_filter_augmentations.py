"""Filters and devices: their responses, on waveforms and in mel bins, beside scipy's."""

import numpy as np
import pytest
import soundfile
import torch
from augmenting import augmented, generator
from scipy.signal import freqz, lfilter, remez

from nas_asc.architectures import FrontEnd, band_corners_hz
from nas_asc.errors import ConfigError
from nas_asc.features.audio import LogMel
from nas_asc.training.augmentations.device_impulse_response import (
    DeviceImpulseResponse,
    made_response,
    responses_of,
)
from nas_asc.training.augmentations.fir_filter import FirFilter, designed
from nas_asc.training.batches import Batch
from nas_asc.training.parts import faults_of_parts

RATE_HZ = 18_000  # the IMT report's
# As in the code of the report, the edges that it names last left out.
IMT = {
    "probability": 0.5,
    "low_pass": {"edges_hz": [340.0, 1000.0, 2000.0, 4000.0], "taps": 200, "transition_hz": 300.0},
    "high_pass": {"edges_hz": [340.0, 1000.0, 2000.0, 4000.0], "taps": 125, "transition_hz": 250.0},
    "band_pass": {
        "edges_hz": [[340.0, 3400.0], [1200.0, 3400.0]],
        "taps": 200,
        "transition_hz": 300.0,
    },
}
ONE = {"low_pass": {"edges_hz": [1000.0], "taps": 81, "transition_hz": 300.0}}
FRONT = FrontEnd("logmel", 1, 8000, 512, 256, 512, n_mels=24, f_min_hz=50.0, f_max_hz=4000.0)
WAVE = FrontEnd("waveform", 2, 8000)


def response_db(taps, hertz, rate_hz):
    return 20 * np.log10(np.abs(freqz(taps, worN=hertz, fs=rate_hz)[1]) + 1e-12)


def log_mels_of(waveforms, frontend=FRONT):
    (found,) = LogMel([frontend], waveforms.shape[-1])(waveforms.numpy())
    return torch.from_numpy(found).float()


def test_the_filters_of_the_imt_report_pass_and_stop_what_they_say():
    bank = designed(FirFilter.model_validate(IMT), RATE_HZ)
    assert bank.shape == (10, 200)
    half_hz = RATE_HZ / 2
    bands = [((0, edge), (edge + 300, half_hz)) for edge in (340, 1000, 2000, 4000)]
    bands += [((edge, half_hz), (0, edge - 250)) for edge in (340, 1000, 2000, 4000)]
    bands += [((340, 3400), (3700, half_hz)), ((1200, 3400), (0, 900))]
    for taps, (passed, stopped) in zip(bank, bands, strict=True):
        assert np.abs(response_db(taps, np.linspace(*passed, 300), RATE_HZ)).max() < 1.0
        assert response_db(taps, np.linspace(*stopped, 300)[1:-1], RATE_HZ).max() < -25


def test_a_filtered_waveform_is_that_of_scipy():
    waveforms = torch.randn(4, 2, 900, generator=generator(1))
    settings = {"probability": 1.0, "low_pass": None, "high_pass": None, "band_pass": None} | ONE
    given = Batch((waveforms,), torch.eye(4), frontend=WAVE)
    found = augmented("fir_filter", given, **settings).inputs[0]
    taps = remez(81, (0, 1000, 1300, 4000), (1, 0), fs=8000)
    expected = torch.from_numpy(lfilter(taps, 1, waveforms)).float()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["fir_filter", "device_impulse_response"])
def test_log_mels_change_as_those_of_the_filtered_waveform(name):
    """White noise, on average over time, where the filter lets through more than the floor."""
    settings = {"probability": 1.0} | (
        ONE | {"high_pass": None, "band_pass": None} if name == "fir_filter" else {"devices": 4}
    )
    waveforms = torch.randn(3, 1, 64_000, generator=generator(2)).half().float()
    given = Batch((waveforms,), torch.eye(3), frontend=WAVE)
    expected = log_mels_of(augmented(name, given, **settings).inputs[0]).exp().mean(3).log()
    plain = log_mels_of(waveforms)
    given = Batch((plain, plain.mean((1, 3))), torch.eye(3), frontend=FRONT)
    changed = augmented(name, given, **settings)
    found = changed.inputs[0].exp().mean(3).log()
    audible = expected > expected.amax(2, keepdim=True) - 5.0  # 20 dB
    assert audible.sum() > 20
    torch.testing.assert_close(found[audible], expected[audible], atol=0.25, rtol=0)  # 1 dB
    torch.testing.assert_close(changed.inputs[1], changed.inputs[0].mean((1, 3)))


def test_an_offset_in_log_mels_is_the_response_at_the_centre_of_the_band():
    """Where a band is narrow beside what changes in the response; of scipy's frequencies."""
    taps = remez(81, (0, 1000, 1300, 4000), (1, 0), fs=8000)
    centres_hz = np.array(band_corners_hz(24, 50.0, 4000.0)[1:-1])
    expected_db = response_db(taps, centres_hz, 8000)
    given = Batch((torch.zeros(1, 1, 24, 3),), torch.eye(1), frontend=FRONT)
    settings = {"probability": 1.0, "high_pass": None, "band_pass": None} | ONE
    found = augmented("fir_filter", given, **settings).inputs[0][0, 0, :, 0].numpy()
    found_db = 10 * found / np.log(10)
    inside = centres_hz < 900
    assert found_db[inside] == pytest.approx(expected_db[inside], abs=0.2)
    assert (found_db[centres_hz > 1600] < -30).all()


def test_a_device_is_the_same_at_every_sample_rate_and_as_loud_as_none():
    hertz = np.array([200.0, 400, 800, 1600, 3000])
    shapes = []
    for number in range(6):
        low, high = (made_response(number, rate_hz) for rate_hz in (8000, 44_100))
        assert (low**2).sum() == pytest.approx(1.0)
        levels = response_db(low, hertz, 8000), response_db(high, hertz, 44_100)
        shapes.append(levels[0] - levels[0].mean())
        assert shapes[-1] == pytest.approx(levels[1] - levels[1].mean(), abs=1.0)
        assert (low[:40] ** 2).sum() > 0.8, "of minimum phase: what it is comes first"
    spread = np.std(shapes, axis=0)
    assert (spread > 0.5).all()
    assert (spread < 15).all()


def test_responses_are_read_from_a_folder_at_the_rate_of_the_clips(tmp_path):
    echo = np.zeros(2000, dtype=np.float32)
    echo[[0, 800]] = 0.4, 0.3
    soundfile.write(tmp_path / "echo.wav", echo, 16_000, subtype="FLOAT")
    settings = {"probability": 1.0, "devices": None, "folder": str(tmp_path)}
    waveforms = torch.zeros(2, 2, 1000)
    tone = torch.sin(torch.arange(300) * 0.3) * torch.hann_window(300)
    waveforms[..., :300] = tone
    given = Batch((waveforms,), torch.eye(2), frontend=WAVE)
    found = augmented("device_impulse_response", given, **settings).inputs[0]
    expected = 0.8 * waveforms + 0.6 * waveforms.roll(400, -1)  # of power 1
    scale = (found * expected).sum() / expected.square().sum()  # a delta is cut at half the rate
    torch.testing.assert_close(found / scale, expected, atol=0.02, rtol=0)

    silent = tmp_path / "silent"
    silent.mkdir()
    soundfile.write(silent / "none.wav", np.zeros(100), 16_000)
    table = DeviceImpulseResponse(probability=1.0, folder=str(silent))
    with pytest.raises(ConfigError, match=r"none\.wav: expected an impulse response, found silen"):
        responses_of(table, 8000)


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("device_impulse_response", {"folder": "nowhere"}, "folder: expected a folder with WAV"),
        ("device_impulse_response", {}, "devices: expected either devices or folder, got neither"),
        ("fir_filter", {}, "low_pass: expected edges in it, high_pass or band_pass, got none"),
        (
            "fir_filter",
            {"high_pass": {"edges_hz": [500.0], "taps": 100, "transition_hz": 100.0}},
            "high_pass.taps: expected an odd number, got 100",
        ),
        (
            "fir_filter",
            {"band_pass": {"edges_hz": [[3400.0, 340.0]], "taps": 99, "transition_hz": 100.0}},
            "band_pass.edges_hz: expected rising edges above the transition of 100 Hz, got (3400",
        ),
        (
            "fir_filter",
            {"high_pass": {"edges_hz": [100.0], "taps": 99, "transition_hz": 100.0}},
            "high_pass.edges_hz: expected rising edges above the transition of 100 Hz, got 100",
        ),
        (
            "noise",
            {"lowest_db": 6.0, "highest_db": 5.0, "step_db": 1.0},
            "highest_db: expected at least lowest_db, 6, got 5",
        ),
    ],
)
def test_settings_that_do_not_fit_are_told_in_one_line(name, settings, told):
    recipe = {"augmentations": {name: settings | {"probability": 0.5}}}
    (fault,) = faults_of_parts(recipe)
    assert told in f"{fault.path}: {fault.message}"


def test_a_filter_above_half_the_sample_rate_is_not_drawn():
    settings = FirFilter.model_validate(IMT)
    assert len(designed(settings, 18_000)) == 10
    assert len(designed(settings, 8000)) == 8  # all but the two at 4 kHz
    assert len(designed(settings, 600)) == 0


def test_a_filter_that_cannot_be_designed_is_told():
    wide = {"edges_hz": [340.0], "taps": 125, "transition_hz": 250.0}
    settings = FirFilter.model_validate({"probability": 0.5, "high_pass": wide})
    with pytest.raises(ConfigError, match=r"high_pass: expected a filter at 340.* take fewer taps"):
        designed(settings, 1000)


def test_clips_stay_where_no_filter_is_below_half_the_sample_rate():
    high = {"edges_hz": [4000.0], "taps": 81, "transition_hz": 300.0}
    given = Batch((torch.rand(3, 2, 800) - 0.5,), torch.eye(3), frontend=WAVE)
    found = augmented(
        "fir_filter", given, probability=1.0, low_pass=high, high_pass=high, band_pass=None
    )
    assert torch.equal(found.inputs[0], given.inputs[0])
