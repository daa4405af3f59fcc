import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nas_asc.architectures.frontend import FrontEnd
from nas_asc.datasets import Clip, Dataset, load_dataset
from nas_asc.errors import DatasetError, NasAscError
from nas_asc.features import inputs as features
from nas_asc.features.audio import read_clip
from nas_asc.features.inputs import load_features, load_inputs
from nas_asc.features.log_mel import LogMel

LOG_MEL = FrontEnd(
    kind="logmel",
    channels=1,
    sample_rate_hz=8000,
    window=256,
    hop=128,
    n_fft=256,
    n_mels=16,
    f_max_hz=4000.0,
)
WAVEFORM = FrontEnd(kind="waveform", channels=2, sample_rate_hz=8000)


def dataset_of(paths, clip_s=0.5, classes=("a", "b")):
    """Give files in turn to the classes and the splits."""
    clips = tuple(
        Clip(path, label=i % 2, split=("train", "validation", "test")[i // 2 % 3],
             group=path.stem, device=None, fold=None)
        for i, path in enumerate(paths)
    )  # fmt: skip
    root = Path(os.path.commonpath(paths)) if len(paths) > 1 else paths[0].parent
    return Dataset("made", root, classes, clips, clip_s, True, 8000, 1, (), ())


def write_noise(path, seed, rate_hz=8000, channels=1, seconds=0.6, subtype="PCM_16"):
    rng = np.random.default_rng(seed)
    waveform = 0.1 * rng.normal(size=(round(seconds * rate_hz), channels))
    soundfile.write(path, waveform, rate_hz, subtype=subtype)
    return path


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    paths = [
        write_noise(folder / "0.wav", 0),
        write_noise(folder / "1.wav", 1, rate_hz=11025, channels=2),
        write_noise(folder / "2.flac", 2, rate_hz=44100, seconds=0.3, subtype="PCM_24"),
        write_noise(folder / "3.ogg", 3, rate_hz=22050, subtype="VORBIS"),
        write_noise(folder / "4.wav", 4, rate_hz=8000, seconds=2, subtype="FLOAT"),
        write_noise(folder / "5.wav", 5),
    ]
    return dataset_of(paths)


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

    monkeypatch.setattr("nas_asc.features.extraction.read_clip", record)
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
def test_a_second_run_decodes_nothing(dataset, decoded, frontend):
    first = load_features(dataset, frontend)
    assert len(decoded) == 6
    second = load_features(dataset, frontend)

    assert len(decoded) == 6
    assert np.array_equal(first, second)


def test_another_window_uses_the_decoded_audio(dataset, decoded):
    load_features(dataset, LOG_MEL)
    longer = replace(LOG_MEL, window=512, n_fft=512)
    warm = load_features(dataset, longer)

    assert len(decoded) == 6
    cold = load_features(dataset, longer, cache=dataset.root.parent / "other cache")
    assert np.array_equal(warm, cold)


def test_siblings_are_computed_in_the_same_pass(dataset, cache, decoded, monkeypatch):
    siblings = [replace(LOG_MEL, n_mels=mels) for mels in (8, 12, 16)]
    others = [replace(LOG_MEL, hop=64), WAVEFORM]
    load_features(dataset, LOG_MEL, siblings=[*siblings, *others])
    monkeypatch.setattr(features, "compute", None)

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


CHANGES = {
    "window": replace(LOG_MEL, window=200),
    "hop": replace(LOG_MEL, hop=100),
    "n_fft": replace(LOG_MEL, n_fft=300),
    "center": replace(LOG_MEL, center=False),
    "window_function": replace(LOG_MEL, window_function="hamming"),
    "f_min_hz": replace(LOG_MEL, f_min_hz=100.0),
    "f_max_hz": replace(LOG_MEL, f_max_hz=3000.0),
    "n_mels": replace(LOG_MEL, n_mels=17),
    "sample_rate_hz": replace(LOG_MEL, sample_rate_hz=8001),
    "channels": replace(LOG_MEL, channels=2),
    "normalisation": replace(LOG_MEL, normalisation="peak"),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_every_parameter_counts(dataset, changed):
    plain = load_features(dataset, LOG_MEL)

    other = load_features(dataset, changed)

    assert other.shape[1:] == changed.input_shapes(0.5)[0]
    assert plain.shape != other.shape or not np.array_equal(plain, other)


def test_the_clip_length_counts(dataset):
    assert load_features(dataset, LOG_MEL).shape[3] == 1 + 4000 // 128
    assert load_features(replace(dataset, clip_s=0.25), LOG_MEL).shape[3] == 1 + 2000 // 128


def test_a_copy_of_the_data_set_is_not_computed_again(dataset, decoded, tmp_path):
    load_features(dataset, LOG_MEL)
    copy = tmp_path / "copy"
    copy.mkdir()
    for clip in dataset.clips:
        (copy / clip.path.name).write_bytes(clip.path.read_bytes())

    load_features(dataset_of(sorted(copy.iterdir())), LOG_MEL)

    assert len(decoded) == 6


def test_another_order_of_the_clips_is_another_array(dataset):
    rows = load_features(dataset, LOG_MEL)

    turned = load_features(replace(dataset, clips=dataset.clips[::-1]), LOG_MEL)

    assert np.array_equal(rows, turned[::-1])


@pytest.mark.parametrize("damaged", ["features", "audio"])
def test_a_damaged_entry_is_computed_again(dataset, cache, damaged, decoded):
    before = load_features(dataset, LOG_MEL).copy()
    features_file, audio_file = sorted(
        (cache / "features").iterdir(), key=lambda path: path.stat().st_size
    )
    assert audio_file.stat().st_size == 128 + 6 * 4000 * 2
    for path in (features_file, audio_file)[: 1 if damaged == "features" else 2]:
        os.truncate(path, path.stat().st_size - 1)

    assert np.array_equal(load_features(dataset, LOG_MEL), before)
    assert len(decoded) == (6 if damaged == "features" else 12)


def test_the_limit_is_kept(dataset, cache):
    hops = range(100, 120)
    for hop in hops:
        load_features(dataset, replace(LOG_MEL, hop=hop), limit_bytes=100_000)

    used = sum(path.stat().st_size for path in cache.rglob("*.npy"))
    assert 0 < used <= 100_000


def test_audio_too_large_to_keep_is_not_kept(dataset, cache, decoded):
    rows = load_features(dataset, LOG_MEL, limit_bytes=100_000)

    assert len(entries(cache)) == 1
    assert np.array_equal(rows, load_features(dataset, LOG_MEL))
    load_features(dataset, replace(LOG_MEL, hop=100), limit_bytes=100_000)
    assert len(decoded) == 12


def test_features_above_the_limit_are_refused(dataset):
    with pytest.raises(NasAscError, match="set NAS_ASC_CACHE_BYTES to more"):
        load_features(dataset, LOG_MEL, limit_bytes=1000)


def test_the_number_of_threads_changes_no_value(dataset):
    threads = torch.get_num_threads()
    rows = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            rows.append(load_features(dataset, LOG_MEL, cache=dataset.root.parent / str(count)))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)

    assert np.array_equal(*rows)


def test_a_clip_that_cannot_be_decoded_is_named_and_leaves_nothing(dataset, cache):
    bad = dataset.clips[3].path
    bad.write_bytes(bad.read_bytes()[:100])

    with pytest.raises(DatasetError, match=r"3\.ogg: expected a WAV, FLAC or OGG clip") as caught:
        load_features(dataset, LOG_MEL)

    assert "\n" not in str(caught.value)
    assert entries(cache) == []


def test_a_clip_that_changes_while_it_is_read_is_named(dataset, cache, monkeypatch):
    def read_and_change(path, *arguments):
        waveform = read_clip(path, *arguments)
        if path.name == "5.wav":
            write_noise(path, 99)
        return waveform

    monkeypatch.setattr("nas_asc.features.extraction.read_clip", read_and_change)

    with pytest.raises(DatasetError, match=r"5\.wav: expected a clip at rest"):
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


LOAD = """
import sys, time
from pathlib import Path
import nas_asc.features.extraction
from nas_asc.features.audio import read_clip
from nas_asc.features.inputs import load_features
from nas_asc.architectures.frontend import FrontEnd
from tests_dataset import dataset_of

def read_slowly(path, *arguments):
    print(path.name, flush=True)
    time.sleep(float(sys.argv[2]))
    return read_clip(path, *arguments)

nas_asc.features.extraction.read_clip = read_slowly
nas_asc.features.extraction._TASK_SAMPLES = 1
dataset = dataset_of(sorted(Path(sys.argv[1]).iterdir()))
frontend = FrontEnd("logmel", 1, 8000, 256, 128, 256, True, "hann", 16, 0.0, 4000.0)
print(float(load_features(dataset, frontend).astype("float64").sum()))
"""


@pytest.fixture
def start(dataset, cache, tmp_path):
    """Start a process that loads the features of the data set, and prints what it decodes."""
    (tmp_path / "tests_dataset.py").symlink_to(Path(__file__).absolute())
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    started = []

    def start_one(pause_s):
        command = [sys.executable, "-c", LOAD, str(dataset.root), str(pause_s)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_at_once_share_the_work(start, dataset):
    processes = [start(0.05), start(0.05)]
    outputs = [process.communicate(timeout=600)[0].split() for process in processes]

    assert sum(len(lines) - 1 for lines in outputs) == 6
    expected = float(load_features(dataset, LOG_MEL).astype("float64").sum())
    assert [float(lines[-1]) for lines in outputs] == [expected, expected]


def test_a_process_killed_in_the_middle_does_no_harm(start, dataset, cache, decoded):
    process = start(1.0)
    assert process.stdout.readline() == "0.wav\n"
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert [name for name in entries(cache) if ".part" in name]

    rows = load_features(dataset, LOG_MEL)

    assert len(decoded) == 6
    assert np.isfinite(rows).all()
    assert not [name for name in entries(cache) if ".part" in name]


COUNT_OPENS = """
import sys
from collections import Counter
from pathlib import Path
import soundfile
from nas_asc.datasets import fingerprints, load_dataset
from nas_asc.features.inputs import load_features
from nas_asc.architectures.frontend import FrontEnd

opened = Counter()
sys.addaudithook(lambda event, args: event == "open" and opened.update([str(args[0])]))

class Watched(soundfile.SoundFile):
    def __init__(self, file, *args, **options):
        opened.update([] if hasattr(file, "read") else [str(file)])  # else libsndfile opens it
        super().__init__(file, *args, **options)

soundfile.SoundFile = Watched
fingerprints._YOUNG_NS = 0
root = Path(sys.argv[1])
dataset = load_dataset(root, 0.5)
load_features(dataset, FrontEnd("logmel", 1, 8000, 256, 128, 256, True, "hann", 16, 0.0, 4000.0))
print(max(opened[str(clip.path)] for clip in dataset.clips), len(dataset.clips))
"""


def test_a_sound_file_is_opened_once_to_check_it_and_once_for_its_first_log_mel(cache, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            suffix = ("wav", "flac", "ogg")[number]
            write_noise(tmp_path / "data" / name / f"{number}.{suffix}", number, subtype=None)
    command = [sys.executable, "-c", COUNT_OPENS, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "6"]


def test_clips_that_break_off_behind_a_good_header_are_left_out_on_request(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(5):
            write_noise(tmp_path / "data" / name / f"{number}.flac", number, seconds=3)
    bad = tmp_path / "data" / "a" / "1.flac"
    bad.write_bytes(bad.read_bytes()[:-20000])

    assert len(load_dataset(tmp_path / "data", decode=False).clips) == 10
    with pytest.raises(DatasetError, match=r"1\.flac: expected a WAV, FLAC or OGG clip, found"):
        load_dataset(tmp_path / "data")
    kept = load_dataset(tmp_path / "data", skip_bad=True)
    assert kept.skipped == (bad,)
    assert load_features(kept, LOG_MEL).shape[0] == len(kept.clips) == 9
