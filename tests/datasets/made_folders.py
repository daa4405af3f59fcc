"""Folders of noise as data sets, and what is said of them, for several test files."""

import zlib
from itertools import product

import numpy as np
import pytest
import soundfile

from nas_asc.datasets import check, load_dataset
from nas_asc.errors import ConfigError, DatasetError

DIGITS = [f"{d}_{s}_{t}.wav" for d, s, t in product("01", ("ann", "bob", "cy", "di"), "01")]


def write_clip(path, seconds=0.25, rate=8000, channels=1, subtype=None, seed=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = seed if seed is not None else zlib.crc32(path.as_posix().encode())
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, noise, rate, subtype=subtype)


def write_classes(root, classes=("dog", "rain"), clips=5):
    for name, number in product(classes, range(clips)):
        write_clip(root / name / f"{number}.wav")


def splits_of(dataset, part=lambda clip: clip.path.stem):
    found = {split: set() for split in ("train", "validation", "test")}
    for clip in dataset.clips:
        found[clip.split].add(part(clip))
    return found


def refusal(source):
    """Return the one line that refuses a source, which `check` has as an error too."""
    with pytest.raises((DatasetError, ConfigError)) as caught:
        load_dataset(source)
    text = str(caught.value)
    assert "\n" not in text
    assert text in [finding.text for finding in check(source) if finding.level == "error"]
    return text


def notes_of(dataset):
    return "\n".join(dataset.notes)
