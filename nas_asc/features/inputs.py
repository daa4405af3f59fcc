"""The features of a data set: computed once per front end, then mapped from the cache.

A second spectrogram and the mean spectrum are made of what the cache holds for front ends without.

Conventions: features are float16, (clips, channels, mel, frame) or, of kind "waveform", (clips,
channels, samples), in the order of the data set's clips. Of the normalisations only "peak" is part
of them; the others are the network's own. They are always computed from audio in float16, so they
do not depend on what the cache held before.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas_asc.architectures import FrontEnd
from nas_asc.datasets import Dataset, hash_files, unreadable
from nas_asc.errors import DatasetError, NasAscError
from nas_asc.features.cache import FeatureCache, key_of
from nas_asc.features.extraction import ClipAudio, Features, compute, feature_entry, pass_of

__all__ = ["Features", "inputs_of", "load_features", "load_inputs"]


def load_inputs(
    dataset: Dataset,
    frontend: FrontEnd,
    *,
    siblings: Iterable[FrontEnd] = (),
    cache: Path | None = None,
    limit_bytes: int | None = None,
) -> tuple[Features, ...]:
    """Return what a network is fed, an array for each of its inputs: features, and mean spectra.

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
    """Return the features of every clip, from the cache or computed now.

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
        features_of: returns the features of a front end with one plane.
    """
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
    """Return the features of a front end of one plane, memory-mapped."""
    paths = tuple(clip.path for clip in dataset.clips)
    files = hash_files(dataset.root, paths, store.folder)
    for path, file in zip(paths, files, strict=True):
        if not file.decodable:
            raise DatasetError(unreadable(path, file.fault))
    audio = ClipAudio(
        paths=paths,
        files=files,
        sample_rate_hz=frontend.sample_rate_hz,
        channels=frontend.channels,
        samples=frontend.samples(dataset.clip_s),
    )
    key, layout = feature_entry(audio, frontend)
    found = store.find(key, layout)
    if found is None:
        with store.lock(key_of({"audio": audio.key, "pass": pass_of(frontend)})):
            found = store.find(key, layout)  # another process may have computed it meanwhile
            if found is None:
                compute(store, audio, [frontend, *_missing(store, audio, frontend, siblings)])
                found = store.find(key, layout)
    if found is None:
        raise NasAscError(
            f"{store.folder}: expected features to stay once written, found them gone - "
            "keep other programs from it, or set NAS_ASC_CACHE_BYTES to more"
        )
    return found.view(np.float16)


def _missing(
    store: FeatureCache, audio: ClipAudio, frontend: FrontEnd, siblings: Iterable[FrontEnd]
) -> list[FrontEnd]:
    """Choose the siblings to compute in the pass of `frontend`: one for each absent entry."""
    entries = dict([feature_entry(audio, frontend)])
    chosen = []
    for sibling in siblings:
        if pass_of(sibling) != pass_of(frontend):
            continue
        key, layout = feature_entry(audio, sibling)
        if key in entries or store.find(key, layout) is not None:
            continue
        if store.has_room(layout, *entries.values()):
            entries[key] = layout
            chosen.append(sibling)
    return chosen
