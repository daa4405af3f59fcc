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

from nas_asc.audio import read_clip
from nas_asc.block_floating_point import BLOCK, block_count, decode, encode
from nas_asc.clip_index import ClipRecord, stamp_of
from nas_asc.errors import DatasetError
from nas_asc.feature_cache import FeatureCache, Layout, key_of
from nas_asc.frontend import FrontEnd
from nas_asc.log_mel import MelPass, spectrogram_of

_FORMAT = 1  # raised when the same parameters begin to give other values
_TASK_SAMPLES = 1 << 18  # a thread takes clips of about this many samples at a time

_log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class ClipAudio:
    """The clips of a data set at one rate, channel count and length."""

    paths: tuple[Path, ...]
    records: tuple[ClipRecord, ...]
    sample_rate_hz: int
    channels: int
    samples: int

    @cached_property
    def key(self) -> str:
        """Hash what decides the samples."""
        return key_of(
            {
                "format": _FORMAT,
                "torchaudio": version("torchaudio"),
                "libsndfile": soundfile.__libsndfile_version__,
                "clips": [record.digest for record in self.records],
                "sample_rate_hz": self.sample_rate_hz,
                "channels": self.channels,
                "samples": self.samples,
            }
        )

    @property
    def layouts(self) -> dict[str, Layout]:
        """Describe its cache entry, in block floating point."""
        blocks = (len(self.paths), self.channels, block_count(self.samples))
        return {"mantissas": Layout("<i2", (*blocks, BLOCK)), "exponents": Layout("|i1", blocks)}

    def read(self, rows: range) -> Arrays:
        """Decode some clips to the rows of a cache entry.

        Raises:
            DatasetError: one of them cannot be decoded, or has changed since it was hashed.
        """
        encoded = []
        for row in rows:
            path = self.paths[row]
            clip = read_clip(path, self.sample_rate_hz, self.channels, self.samples)
            if stamp_of(path) != self.records[row].stamp:
                raise DatasetError(
                    f"{path}: expected a clip at rest, found it changing - try again"
                )
            encoded.append(encode(clip))
        mantissas, exponents = zip(*encoded, strict=True)
        return {"mantissas": np.stack(mantissas), "exponents": np.stack(exponents)}


def pass_of(frontend: FrontEnd) -> tuple[object, ...]:
    """Give what decides a pass: front ends with equal values can be computed in one."""
    if frontend.kind == "waveform":
        return (frontend.kind, frontend.channels, frontend.sample_rate_hz)
    return (frontend.kind, *spectrogram_of(frontend))


def feature_entry(audio: ClipAudio, frontend: FrontEnd) -> tuple[str, dict[str, Layout]]:
    """Give the key of a front end's features in the cache, and what lies there."""
    decides: dict[str, object] = {
        "audio": audio.key,
        "pass": pass_of(frontend),
        "peak": frontend.normalisation == "peak",
    }
    shape = frontend.input_shapes(audio.samples / audio.sample_rate_hz)[0]
    if frontend.kind == "logmel":
        limits_hz = (float(frontend.f_min_hz), float(frontend.f_max_hz))
        decides |= {"n_mels": frontend.n_mels, "limits_hz": limits_hz}
    return key_of(decides), {"features": Layout("<f2", (len(audio.paths), *shape))}


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
    keep = frontends[0].kind != "waveform" and store.has_room(audio.layouts)
    with ExitStack() as stack:
        threads = stack.enter_context(one_torch_thread())
        derive = derivation(frontends, audio.samples)
        kept = store.find(audio.key, audio.layouts)
        if kept is None and keep:
            stack.enter_context(store.lock(audio.key))
            kept = store.find(audio.key, audio.layouts)
        writes_audio = kept is None and keep
        written = stack.enter_context(
            store.create(entries | ({audio.key: audio.layouts} if writes_audio else {}))
        )

        def take(rows: range) -> tuple[Arrays, list[NDArray[np.float16]]]:
            blocks = _rows_of(kept, rows) if kept is not None else audio.read(rows)
            mantissas, exponents = blocks["mantissas"], blocks["exponents"]
            clips = decode(mantissas.view(np.int16), exponents.view(np.int8), audio.samples)
            return blocks, derive(clips)

        results = stack.enter_context(closing(_in_order(take, _tasks(audio), threads)))
        for blocks, features in results:
            for key, rows in zip(keys, features, strict=True):
                written[key].append("features", rows)
            if writes_audio:
                for name, values in blocks.items():
                    written[audio.key].append(name, values)
    seconds = time.perf_counter() - started
    _log.info("features of %d clips, %d kinds: %.1f s", len(audio.paths), len(keys), seconds)


def derivation(
    frontends: Sequence[FrontEnd], samples: int
) -> Callable[[NDArray[np.float32]], list[NDArray[np.float16]]]:
    """Give what makes features, (clips, ...) for each of front ends that share a pass, of audio.

    Audio is (clips, channels, samples).
    """
    if frontends[0].kind == "logmel":
        return MelPass(frontends, samples)
    return lambda clips: [_waveform(clips, frontend) for frontend in frontends]


def _waveform(clips: NDArray[np.float32], frontend: FrontEnd) -> NDArray[np.float16]:
    """Give waveforms as features; "peak" puts the loudest sample of each clip at 1."""
    if frontend.normalisation == "peak":
        peaks = np.abs(clips).max(axis=(1, 2), keepdims=True)
        clips = clips / np.maximum(peaks, np.finfo(np.float32).tiny)
    limit = np.finfo(np.float16).max
    return np.clip(clips, -limit, limit).astype(np.float16)


def _tasks(audio: ClipAudio) -> list[range]:
    clips = max(1, _TASK_SAMPLES // max(1, audio.samples * audio.channels))
    edges = [*range(0, len(audio.paths), clips), len(audio.paths)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def _rows_of(arrays: Arrays, rows: range) -> Arrays:
    return {name: array[rows.start : rows.stop] for name, array in arrays.items()}


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """Let torch use one thread here and in threads started meanwhile; gives how many it had."""
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
