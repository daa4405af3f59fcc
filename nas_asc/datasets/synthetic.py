"""The synthetic scenes as a data set folder: ten scenes, eight cities, nine devices.

Everything is made from one seed: the same seed gives the same bytes. Three of the devices are in
the validation and test splits only, and no place lies in two splits. These are not recordings: they
are there to try the whole search without any, and to test it.
"""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
import soundfile
from numpy.typing import NDArray

from nas_asc.datasets.dataset import Dataset
from nas_asc.datasets.loading import SYNTHETIC_MARK, load_dataset
from nas_asc.datasets.scenes import SCENES, perform
from nas_asc.datasets.signals import (
    CITIES,
    DEVICES,
    SAMPLE_RATE_HZ,
    SEEN_DEVICES,
    UNSEEN_DEVICES,
    draw_place,
    draw_recorder,
    record,
)
from nas_asc.errors import DatasetError
from nas_asc.files import cache_folder, folder_atomically, remove_unfinished
from nas_asc.study import DataSource

_VERSION = 1
_DEFAULT_SEED = 0
_CLIPS_PER_PLACE = 4
_THREADS = 2

_log = logging.getLogger(__name__)

# How often each device records a scene, per split: half of training is device a, as in the
# challenge; the unseen devices are a fair share of the test.
DEVICE_CLIPS = {
    "train": dict.fromkeys(SEEN_DEVICES, 8) | {"a": 40},
    "validation": dict.fromkeys(DEVICES, 3),
    "test": dict.fromkeys(SEEN_DEVICES, 2) | dict.fromkeys(UNSEEN_DEVICES, 6),
}


@dataclass(frozen=True)
class Take:
    """One clip to be made, with its path below the folder.

    `place` numbers the places of all scenes and splits; `group` is city and place.
    """

    number: int
    scene: str
    split: str
    place: int
    group: str
    device: str
    filename: str


def takes() -> Iterator[Take]:
    """Yield the clips of the data set, split by split and scene by scene."""
    number = first_place = 0
    for split, devices in DEVICE_CLIPS.items():
        order = [device for device, count in devices.items() for _ in range(count)]
        for scene in SCENES:
            for index in range(len(order)):
                # A stride that shares no factor with the counts spreads the devices over places.
                device = order[index * 7 % len(order)]
                place = first_place + index // _CLIPS_PER_PLACE
                group = f"{CITIES[place % len(CITIES)]}-{place}"
                filename = f"audio/{scene}-{group}-{number}-{device}.wav"
                yield Take(number, scene, split, place, group, device, filename)
                number += 1
            first_place += -(-len(order) // _CLIPS_PER_PLACE)


def write_synthetic(folder: Path, seed: int = _DEFAULT_SEED) -> None:
    """Write the synthetic scenes as a data set folder: clips, `meta.csv`, README.

    It appears whole, by one rename, or not at all. About 120 MB, 15 s on one core. DatasetError
    where there is something in the folder, or it cannot be written.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise DatasetError(f"{folder}: expected a new or empty folder, found files - name another")
    try:
        with folder_atomically(folder.absolute()) as part:
            _write(part, seed)
    except OSError as error:
        raise DatasetError(
            f"{folder}: expected a folder that can be written, found {error.strerror} - "
            "name another or make room"
        ) from error


def dataset_of(source: DataSource, split_seed: int) -> Dataset:
    """Read what a study names as its data: the built-in scenes where that is nothing.

    Errors are those of `load_dataset`.
    """
    return load_dataset(source, split_seed) if source.paths else synthetic_dataset(source=source)


def synthetic_dataset(cache: Path | None = None, source: DataSource | None = None) -> Dataset:
    """Load the synthetic scenes, written once below the cache folder (None: the usual one).

    `source` says how they are read.

    Safe against other processes that do the same, and against a kill in the middle. DatasetError
    where the cache folder cannot be written.
    """
    parent = (cache or cache_folder()) / "synthetic"
    folder = parent / f"scenes-{_VERSION}-{_DEFAULT_SEED}"
    if not folder.is_dir():
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(parent / "writing.lock"):
                remove_unfinished(parent)
                if not folder.is_dir():
                    _log.info("writing the synthetic scenes to %s", folder)
                    write_synthetic(folder)
        except OSError as error:
            raise DatasetError(
                f"{parent}: expected a cache folder that can be written, found {error.strerror} - "
                "set NAS_ASC_CACHE to another"
            ) from error
    source = (source or DataSource()).model_copy(update={"paths": (str(folder),)})
    return load_dataset(source, cache=cache)


def make_clip(take: Take, seed: int) -> NDArray[np.int16]:
    """Compute the samples of one clip; they depend on the take and the seed alone."""
    scene = SCENES[take.scene]
    rng = np.random.default_rng([seed, 0, take.number])
    city = take.place % len(CITIES)
    pitch, place = draw_place(seed, take.place, city, scene.indoor)
    sound = perform(rng, scene, pitch)
    return record(rng, sound, place, draw_recorder(seed, take.device), rng.uniform(-34.0, -22.0))


def _write(folder: Path, seed: int) -> None:
    def write_clip(take: Take) -> None:
        soundfile.write(folder / take.filename, make_clip(take, seed), SAMPLE_RATE_HZ)

    (folder / "audio").mkdir()
    plan = list(takes())
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(write_clip, plan))
    rows = [
        "filename\tscene_label\tidentifier\tsource_label\tsplit",
        *("\t".join((t.filename, t.scene, t.group, t.device, t.split)) for t in plan),
    ]
    (folder / "meta.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8")
    mark = json.dumps({"seed": seed, "version": _VERSION})
    (folder / SYNTHETIC_MARK).write_text(mark + "\n", encoding="utf-8")


_README = """# Synthetic scenes

These clips are synthetic: a program (nas-asc) made them from the seed {seed}; nothing was
recorded, and results on them say nothing about real scenes. Ten acoustic scenes of 1 s are layered
from made-up sources in eight made-up cities and heard through nine made-up devices, of which s4, s5
and s6 do not occur in training. `meta.csv` lists the clips: class, place, device and split.
"""
