"""The features of a data set: computed once per front end, then mapped from the cache.

Conventions: features are float16, (clips, channels, mel, frame) or, of kind "waveform", (clips,
channels, samples), in the order of the data set's clips. Of the normalisations only "peak" is part
of them; the others are the network's own. They are always computed from audio in float16, so they
do not depend on what the cache held before. A second spectrogram and the mean spectrum are made of
what the cache holds for front ends without, and kept there, too.

One pass over the clips decodes, keeps the audio, computes and keeps features. It holds a few clips
at a time; every thread takes some through all steps, with one torch thread of its own, which is
faster than threads within each step.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from nas_asc.architectures import FEATURES_VERSION, RESAMPLINGS, FrontEnd
from nas_asc.datasets import AudioFile, Dataset, Waveform, hash_files, is_unchanged
from nas_asc.errors import DatasetError
from nas_asc.features.audio import LogMel, rate_of, read_clip, read_joined, spectrogram_of
from nas_asc.features.cache import FeatureCache, key_of
from nas_asc.features.mapped_pages import MappedPages
from nas_asc.features.native_libraries import malloc_keeps_memory, one_torch_thread

_TASK_SAMPLES = 1 << 18  # a thread takes clips of about this many samples at a time
_MADE_VALUES = 1 << 22  # of features, from which second planes or mean spectra are made at a time

_log = logging.getLogger(__name__)

Features = NDArray[np.float16]
FeatureFunction = Callable[[Features], list[Features]]
_Result = tuple[Features, list[Features]]  # audio, and features of it
_T = TypeVar("_T")
_R = TypeVar("_R")


def load_inputs(
    dataset: Dataset,
    frontend: FrontEnd,
    *,
    siblings: Iterable[FrontEnd] = (),
    cache: Path | None = None,
) -> tuple[Features, ...]:
    """Return what a network is fed, an array for each input: features, and mean spectra if wanted.

    A second spectrogram is the second channel, transposed; in a clip too short for as many frames
    as that needs its last is repeated. Mean spectra are (clips, mel): the mean over time, and
    channels, of the log-mels before any normalisation. Arrays are memory-mapped copy-on-write:
    changes made to them do not reach the cache.

    Uses as many threads as torch may. Processes that ask for the same features at once wait for the
    first of them. DatasetError, with its name, where a clip is gone, cannot be decoded or changed
    while it was read; StorageError where the cache cannot be written or is full, NasAscError where
    its limit is too small.

    `siblings` are front ends that may be asked for later; those that share the spectrogram of
    `frontend` are computed in the same pass, as far as the cache has room. The cache folder is
    $NAS_ASC_CACHE or the user's where none is given.
    """
    store = FeatureCache(cache)
    firsts = [sibling.spectrograms(dataset.clip_s)[0] for sibling in siblings]
    files = _known_files(store, dataset)
    plane, *second = frontend.spectrograms(dataset.clip_s)
    key, maps = first = _load(store, dataset, files, plane, firsts)
    if second:
        other_key, other = _load(store, dataset, files, second[0], firsts)
        shape = (len(maps), 2, *maps.shape[2:])
        maps = _made(store, {"planes": [key, other_key]}, shape, _joined, maps, other)
    if not frontend.mean_spectrum:
        return (maps,)
    unscaled = _without_peak(plane)
    key, log_mels = first if unscaled == plane else _load(store, dataset, files, unscaled, firsts)
    shape = (len(log_mels), log_mels.shape[2])
    return maps, _made(store, {"mean_spectrum": key}, shape, _mean_spectrum, log_mels)


def inputs_of(
    frontend: FrontEnd, clip_s: float, features_of: Callable[[FrontEnd], Features]
) -> tuple[Features, ...]:
    """Build a network's inputs of what `features_of` returns for front ends with one plane."""
    plane, *second = frontend.spectrograms(clip_s)
    first = features_of(plane)
    found = _joined(first, features_of(second[0])) if second else first
    if not frontend.mean_spectrum:
        return (found,)
    unscaled = _without_peak(plane)
    return found, _mean_spectrum(first if unscaled == plane else features_of(unscaled))


def feature_function(frontends: Sequence[FrontEnd], samples: int) -> FeatureFunction:
    """Build the function from audio to the features, (clips, ...) for each front end of a pass.

    Audio is float16, (clips, channels, samples).
    """
    if frontends[0].kind == "logmel":
        return LogMel(frontends, samples)
    return lambda clips: [_waveform(clips, frontend) for frontend in frontends]


def round_to_float16(waveforms: Waveform) -> Features:
    """Round audio as features are made from it; what float16 does not hold is clipped."""
    limit = torch.finfo(torch.float16).max  # torch rounds ten times as fast as numpy
    rounded: Features = torch.from_numpy(waveforms).clamp(-limit, limit).half().numpy()
    return rounded


