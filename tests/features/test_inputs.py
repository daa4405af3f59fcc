"""The inputs of networks: computed in one pass, shared between processes, mapped from the cache."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nas_asc.architectures import FrontEnd
from nas_asc.datasets import Clip, Dataset, decoding, load_dataset
from nas_asc.errors import DatasetError, NasAscError
from nas_asc.features import inputs, load_inputs, one_torch_thread
from nas_asc.features.audio import LogMel, read_clip
from nas_asc.features.inputs import in_order
from nas_asc.study import DataSource

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "features.py"
LOG_MEL = FrontEnd("logmel", 1, 8000, 256, 128, 256, n_mels=16, f_max_hz=4000.0)
WAVEFORM = FrontEnd(kind="waveform", channels=2, sample_rate_hz=8000)


def dataset_of(folder):
    """Make a data set of the files of a folder."""
    clips = tuple(Clip(path, 0, "train", "", None, None) for path in sorted(folder.iterdir()))
    return Dataset("made", folder, ("a",), clips, 0.5, True, 8000, 1, (), ())


def load_features(dataset, frontend, **options):
    """Return the first input of a network."""
    return load_inputs(dataset, frontend, **options)[0]


def write_noise(path, seed, rate_hz=8000, channels=1, seconds=0.6, subtype="PCM_16"):
    rng = np.random.default_rng(seed)
    waveform = 0.1 * rng.normal(size=(round(seconds * rate_hz), channels))
    soundfile.write(path, waveform, rate_hz, subtype=subtype)
    return path


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    write_noise(folder / "0.wav", 0)
    write_noise(folder / "1.wav", 1, rate_hz=11025, channels=2)
    write_noise(folder / "2.flac", 2, rate_hz=44100, seconds=0.3, subtype="PCM_24")
    write_noise(folder / "3.ogg", 3, rate_hz=22050, subtype="VORBIS")
    write_noise(folder / "4.wav", 4, rate_hz=8000, seconds=2, subtype="FLOAT")
    write_noise(folder / "5.wav", 5)
    return dataset_of(folder)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAS_ASC_CACHE", str(folder))
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """List the files that are decoded, in order."""
    paths = []

    def record(path, *arguments):
        paths.append(path.name)
        return read_clip(path, *arguments)

    monkeypatch.setattr("nas_asc.features.inputs.read_clip", record)
    return paths


def entries(cache):
    return sorted(path.name for path in (cache / "features").glob("*"))


def test_rows_are_the_log_mels_of_the_clips_in_order(dataset):
    rows = load_features(dataset, LOG_MEL)
    assert (rows.dtype, rows.shape) == (np.float16, (6, *LOG_MEL.input_shapes(0.5)[0]))
    for row, clip in zip(rows, dataset.clips, strict=True):
        waveform = read_clip(clip.path, 8000, 1, 4000)
        expected = LogMel([LOG_MEL], 4000)(waveform[None])[0][0]
        np.testing.assert_allclose(row, expected, atol=0.02)


def test_a_waveform_front_end_gives_waveforms(dataset):
    rows = load_features(dataset, WAVEFORM)
    assert (rows.dtype, rows.shape) == (np.float16, (6, 2, 4000))
    expected = read_clip(dataset.clips[1].path, 8000, 2, 4000)
    np.testing.assert_allclose(rows[1], expected, atol=2e-4)
    assert np.array_equal(rows[0][0], rows[0][1])
    peaks = np.abs(load_features(dataset, replace(WAVEFORM, normalisation="peak")))
    assert peaks.max(axis=(1, 2)).tolist() == [1] * 6


@pytest.mark.parametrize("frontend", [LOG_MEL, WAVEFORM])
def test_a_second_run_or_a_copy_of_the_data_set_decodes_nothing(dataset, decoded, frontend):
    copy = dataset_of(shutil.copytree(dataset.root, dataset.root.with_name("copy")))
    first, *again = (load_features(clips, frontend) for clips in (dataset, dataset, copy))
    assert len(decoded) == 6
    assert all(np.array_equal(first, rows) for rows in again)


def test_another_window_uses_the_decoded_audio(dataset, decoded):
    load_features(dataset, LOG_MEL)
    longer = replace(LOG_MEL, window=512, n_fft=512)
    warm = load_features(dataset, longer)
    assert len(decoded) == 6
    cold = load_features(dataset, longer, cache=dataset.root.parent / "other cache")
    assert np.array_equal(warm, cold)


@pytest.mark.parametrize("kind", ["waveform", "logmel"])
def test_the_fourier_method_has_features_and_entries_of_its_own(dataset, cache, kind):
    usual = {"waveform": WAVEFORM, "logmel": LOG_MEL}[kind]
    fourier = replace(usual, resampling="fourier")
    plain = load_features(dataset, usual).copy()
    before = entries(cache)
    rows = load_features(dataset, fourier, siblings=[usual])
    assert set(before) < set(entries(cache))
    assert not np.array_equal(rows, plain)
    assert np.array_equal(load_features(dataset, usual), plain)
    if kind == "waveform":
        clip = read_clip(dataset.clips[1].path, 8000, 2, 4000, resampling="fourier")
        np.testing.assert_allclose(rows[1], clip, atol=2e-4)


def test_siblings_are_computed_in_the_same_pass(dataset, cache, decoded, monkeypatch):
    siblings = [replace(LOG_MEL, n_mels=mels) for mels in (8, 12, 16)]
    others = [replace(LOG_MEL, hop=64), WAVEFORM]
    load_features(dataset, LOG_MEL, siblings=[*siblings, *others])
    monkeypatch.setattr(inputs, "_compute", None)

    assert len(decoded) == 6
    assert len(entries(cache)) == 4, "the audio and three mel settings"
    together = [load_features(dataset, sibling) for sibling in siblings]
    monkeypatch.undo()
    for sibling, rows in zip(siblings, together, strict=True):
        alone = load_features(dataset, sibling, cache=cache / str(sibling.n_mels))
        assert np.array_equal(rows, alone)


def test_normalisations_other_than_peak_share_features(dataset, cache):
    for normalisation in ("none", "batch_norm", "standard"):
        load_features(dataset, replace(LOG_MEL, normalisation=normalisation))
    assert len(entries(cache)) == 2, "the audio and its features"
    load_features(dataset, replace(LOG_MEL, normalisation="peak"))
    assert len(entries(cache)) == 3


CHANGES = {"window": 200, "hop": 100, "n_fft": 300, "center": False, "window_function": "hamming"}
CHANGES |= {"f_min_hz": 100.0, "f_max_hz": 3000.0, "n_mels": 17, "normalisation": "peak"}
CHANGES |= {"sample_rate_hz": 8001, "channels": 2}


@pytest.mark.parametrize("name", CHANGES)
def test_every_parameter_counts(dataset, name):
    changed = replace(LOG_MEL, **{name: CHANGES[name]})
    plain, other = (load_features(dataset, frontend) for frontend in (LOG_MEL, changed))
    assert other.shape[1:] == changed.input_shapes(0.5)[0]
    assert plain.shape != other.shape or not np.array_equal(plain, other)


def test_order_and_length_of_the_clips_count(dataset):
    rows = load_features(dataset, LOG_MEL)
    turned = load_features(replace(dataset, clips=dataset.clips[::-1]), LOG_MEL)
    assert np.array_equal(rows, turned[::-1])
    assert rows.shape[3] == 1 + 4000 // 128
    assert load_features(replace(dataset, clip_s=0.25), LOG_MEL).shape[3] == 1 + 2000 // 128


@pytest.mark.parametrize("damaged", ["features", "audio"])
def test_a_damaged_entry_is_computed_again(dataset, cache, damaged, decoded):
    before = load_features(dataset, LOG_MEL).copy()
    bytes_of = {path: path.stat().st_size for path in (cache / "features").iterdir()}
    features_file, audio_file = sorted(bytes_of, key=bytes_of.get)
    assert bytes_of[audio_file] == 128 + 6 * 4000 * 2
    for path in (features_file, audio_file)[: 1 if damaged == "features" else 2]:
        os.truncate(path, bytes_of[path] - 1)
    assert np.array_equal(load_features(dataset, LOG_MEL), before)
    assert len(decoded) == (6 if damaged == "features" else 12)


def test_the_limit_is_kept(dataset, cache, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", "100000")
    for hop in range(100, 120):
        load_features(dataset, replace(LOG_MEL, hop=hop))
    used = sum(path.stat().st_size for path in cache.rglob("*.npy"))
    assert 0 < used <= 100_000


def test_audio_too_large_to_keep_is_not_kept(dataset, cache, decoded, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", "100000")
    rows = load_features(dataset, LOG_MEL)

    assert len(entries(cache)) == 1
    assert np.array_equal(rows, load_features(dataset, LOG_MEL))
    load_features(dataset, replace(LOG_MEL, hop=100))
    assert len(decoded) == 12
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", "1000")
    with pytest.raises(NasAscError, match="set NAS_ASC_CACHE_BYTES to more"):
        load_features(dataset, replace(LOG_MEL, hop=90))


def test_a_clip_that_cannot_be_decoded_is_named_and_leaves_nothing(dataset, cache):
    bad = dataset.clips[3].path
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"3\.ogg: expected a WAV, FLAC or OGG clip, .*\Z"):
        load_features(dataset, LOG_MEL)
    assert entries(cache) == []


@pytest.mark.parametrize("change", [partial(write_noise, seed=99), Path.unlink])
def test_a_clip_that_changes_while_it_is_read_is_named(dataset, cache, monkeypatch, change):
    def read_and_change(path, *arguments):
        waveform = read_clip(path, *arguments)
        if path.name == "5.wav":
            change(path)
        return waveform

    monkeypatch.setattr("nas_asc.features.inputs.read_clip", read_and_change)

    with pytest.raises(DatasetError, match=r"5\.wav: expected a clip at rest, found it chang"):
        load_features(dataset, LOG_MEL)
    assert entries(cache) == []


@pytest.mark.parametrize("normalisation", ["none", "peak"])
def test_the_mean_spectrum_is_the_mean_over_time_of_what_is_not_normalised(dataset, normalisation):
    frontend = replace(LOG_MEL, mean_spectrum=True, normalisation=normalisation)
    maps, means = load_inputs(dataset, frontend)
    assert (maps.shape[1:], means.shape[1:]) == frontend.input_shapes(0.5)
    assert np.array_equal(maps, load_features(dataset, replace(frontend, mean_spectrum=False)))
    log_mels = load_features(dataset, LOG_MEL).astype(np.float64)
    np.testing.assert_allclose(means, log_mels[:, 0].mean(axis=2), atol=0.01)


@pytest.mark.parametrize("center", [True, False])
def test_the_second_plane_is_another_spectrogram_transposed(dataset, center):
    frontend = replace(LOG_MEL, second_window=1024, center=center)
    rows = load_features(dataset, frontend)
    frames = 32 if center else 30  # 1 + 4000 // 128, 1 + (4000 - 256) // 128
    assert rows.shape == (6, 2, 16, frames) == (6, *frontend.input_shapes(0.5)[0])
    assert np.array_equal(rows[:, :1], load_features(dataset, replace(LOG_MEL, center=center)))
    other = replace(LOG_MEL, window=1024, n_fft=1024, hop=4000 // 16 + 1, n_mels=frames)
    second = load_features(dataset, other)
    assert np.array_equal(rows[:, 1], second[:, 0].swapaxes(1, 2))


def test_each_plane_has_a_peak_of_its_own(dataset):
    rows = load_features(dataset, replace(LOG_MEL, second_window=1024, normalisation="peak"))
    assert np.all(rows.max(axis=(2, 3)) == 1)
    assert np.all(rows.min(axis=(2, 3)) == 0)


def test_a_second_plane_of_too_few_frames_repeats_its_last(dataset):
    short = replace(dataset, clip_s=0.02)  # 160 samples: hop 11 makes 15 frames for 16 mel bins
    rows = load_features(short, replace(LOG_MEL, second_window=512))
    assert rows.shape == (6, 2, 16, 2)
    assert np.array_equal(rows[:, 1, 15], rows[:, 1, 14])
    assert not np.array_equal(rows[:, 1, 14], rows[:, 1, 13])


def test_front_ends_with_second_plane_or_input_share_what_is_cached(dataset, decoded):
    frontend = replace(LOG_MEL, second_window=1024)
    load_inputs(dataset, frontend, siblings=[replace(frontend, n_mels=24)])
    decoded.clear()
    load_inputs(dataset, LOG_MEL)
    load_inputs(dataset, replace(LOG_MEL, mean_spectrum=True))
    load_inputs(dataset, replace(LOG_MEL, n_mels=24))
    load_inputs(dataset, replace(frontend, mean_spectrum=True))
    assert decoded == []


def test_second_planes_and_mean_spectra_are_mapped_and_made_of_a_few_clips_at_a_time(
    dataset, tmp_path, monkeypatch
):
    frontend = replace(LOG_MEL, second_window=1024, mean_spectrum=True, normalisation="peak")
    at_once = load_inputs(dataset, frontend)
    monkeypatch.setattr(inputs, "_MADE_VALUES", 2 * 16 * 32)  # two clips
    in_parts = load_inputs(dataset, frontend, cache=tmp_path / "other")

    def alone(plane):
        return load_features(dataset, plane)

    for found in (at_once, in_parts):
        assert all(isinstance(each, np.memmap) for each in found)
        for each, expected in zip(found, inputs.inputs_of(frontend, 0.5, alone), strict=True):
            assert np.array_equal(each, expected)


LOAD = """
import sys, time
from pathlib import Path
import nas_asc.features.inputs
from nas_asc.features.audio import read_clip
from test_inputs import LOG_MEL, dataset_of, load_features

