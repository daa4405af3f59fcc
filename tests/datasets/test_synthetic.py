"""The synthetic scenes: what they are made of, their folder, and how hard they are."""

import json
import os
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nas_asc.datasets import (
    check,
    load_dataset,
    signals,
    synthetic,
    synthetic_dataset,
    write_synthetic,
)
from nas_asc.datasets.scenes import SCENES, perform, rain
from nas_asc.datasets.splits import straddling
from nas_asc.datasets.synthetic import make_clip, takes
from nas_asc.errors import DatasetError

DIFFICULTY = Path(__file__).parents[2] / "benchmarks" / "synthetic_difficulty.py"
FEW = {"train": {"a": 1, "s1": 1}, "validation": {"a": 1, "s4": 1}, "test": {"s4": 1}}
# The TAU Urban Acoustic Scenes classes.
TAU = (
    "airport bus metro metro_station park public_square shopping_mall street_pedestrian "
    "street_traffic tram"
)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(synthetic, "DEVICE_CLIPS", FEW)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def content(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def strongest_hz(signal):
    return float(np.abs(np.fft.rfft(signal)).argmax()) * 44100 / len(signal)


SOURCES = dict.fromkeys(s for scene in SCENES.values() for s in (*scene.bed, *scene.events))


@pytest.mark.parametrize("source", [*SOURCES, rain])
@pytest.mark.parametrize("seed", range(3))
def test_every_source_fills_a_clip_at_unit_power(source, seed):
    sound = source(np.random.default_rng(seed), 1.1)
    assert sound.shape == (signals.SAMPLES,)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(1.0)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_a_scene_has_unit_power_and_something_that_mostly_happens(scene):
    assert any(share >= 0.5 for share in scene.events.values())
    sound = perform(np.random.default_rng(0), scene, 1.0)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(1.0)


def test_noise_lies_in_its_band():
    spectrum = np.abs(np.fft.rfft(signals.noise(np.random.default_rng(0), 1000, 2000))) ** 2
    in_band = spectrum[1000:2001].sum() / spectrum.sum()
    below, above = 1000 / 5, 2000 / 3  # the integrals of (f / 1000)^4 and (f / 2000)^-4
    an_octave_above = spectrum[3900:4100].mean() / spectrum[1400:1600].mean()
    assert in_band == pytest.approx(1000 / (1000 + below + above), rel=0.1)
    assert 10 * np.log10(an_octave_above) == pytest.approx(-12.0, abs=2.0)


def test_glide_moves_from_pitch_to_pitch_with_its_partials():
    tone = signals.glide(400, 800, (1.0,), 1.0)
    assert strongest_hz(tone[:4410]) == pytest.approx(420, abs=10)
    assert strongest_hz(tone[-4410:]) == pytest.approx(780, abs=10)
    steady = np.abs(np.fft.rfft(signals.glide(1000, 1000, (1.0, 0.0, 0.5), 1.0)))
    assert steady[3000] / steady[1000] == pytest.approx(0.5, rel=0.01)
    assert steady[2000] / steady[1000] < 0.001


def test_partials_above_half_the_rate_are_left_out():
    spectrum = np.abs(np.fft.rfft(signals.glide(9000, 9000, (1.0, 1.0, 1.0), 1.0)))
    assert spectrum[18000] > 1000
    assert spectrum[44100 - 27000] < 100


def test_overlay_cuts_what_lies_outside():
    clip = signals.overlay(
        [(-1 / 44100, np.array([1.0, 2.0])), (1 - 1 / 44100, np.array([3.0, 4.0]))]
    )
    assert clip[-1] / clip[0] == pytest.approx(3 / 2)
    assert np.count_nonzero(clip) == 2


def test_a_steady_rhythm_keeps_its_period():
    times = signals.regular(np.random.default_rng(0), 0.1, 0.0)
    assert np.diff(times) == pytest.approx(0.1)


def test_a_device_hisses_when_nothing_sounds():
    recorder = signals.draw_recorder(0, "s1")
    rng = np.random.default_rng(0)
    _, place = signals.draw_place(0, 0, 0, indoor=True)
    quiet = signals.record(rng, signals.noise(rng, 100, 1000), place, recorder, -120.0)
    power_db = 20 * np.log10(np.sqrt(np.mean((quiet / 32767) ** 2)))
    assert power_db == pytest.approx(recorder[1], abs=1.0)


def test_the_same_seed_makes_the_same_clip_whatever_came_before():
    first, *_, last = list(takes())
    alone = make_clip(last, 0)
    make_clip(first, 1)
    assert np.array_equal(make_clip(last, 0), alone)
    assert not np.array_equal(make_clip(last, 1), alone)


def test_the_plan_is_balanced_and_leaks_nothing():
    plan = list(takes())
    assert " ".join(sorted({take.scene for take in plan})) == TAU
    per_class = Counter((take.split, take.scene) for take in plan)
    assert set(per_class.values()) == {80, 27, 30}
    assert straddling(plan) == ()
    trained = {take.device for take in plan if take.split == "train"}
    assert set(signals.DEVICES) - trained == set(signals.UNSEEN_DEVICES)
    for split in ("validation", "test"):
        assert {take.device for take in plan if take.split == split} == set(signals.DEVICES)
    assert len({take.filename for take in plan}) == len(plan)


@pytest.mark.usefixtures("few")
def test_the_folder_is_a_data_set_that_says_it_is_synthetic(tmp_path):
    write_synthetic(tmp_path / "scenes")
    dataset = load_dataset(tmp_path / "scenes")
    assert (dataset.synthetic, dataset.name) == (True, "synthetic-scenes")
    assert " ".join(dataset.classes) == TAU
    assert dataset.describe()["splits"] == {"train": 20, "validation": 20, "test": 10}
    assert dataset.unseen_devices == ("s4",)
    assert (dataset.clip_s, dataset.sample_rate_hz, dataset.channels) == (1.0, 44100, 1)
    assert [finding for finding in check(tmp_path / "scenes") if finding.level == "error"] == []
    assert "synthetic" in (tmp_path / "scenes" / "README.md").read_text()
    with wave.open(str(dataset.clips[0].path)) as clip:
        assert (clip.getsampwidth(), clip.getnframes()) == (2, 44100)
    assert [path.name for path in tmp_path.iterdir()] == ["scenes"]


@pytest.mark.usefixtures("few")
def test_another_seed_gives_another_name_and_other_bytes(tmp_path):
    write_synthetic(tmp_path / "one")
    write_synthetic(tmp_path / "again")
    write_synthetic(tmp_path / "other", seed=7)
    assert content(tmp_path / "one") == content(tmp_path / "again")
    assert load_dataset(tmp_path / "other").name == "synthetic-scenes-7"
    one, other = (content(tmp_path / name / "audio").values() for name in ("one", "other"))
    assert not {*one} & {*other}


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DatasetError, match="expected a new or empty folder, found files"):
        write_synthetic(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.usefixtures("few")
def test_what_a_killed_writer_left_is_removed(tmp_path):
    left = tmp_path / "synthetic" / "scenes-1-0.part0" / "audio"
    left.mkdir(parents=True)
    dataset = synthetic_dataset(tmp_path)
    assert not left.parent.exists()
    assert len(dataset.clips) == 50
    written = content(dataset.root)
    assert synthetic_dataset(tmp_path) == dataset
    assert content(dataset.root) == written


def test_two_processes_may_write_at_once(tmp_path):
    program = (
        "from pathlib import Path; from nas_asc.datasets import synthetic; "
        f"synthetic.DEVICE_CLIPS = {FEW!r}; "
        f"print(len(synthetic.synthetic_dataset(Path({str(tmp_path)!r})).clips))"
    )
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[0].split() for process in running] == [[b"50"], [b"50"]]


@pytest.mark.slow
def test_spectra_help_and_time_settles_it(tmp_path):
    environment = {**os.environ, "NAS_ASC_CACHE": str(tmp_path)}
    printed = subprocess.check_output([sys.executable, DIFFICULTY], env=environment)
    linear, network = json.loads(printed)["rows"]
    assert 35 <= linear["accuracy"] <= 75
    assert 80 <= network["accuracy"] <= 97