@dataclass(frozen=True)
class _ClipAudio:
    """The clips of a data set at one rate, channel count and length.

    A file stands there once for each of its windows, which begin at `starts_s`. Several files of a
    clip are joined.
    """

    paths: tuple[tuple[Path, ...], ...]
    files: tuple[tuple[AudioFile, ...], ...]
    sample_rate_hz: int
    channels: int
    samples: int
    starts_s: tuple[float, ...]
    align: str
    resampling: str

    @cached_property
    def key(self) -> str:
        """Hash what decides the samples."""
        decides: dict[str, object] = {
            "version": FEATURES_VERSION,
            "torchaudio": version("torchaudio"),
            "libsndfile": soundfile.__libsndfile_version__,
            "clips": [
                files[0].digest if len(files) == 1 else [file.digest for file in files]
                for files in self.files
            ],
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "samples": self.samples,
        }
        if any(self.starts_s):
            decides["starts_s"] = self.starts_s
        if self.align != "start":
            decides["align"] = self.align
        if self.resampling != RESAMPLINGS[0]:
            decides |= {"resampling": self.resampling, "scipy": version("scipy")}
        return key_of(decides)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its cache entry."""
        return len(self.paths), self.channels, self.samples

    def read(self, rows: range) -> Features:
        """Decode some clips; DatasetError if one cannot be, or has changed since it was checked."""
        clips = []
        for row in rows:
            paths, asked = self.paths[row], (self.sample_rate_hz, self.channels, self.samples)
            if len(paths) == 1:
                start_s = self.starts_s[row]
                clip = read_clip(paths[0], *asked, start_s, self.align, self.resampling)
            else:
                clip = read_joined(paths, *asked, self.resampling)
            for path, file in zip(paths, self.files[row], strict=True):
                if not is_unchanged(path, file.stamp):
                    raise DatasetError(
                        f"{path}: expected a clip at rest, found it changed or gone - try again"
                    )
            clips.append(round_to_float16(clip))
        return np.stack(clips)


def _joined(first: Features, second: Features) -> Features:
    """Join two planes, (clips, 1, mel, frame); the second is transposed."""
    turned = second.swapaxes(2, 3)
    missing = first.shape[2] - turned.shape[2]
    turned = np.pad(turned, ((0, 0), (0, 0), (0, max(0, missing)), (0, 0)), mode="edge")
    return np.concatenate([first, turned[:, :, : first.shape[2]]], axis=1)


def _without_peak(plane: FrontEnd) -> FrontEnd:
    """Return the front end whose log-mels mean spectra are of."""
    return replace(plane, normalisation="none") if plane.normalisation == "peak" else plane


def _mean_spectrum(log_mels: Features) -> Features:
    """Compute the mean spectra, (clips, mel), of log-mels, (clips, channels, mel, frame)."""
    means: Features = log_mels.mean(axis=(1, 3), dtype=np.float32).astype(np.float16)
    return means


def _made(
    store: FeatureCache,
    decides: Mapping[str, object],
    shape: tuple[int, ...],
    function: Callable[..., Features],
    *sources: Features,
) -> Features:
    """Return what a function makes of the rows of mapped arrays, memory-mapped too."""
    key = key_of(decides)

    def make() -> None:
        pages, step = MappedPages(sources), max(1, _MADE_VALUES // sources[0][0].size)
        with store.create({key: shape}) as written:
            for start in range(0, shape[0], step):
                rows = slice(start, start + step)
                written[key](function(*[source[rows] for source in sources]))
                pages.limit()

    return store.once(key, shape, make)


def _known_files(store: FeatureCache, dataset: Dataset) -> tuple[tuple[AudioFile, ...], ...]:
    """Return what is known of the files of each clip; DatasetError where one is gone."""
    paths = [path for clip in dataset.clips for path in (clip.path, *clip.further)]
    files = hash_files(dataset.root, paths, store.folder)
    for path, file in zip(paths, files, strict=True):
        if file.fault:
            raise DatasetError(
                f"{path}: expected the clip that was checked, found {file.fault} - put it back"
            )
    of_all = iter(files)
    return tuple(tuple(islice(of_all, 1 + len(clip.further))) for clip in dataset.clips)


def _load(
    store: FeatureCache,
    dataset: Dataset,
    files: tuple[tuple[AudioFile, ...], ...],
    frontend: FrontEnd,
    siblings: Iterable[FrontEnd],
) -> tuple[str, Features]:
    """Return the features of a front end of one plane, memory-mapped, and their key."""
    audio = _ClipAudio(
        tuple((clip.path, *clip.further) for clip in dataset.clips),
        files,
        frontend.sample_rate_hz,
        frontend.channels,
        frontend.samples(dataset.clip_s),
        starts_s=tuple(clip.start_s for clip in dataset.clips),
        align=dataset.align,
        resampling=frontend.resampling,
    )
    key, shape = _feature_entry(audio, frontend)

    def compute() -> None:
        _compute(store, audio, [frontend, *_missing(store, audio, frontend, siblings)])

    lock = key_of({"audio": audio.key, "pass": _pass_of(frontend)})
    return key, store.once(key, shape, compute, lock)


def _missing(
    store: FeatureCache, audio: _ClipAudio, frontend: FrontEnd, siblings: Iterable[FrontEnd]
) -> list[FrontEnd]:
    """Choose the siblings to compute in the pass of `frontend`: one for each absent entry."""
    entries = dict([_feature_entry(audio, frontend)])
    chosen = []
    for sibling in siblings:
        key, shape = _feature_entry(audio, sibling)
        wanted = _pass_of(sibling) == _pass_of(frontend) and key not in entries
        if wanted and store.find(key, shape) is None and store.has_room(shape, *entries.values()):
            entries[key] = shape
            chosen.append(sibling)
    return chosen


def _pass_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Return what decides a pass: front ends with equal values can be computed in one."""
    if frontend.kind == "waveform":
        return (frontend.kind, frontend.channels, *rate_of(frontend))
    return (frontend.kind, *spectrogram_of(frontend))


