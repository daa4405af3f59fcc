"""Folders of noise as data sets, for several test files."""

import zlib
from itertools import product

import numpy as np
import soundfile


def write_clip(path, seconds=0.25, rate=8000, channels=1, subtype=None, seed=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = seed if seed is not None else zlib.crc32(path.as_posix().encode())
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, noise, rate, subtype=subtype)


def write_classes(root, classes=("dog", "rain"), clips=5):
    for name, number in product(classes, range(clips)):
        write_clip(root / name / f"{number}.wav")