def read_slowly(path, *arguments):
    print(path.name, flush=True)
    time.sleep(float(sys.argv[2]))
    return read_clip(path, *arguments)

nas_asc.features.inputs.read_clip = read_slowly
nas_asc.features.inputs._TASK_SAMPLES = 1
dataset = dataset_of(Path(sys.argv[1]))
print(float(load_features(dataset, LOG_MEL).astype("float64").sum()))
"""


def start(dataset, pause_s):
    """Start a process that loads the features of the data set, and prints what it decodes."""
    folders = f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = os.environ | {"PYTHONPATH": folders, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LOAD, str(dataset.root), str(pause_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_two_processes_at_once_share_the_work(dataset):
    processes = [start(dataset, 0.05), start(dataset, 0.05)]
    outputs = [process.communicate(timeout=600)[0].split() for process in processes]
    assert sum(len(lines) - 1 for lines in outputs) == 6
    expected = float(load_features(dataset, LOG_MEL).astype("float64").sum())
    assert [float(lines[-1]) for lines in outputs] == [expected, expected]


def test_a_process_killed_in_the_middle_does_no_harm(dataset, cache, decoded):
    with start(dataset, 1.0) as process:
        assert process.stdout.readline() == "0.wav\n"
        time.sleep(0.2)
        process.kill()
    assert [name for name in entries(cache) if ".part" in name]
    assert np.isfinite(load_features(dataset, LOG_MEL)).all()
    assert len(decoded) == 6
    assert not [name for name in entries(cache) if ".part" in name]


def test_a_sound_file_is_opened_once_to_check_it_and_once_for_its_first_log_mel(
    cache, tmp_path, monkeypatch
):
    opened, sound_file = Counter(), soundfile.SoundFile
    sys.addaudithook(lambda event, args: event == "open" and opened.update([str(args[0])]))

    def watched(file, **options):
        opened.update([str(file)])  # libsndfile opens what is given to it as a path
        return sound_file(file, **options)

    for name, (number, suffix) in product("ab", enumerate(("wav", "flac", "ogg"))):
        (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
        write_noise(tmp_path / "data" / name / f"{number}.{suffix}", number, subtype=None)
    opened.clear()
    monkeypatch.setattr(soundfile, "SoundFile", watched)
    monkeypatch.setattr(decoding, "_YOUNG_NS", 0)
    dataset = load_dataset(DataSource.of(tmp_path / "data", clip_s=0.5))
    load_inputs(dataset, LOG_MEL)
    assert [opened[str(clip.path)] for clip in dataset.clips] == [2] * 6


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_changes_no_value(dataset, tmp_path):
    rows = load_features(dataset, LOG_MEL)
    assert torch.get_num_threads() == 3
    with one_torch_thread():
        assert np.array_equal(load_features(dataset, LOG_MEL, cache=tmp_path / "other"), rows)


@pytest.mark.usefixtures("three_threads")
def test_every_thread_has_one_torch_thread_meanwhile():
    with one_torch_thread() as threads:
        inside = set(in_order(lambda _: torch.get_num_threads(), range(20), threads))
        inside.add(torch.get_num_threads())
    assert (threads, inside, torch.get_num_threads()) == (3, {1}, 3)


def test_results_come_in_order_and_only_a_few_ahead():
    started = []

    def double(item):
        started.append(item)
        return 2 * item

    results = in_order(double, range(1000), threads=2)
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert len(started) <= 3 + 4 * 2
    results.close()


def test_an_error_ends_the_pass_and_its_threads():
    before = threading.active_count()

    def fail_at_5(item):
        if item == 5:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError):
        list(in_order(fail_at_5, range(1000), threads=2))
    assert threading.active_count() == before


@pytest.mark.slow
def test_the_benchmark_prints_one_json_object(monkeypatch):
    monkeypatch.delenv("NAS_ASC_DATA", raising=False)
    command = [sys.executable, BENCHMARK, "--repetitions", "1", "--clips", "10"]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert "synthetic" in result["data"]
    columns = {"case", "ours", "peer", "peer_name", "ratio", "unit"}
    assert result["rows"]
    assert all(row.keys() >= columns for row in result["rows"])
