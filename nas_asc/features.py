"""The features of a data set: computed once per front end, then mapped from the cache.

A second spectrogram and the mean spectrum are made of what the cache holds for front ends without.

Conventions: features are float16, (clips, channels, mel, frame) or, of kind "waveform", (clips,
channels, samples), in the order of the data set's clips. Of the normalisations only "peak" is part
of them; the others are the network's own. They are always computed from audio in block floating
point, so they do not depend on what the cache held before.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nas_asc.audio import decode
from nas_asc.clip_index import ClipIndex, ClipRecord
from nas_asc.datasets import SPLITS, Dataset
from nas_asc.errors import ConfigError, DatasetError, NasAscError
from nas_asc.feature_cache import FeatureCache, cache_folder, key_of
from nas_asc.feature_pass import ClipAudio, compute, feature_entry, pass_of
from nas_asc.frontend import FrontEnd

__all__ = ["Features", "cache_folder", "leave_out_faulty", "load_features", "load_inputs"]

Features = NDArray[np.float16]

_ATTEMPTS = 3  # another process may evict what this one has just computed

_log = logging.getLogger(__name__)


def load_inputs(
    dataset: Dataset,
    frontend: FrontEnd,
    *,
    siblings: Iterable[FrontEnd] = (),
    cache: Path | None = None,
    limit_bytes: int | None = None,
) -> tuple[Features, ...]:
    """Give what a network is fed, an array for each of its inputs: features, and mean spectra.

    Mean spectra are (clips, mel): the mean over time, and channels, of the log-mels before any
    normalisation. Arguments and errors are those of `load_features`.
    """
    store = FeatureCache(cache, limit_bytes)
    firsts = [sibling.spectrograms(dataset.clip_s)[0] for sibling in siblings]
    return inputs_of(frontend, dataset.clip_s, lambda plane: _load(store, dataset, plane, firsts))


def load_features(
    dataset: Dataset,
    frontend: FrontEnd,
    *,
    siblings: Iterable[FrontEnd] = (),
    cache: Path | None = None,
    limit_bytes: int | None = None,
) -> Features:
    """Give the features of every clip, from the cache or computed now.

    They are those of the network's first input, with the second spectrogram, transposed, as second
    channel; in a clip too short for as many frames as that needs its last is repeated. Uses as many
    threads as torch may (`torch.get_num_threads`). Processes that ask for the same features at once
    wait for the first of them.

    Args:
        dataset: whose clips, in whose order and of whose length.
        frontend: how.
        siblings: front ends that may be asked for later; those that share the spectrogram of
            `frontend` are computed in the same pass, as far as the cache has room.
        cache: the cache folder; None takes $NAS_ASC_CACHE or the user's.
        limit_bytes: of the cache; None takes $NAS_ASC_CACHE_BYTES or 8 GiB.

    Returns:
        Memory-mapped copy-on-write, or in memory: changes made to it do not reach the cache.

    Raises:
        ConfigError: the front end contradicts itself.
        DatasetError: a clip cannot be decoded, or changed while it was read; names it.
        NasAscError: the cache folder cannot be written, is full, or its limit is too small.
    """
    first_input = replace(frontend, mean_spectrum=False)
    (found,) = load_inputs(
        dataset, first_input, siblings=siblings, cache=cache, limit_bytes=limit_bytes
    )
    return found


def inputs_of(
    frontend: FrontEnd, clip_s: float, features_of: Callable[[FrontEnd], Features]
) -> tuple[Features, ...]:
    """Make a network's inputs of the features of front ends with one plane, and join planes.

    Args:
        frontend: of the network.
        clip_s: clip length in seconds.
        features_of: gives the features of a front end with one plane.

    Raises:
        ConfigError: the front end contradicts itself.
    """
    if frontend.second_window and frontend.channels != 1:
        raise ConfigError(
            "frontend.channels: expected 1 where frontend.second_window is set, "
            f"found {frontend.channels} - correct one of them"
        )
    plane, *second = frontend.spectrograms(clip_s)
    first = features_of(plane)
    found = _joined(first, features_of(second[0])) if second else first
    if not frontend.mean_spectrum:
        return (found,)
    peak = frontend.normalisation == "peak"
    log_mels = features_of(replace(plane, normalisation="none")) if peak else first
    return found, log_mels.mean(axis=(1, 3), dtype=np.float32).astype(np.float16)


def _joined(first: Features, second: Features) -> Features:
    """Join two planes, (clips, 1, mel, frame); the second is transposed."""
    turned = second.swapaxes(2, 3)
    missing = first.shape[2] - turned.shape[2]
    turned = np.pad(turned, ((0, 0), (0, 0), (0, max(0, missing)), (0, 0)), mode="edge")
    return np.concatenate([first, turned[:, :, : first.shape[2]]], axis=1)


def _load(
    store: FeatureCache, dataset: Dataset, frontend: FrontEnd, siblings: Iterable[FrontEnd]
) -> Features:
    """Give the features of a front end of one plane, memory-mapped."""
    paths = tuple(clip.path for clip in dataset.clips)
    audio = ClipAudio(
        paths=paths,
        records=ClipIndex(store, dataset.root).look_up(paths, torch.get_num_threads()),
        sample_rate_hz=frontend.sample_rate_hz,
        channels=frontend.channels,
        samples=frontend.samples(dataset.clip_s),
    )
    key, layouts = feature_entry(audio, frontend)
    found = store.find(key, layouts)
    for _ in range(_ATTEMPTS):
        if found is not None:
            features: Features = found["features"].view(np.float16)
            return features
        with store.lock(key_of({"audio": audio.key, "pass": pass_of(frontend)})):
            found = store.find(key, layouts)
            if found is None:
                compute(store, audio, [frontend, *_missing(store, audio, frontend, siblings)])
                found = store.find(key, layouts)
    raise NasAscError(
        f"{store.folder}: expected features to stay once written, found them gone - "
        "keep other programs from it, or set NAS_ASC_CACHE_BYTES to more"
    )


def leave_out_faulty(dataset: Dataset, cache: Path | None = None) -> Dataset:
    """Leave out the clips whose header can be read but whose samples cannot be decoded.

    What was found is remembered with the hash of each file, so only new files are decoded.

    Raises:
        DatasetError: a class would be left without clips in a split.
    """
    index = ClipIndex(FeatureCache(cache), dataset.root)
    paths = [clip.path for clip in dataset.clips]
    records = index.look_up(paths, torch.get_num_threads())
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        records = tuple(pool.map(_judge, paths, records))
    index.remember(zip(paths, records, strict=True))
    pairs = list(zip(dataset.clips, records, strict=True))
    kept = tuple(clip for clip, record in pairs if record.sound)
    skipped = tuple(clip.path for clip, record in pairs if not record.sound)
    present = {(clip.label, clip.split) for clip in kept}
    for label, name in enumerate(dataset.classes):
        for split in SPLITS:
            if (label, split) not in present:
                raise DatasetError(
                    f"{dataset.root}: expected clips of class {name!r} in every split, found none "
                    f"that can be decoded for {split} - add some or remove the class"
                )
    return replace(dataset, clips=kept, skipped=(*dataset.skipped, *skipped))


def _judge(path: Path, record: ClipRecord) -> ClipRecord:
    if record.sound is not None:
        return record
    try:
        decode(path)
    except DatasetError as error:
        _log.info("%s", error)
        return replace(record, sound=False)
    return replace(record, sound=True)


def _missing(
    store: FeatureCache, audio: ClipAudio, frontend: FrontEnd, siblings: Iterable[FrontEnd]
) -> list[FrontEnd]:
    """Choose the siblings to compute in the pass of `frontend`: one for each absent entry."""
    entries = dict([feature_entry(audio, frontend)])
    chosen = []
    for sibling in siblings:
        if pass_of(sibling) != pass_of(frontend):
            continue
        key, layouts = feature_entry(audio, sibling)
        if key in entries or store.find(key, layouts) is not None:
            continue
        if store.has_room(layouts, *entries.values()):
            entries[key] = layouts
            chosen.append(sibling)
    return chosen
