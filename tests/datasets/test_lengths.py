"""How long clips are, and that windows cover every sample of a recording."""

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from nas_asc.datasets import check, load_dataset, outline
from nas_asc.datasets.lengths import fitting_length_s, window_starts_s
from nas_asc.study import DataSource


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


def write_recordings(root, durations_s, rate_hz=8000):
    """Write one recording of each duration per class; its samples are unlike all others'."""
    rng = np.random.default_rng(0)
    for name in ("dog", "rain"):
        (root / name).mkdir(parents=True)
        for number, duration_s in enumerate(durations_s):
            noise = rng.uniform(-0.5, 0.5, round(duration_s * rate_hz))
            soundfile.write(root / name / f"{number}.wav", noise, rate_hz)
    return root


@pytest.mark.parametrize(
    ("durations_s", "length_s"),
    [
        ([5.0] * 400, 5.0),
        ([1.0] * 90 + [0.6] * 10, 1.0),
        ([5.02] * 20, 5.0),
        ([0.2] * 94 + [0.68] + [2.3] * 5, 0.7),
        ([0.05] * 10, 0.05),
        ([0.01] * 3, 0.02),
        ([600.0] * 10, 10.0),
        ([0.4] * 10 + [600.0], 0.4),
        ([2.1], 2.5),
    ],
)
def test_the_length_is_what_nineteen_of_twenty_clips_need_in_round_seconds(durations_s, length_s):
    assert fitting_length_s(durations_s[::-1]) == length_s


@pytest.mark.parametrize(
    ("duration_s", "window_s", "hop_s", "starts_s"),
    [
        (10, 5, 5, (0, 5)),
        (10, 5, 2.5, (0, 2.5, 5)),
        (12, 5, 5, (0, 5, 7)),
        (5, 5, 1, (0,)),
        (0.3, 5, 5, (0,)),
        (0.9, 0.3, 0.1, (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
    ],
)
def test_windows_begin_every_hop_and_the_last_ends_with_the_file(
    duration_s, window_s, hop_s, starts_s
):
    assert window_starts_s(duration_s, window_s, hop_s) == pytest.approx(starts_s)


def test_windows_cover_every_sample():
    rng = np.random.default_rng(1)
    for _ in range(200):
        rate_hz = int(rng.choice([8000, 11025, 44100]))
        samples = int(rng.integers(1, 5 * rate_hz))
        window_s = float(rng.uniform(0.02, 2))
        hop_s = window_s * float(rng.uniform(0.1, 1))
        covered = np.zeros(samples, dtype=bool)
        for start_s in window_starts_s(samples / rate_hz, window_s, hop_s):
            first = round(start_s * rate_hz)
            covered[first : first + round(window_s * rate_hz)] = True
        # Where a window is no whole number of samples its last may be half a sample short.
        assert not (~covered[:-1]).any()


def test_windows_have_the_label_group_and_split_of_their_file(tmp_path):
    root = write_recordings(tmp_path / "data", (3.0, 1.2, 0.4, 1.0))
    source = DataSource.of(root, window_s=1.0, hop_s=0.5)
    dataset = load_dataset(source)
    assert dataset.clip_s == 1.0
    of_file = {clip.path.name: 0 for clip in dataset.clips}
    for clip in dataset.clips:
        of_file[clip.path.name] += 1
    assert of_file == {"0.wav": 10, "1.wav": 4, "2.wav": 2, "3.wav": 2}
    whole = {clip.path: clip for clip in load_dataset(root).clips}
    for clip in dataset.clips:
        file = whole[clip.path]
        assert (clip.label, clip.group, clip.split) == (file.label, file.group, file.split)
    assert dataset.files == load_dataset(root).clips
    described = dataset.describe()
    assert (described["clips"], described["windows"]) == (8, 18)
    assert sum(described["splits"].values()) == 8
    said = "windows: 18 of 1 s from 8 files, one every 0.5 s and the last at the end; 2 shorter"
    assert any(note.startswith(said) for note in dataset.notes)
    assert outline(source) == (2, 1.0, 8000)
    assert "windows" not in load_dataset(root).describe()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip_s": 1.0, "window_s": 1.0}, "clip_s: expected nothing beside window_s"),
        ({"hop_s": 1.0}, "hop_s: expected a window_s"),
        ({"hop_s": 2.0, "window_s": 1.0}, "hop_s: expected at most the 1 s of window_s"),
    ],
)
def test_lengths_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        DataSource.of("data", **settings)


def test_clips_of_ten_milliseconds_are_used_and_checked(tmp_path):
    root = write_recordings(tmp_path / "data", (0.01, 0.01, 0.3, 0.3, 0.3))
    assert [f.text for f in check(root) if f.level == "error"] == []
    assert load_dataset(root).clip_s == 0.3
    assert load_dataset(DataSource.of(root, clip_s=0.02)).clip_s == 0.02