def _feature_entry(audio: _ClipAudio, frontend: FrontEnd) -> tuple[str, tuple[int, ...]]:
    """Return the key of a front end's features in the cache, and their shape."""
    decides: dict[str, object] = {
        "audio": audio.key,
        "pass": _pass_of(frontend),
        "peak": frontend.normalisation == "peak",
    }
    shape = frontend.input_shapes(audio.samples / audio.sample_rate_hz)[0]
    if frontend.kind == "logmel":
        limits_hz = (float(frontend.f_min_hz), float(frontend.f_max_hz))
        decides |= {"n_mels": frontend.n_mels, "limits_hz": limits_hz}
    return key_of(decides), (len(audio.paths), *shape)


def _compute(store: FeatureCache, audio: _ClipAudio, frontends: Sequence[FrontEnd]) -> None:
    """Compute the features of front ends that share a pass, and publish them in the cache.

    The audio is taken from the cache where it is there, and put there if it takes at most a quarter
    of the cache; a waveform front end's features do for audio themselves. DatasetError where a clip
    cannot be decoded or changed meanwhile, NasAscError where the cache cannot be written.
    """
    started = time.perf_counter()
    found = [_feature_entry(audio, frontend) for frontend in frontends]
    keys, entries = [key for key, _ in found], dict(found)
    with ExitStack() as stack:
        threads = stack.enter_context(one_torch_thread())
        stack.enter_context(malloc_keeps_memory())
        features_of = feature_function(frontends, audio.samples)
        kept = store.find(audio.key, audio.shape)
        if kept is None and frontends[0].kind != "waveform" and store.has_room(audio.shape):
            stack.enter_context(store.lock(audio.key))
            kept = store.find(audio.key, audio.shape)
            if kept is None:
                entries[audio.key] = audio.shape
        written = stack.enter_context(store.create(entries))

        def take(rows: range) -> _Result:
            clips = audio.read(rows) if kept is None else kept[rows.start : rows.stop]
            return clips, features_of(clips)

        results = stack.enter_context(closing(in_order(take, _tasks(audio), threads)))
        pages = MappedPages([] if kept is None else [kept])
        for clips, features in results:
            for key, rows in zip(keys, features, strict=True):
                written[key](rows)
            if audio.key in entries:
                written[audio.key](clips)
            pages.limit()
    seconds = time.perf_counter() - started
    _log.info("features of %d clips, %d kinds: %.1f s", len(audio.paths), len(keys), seconds)


def _waveform(clips: Features, frontend: FrontEnd) -> Features:
    """Return waveforms as features; "peak" puts the loudest sample of each clip at 1."""
    if frontend.normalisation != "peak":
        return clips
    waveforms = clips.astype(np.float32)
    peaks = np.abs(waveforms).max(axis=(1, 2), keepdims=True)
    return round_to_float16(waveforms / np.maximum(peaks, np.finfo(np.float32).tiny))


def _tasks(audio: _ClipAudio) -> list[range]:
    clips = max(1, _TASK_SAMPLES // max(1, audio.samples * audio.channels))
    rows = range(len(audio.paths))
    return [rows[start : start + clips] for start in rows[::clips]]


def in_order(
    function: Callable[[_T], _R], items: Iterable[_T], threads: int
) -> Generator[_R, None, None]:
    """Map over threads that have one torch thread each, only a few results ahead of the caller."""
    pending: deque[Future[_R]] = deque()
    # The setting is torch's own for each thread, so each has to be told.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > 4 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
