"""One pass over the clips of a data set: decode, keep the audio, compute and keep features.

Conventions: as in `features`. A pass holds a few clips at a time; every thread takes some through
all steps, with one torch thread of its own, which is faster than threads within each step.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from nas_asc.architectures import FEATURES_VERSION, FrontEnd
from nas_asc.datasets import AudioFile, Waveform, stamp_of
from nas_asc.errors import DatasetError
from nas_asc.features.audio import read_clip
from nas_asc.features.cache import FeatureCache, Layout, key_of
from nas_asc.features.log_mel import LogMel, spectrogram_of
from nas_asc.features.memory import malloc_keeps_memory

_TASK_SAMPLES = 1 << 18  # a thread takes clips of about this many samples at a time

_log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Features = NDArray[np.float16]
FeatureFunction = Callable[[Features], list[Features]]


@dataclass(frozen=True)
class ClipAudio:
    """The clips of a data set at one rate, channel count and length."""

    paths: tuple[Path, ...]
    files: tuple[AudioFile, ...]
    sample_rate_hz: int
    channels: int
    samples: int

    @cached_property
    def key(self) -> str:
        """Hash what decides the samples."""
        return key_of(
            {
                "version": FEATURES_VERSION,
                "torchaudio": version("torchaudio"),
                "libsndfile": soundfile.__libsndfile_version__,
                "clips": [file.digest for file in self.files],
                "sample_rate_hz": self.sample_rate_hz,
                "channels": self.channels,
                "samples": self.samples,
            }
        )

    @property
    def layout(self) -> Layout:
        """The layout of its cache entry."""
        return Layout("<f2", (len(self.paths), self.channels, self.samples))

    def read(self, rows: range) -> Features:
        """Decode some clips to the rows of a cache entry.

        Raises:
            DatasetError: one of them cannot be decoded, or has changed since it was checked.
        """
        clips = []
        for row in rows:
            path = self.paths[row]
            clip = read_clip(path, self.sample_rate_hz, self.channels, self.samples)
            if stamp_of(path) != self.files[row].stamp:
                raise DatasetError(
                    f"{path}: expected a clip at rest, found it changing - try again"
                )
            clips.append(round_to_float16(clip))
        return np.stack(clips)


def round_to_float16(waveforms: Waveform) -> Features:
    """Round audio as features are made from it; what float16 does not hold is clipped."""
    limit = torch.finfo(torch.float16).max  # torch rounds ten times as fast as numpy
    rounded: Features = torch.from_numpy(waveforms).clamp(-limit, limit).half().numpy()
    return rounded


def pass_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Return what decides a pass: front ends with equal values can be computed in one."""
    if frontend.kind == "waveform":
        return (frontend.kind, frontend.channels, frontend.sample_rate_hz)
    return (frontend.kind, *spectrogram_of(frontend))


def feature_entry(audio: ClipAudio, frontend: FrontEnd) -> tuple[str, Layout]:
    """Return the key of a front end's features in the cache, and their layout."""
    decides: dict[str, object] = {
        "audio": audio.key,
        "pass": pass_of(frontend),
        "peak": frontend.normalisation == "peak",
    }
    shape = frontend.input_shapes(audio.samples / audio.sample_rate_hz)[0]
    if frontend.kind == "logmel":
        limits_hz = (float(frontend.f_min_hz), float(frontend.f_max_hz))
        decides |= {"n_mels": frontend.n_mels, "limits_hz": limits_hz}
    return key_of(decides), Layout("<f2", (len(audio.paths), *shape))


def compute(store: FeatureCache, audio: ClipAudio, frontends: Sequence[FrontEnd]) -> None:
    """Compute the features of front ends that share a pass, and publish them in the cache.

    The audio is taken from the cache where it is there, and put there if it takes at most a quarter
    of the cache; a waveform front end's features do for audio themselves.

    Raises:
        DatasetError: a clip cannot be decoded, or changed meanwhile.
        NasAscError: the cache cannot be written.
    """
    started = time.perf_counter()
    entries = dict(feature_entry(audio, frontend) for frontend in frontends)
    keys = [feature_entry(audio, frontend)[0] for frontend in frontends]
    with ExitStack() as stack:
        threads = stack.enter_context(one_torch_thread())
        stack.enter_context(malloc_keeps_memory())
        features_of = feature_function(frontends, audio.samples)
        kept = store.find(audio.key, audio.layout)
        if kept is None and frontends[0].kind != "waveform" and store.has_room(audio.layout):
            stack.enter_context(store.lock(audio.key))
            kept = store.find(audio.key, audio.layout)
            if kept is None:
                entries[audio.key] = audio.layout
        written = stack.enter_context(store.create(entries))

        def take(rows: range) -> tuple[Features, list[Features]]:
            if kept is None:
                clips = audio.read(rows)
            else:
                clips = kept[rows.start : rows.stop].view(np.float16)
            return clips, features_of(clips)

        results = stack.enter_context(closing(_in_order(take, _tasks(audio), threads)))
        for clips, features in results:
            for key, rows in zip(keys, features, strict=True):
                written[key](rows)
            if audio.key in entries:
                written[audio.key](clips)
    seconds = time.perf_counter() - started
    _log.info("features of %d clips, %d kinds: %.1f s", len(audio.paths), len(keys), seconds)


def feature_function(frontends: Sequence[FrontEnd], samples: int) -> FeatureFunction:
    """Build the function from audio to the features, (clips, ...) for each front end of a pass.

    Audio is float16, (clips, channels, samples).
    """
    if frontends[0].kind == "logmel":
        return LogMel(frontends, samples)
    return lambda clips: [_waveform(clips, frontend) for frontend in frontends]


def _waveform(clips: Features, frontend: FrontEnd) -> Features:
    """Return waveforms as features; "peak" puts the loudest sample of each clip at 1."""
    if frontend.normalisation != "peak":
        return clips
    waveforms = clips.astype(np.float32)
    peaks = np.abs(waveforms).max(axis=(1, 2), keepdims=True)
    return round_to_float16(waveforms / np.maximum(peaks, np.finfo(np.float32).tiny))


def _tasks(audio: ClipAudio) -> list[range]:
    clips = max(1, _TASK_SAMPLES // max(1, audio.samples * audio.channels))
    edges = [*range(0, len(audio.paths), clips), len(audio.paths)]
    return [range(start, stop) for start, stop in pairwise(edges)]


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """Let torch use one thread here and in threads started meanwhile; yields how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def _in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int
) -> Generator[_Result, None, None]:
    """Map over threads, only a few results ahead of the caller."""
    pending: deque[Future[_Result]] = deque()
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
            for future in pending:
                future.cancel()
