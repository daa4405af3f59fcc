"""A search of many clips: what its processes hold does not grow with the features."""

from pathlib import Path

import pytest

# 401 frames of 64 mel bins, 51 KB: of 20,000 clips a gigabyte. The network soon makes them small.
SPACE = """
title = "large features, small networks"

[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 8000
window = 512
hop = 20
n_mels = 64
f_min_hz = 0
f_max_share = 1.0
normalisation = "standard"

[stem]
block = "conv"
width = [4, 6, 8]
kernel = "5x9"
stride = "4x8"
activation = "relu"

[stage1]
depth = 1
block = "conv"
width = [8, 12, 16, 24]
kernel = "3x3"
stride = "2x2"
activation = "relu"

[head]
conv = 0
pooling = "avg"

[compression]
precision = "float16"
pruning = "none"
"""
FEATURES_BYTES = 64 * 401 * 2  # of a clip


@pytest.mark.slow
def test_a_search_of_20_000_clips_maps_their_features_and_copies_none(tmp_path, monkeypatch):
    """Copies of training and validation clips would be four fifths of a gigabyte."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    from large_data import search, write_clips

    space = tmp_path / "space.toml"
    space.write_text(SPACE, encoding="utf-8")
    write_clips(tmp_path / "clips", 20_000)
    options = ("--space", space, "--budget", "64KB", "--workers", 1, "--trials", 1, "--epochs", 1)
    done = search(tmp_path / "clips", tmp_path, options)

    assert done.exit_code == 0, done.said
    assert max(done.features) == pytest.approx(20_000 * FEATURES_BYTES, abs=1000)
    assert done.memory.keys() >= {"driver", "worker 1"}
    for name, memory in done.memory.items():
        assert memory.dirty < 900e6, name
        assert memory.uss < 1100e6, name
