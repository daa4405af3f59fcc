"""From a sound file to samples, and what is known of each file; the only decoder.

Conventions: a waveform is float32, (channels, samples), full scale at 1. A function opens its file
once. libsndfile silently takes a WAV or OGG file that was cut off for a shorter clip, so the bytes
that such a file announces are counted here.

A checked file is not opened again while its path, inode, size, modification and change time stay.
The change time is set by the system alone, so a file rewritten in place is noticed even where its
size and modification time were put back (unless the file system keeps no change time). A write so
soon after the check that the clock had not moved on could be missed; files changed less than two
seconds ago are therefore not remembered.
"""

import contextlib
import hashlib
import json
import math
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO, FileIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from nas_asc.datasets.bandwidth import Spectrum
from nas_asc.errors import DatasetError
from nas_asc.files import cache_folder, digest, open_atomically

Waveform = NDArray[np.float32]

_VERSION = 3  # raised by one with every change of what is found, or of what a fault is
_THREADS = 4
_STDERR = threading.Lock()
_MOST_AT_A_TIME, _SHARES = 64, 8  # files, and of all files of a thread
_YOUNG_NS = 2_000_000_000
_BLOCK = 1 << 16  # samples that are checked at a time, a multiple of the spectrum's
_LONGEST_CODEC_BLOCK = 8192  # some encoders announce up to one more than they wrote
_WHOLE = 0.99  # some recorders announce a little more than they write
_PIPED_BYTES = 0x7FFF0000  # so many or more are announced by programs that write into a pipe
_LOUDEST = float(
    np.finfo(np.float16).max
)  # features are made of float16 audio: the rest is cut off


@dataclass(frozen=True, slots=True)  # there are many
class AudioFile:
    """What is known of a sound file."""

    stamp: tuple[int, ...] = ()  # see `stamp_of`
    digest: str = ""  # the SHA-256 of its bytes
    fault: str = ""  # what there is instead of sound that can be decoded
    decoded: bool = False  # its samples were looked at, or need not be; else the last two are 0
    sample_rate_hz: int = 0
    channels: int = 0
    samples: int = 0
    peak: float = 0.0  # the largest magnitude of a sample
    highest_hz: float = 0.0  # the highest frequency that holds energy

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate_hz


class _FaultError(Exception):
    """A file that cannot be used; its text is what there is instead of sound."""


def decode(path: Path, most_s: float = math.inf, start_s: float = 0.0) -> tuple[Waveform, int]:
    """Decode a sound file, or little more than `most_s` seconds of it: a filter needs some.

    Returns the waveform and its sample rate in Hz. DatasetError where the file cannot be decoded,
    is cut short, or holds no, non-finite or huge samples.
    """
    try:
        with _faults(), path.open("rb", buffering=0) as file, _sound_in(file) as sound:
            start = min(round(start_s * sound.samplerate), sound.frames - 1)
            wanted = sound.frames - start
            if math.isfinite(most_s):
                wanted = min(wanted, math.ceil((most_s + 0.1) * sound.samplerate))
            with _mp3_is_quiet() if start and sound.format == "MP3" else contextlib.nullcontext():
                sound.seek(start)
                interleaved = sound.read(wanted, dtype="float32", always_2d=True)
            _check_read(len(interleaved), wanted, float(np.abs(interleaved).max(initial=0)))
            return np.ascontiguousarray(interleaved.T), sound.samplerate
    except _FaultError as fault:
        raise DatasetError(unreadable(path, str(fault))) from fault


def check_file(path: Path, decode: bool = True) -> AudioFile:
    """Check a sound file: its header and, if `decode`, its bytes and all its samples."""
    stamp: tuple[int, ...] = ()
    sha256 = ""
    try:
        with _faults(), path.open("rb", buffering=0) as file:
            stamp = stamp_of(path)
            if decode:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            with _sound_in(file) as sound:
                peak, highest_hz = _check_samples(sound) if decode else (0.0, 0.0)
                facts = (sound.samplerate, sound.channels, sound.frames)
                return AudioFile(stamp, sha256, "", decode, *facts, peak, highest_hz)
    except _FaultError as fault:
        return AudioFile(stamp, sha256, str(fault), decoded=True)


def check_files(
    root: Path, paths: Sequence[Path], cache: Path | None = None
) -> tuple[AudioFile, ...]:
    """Check the sound files of the data set in `root`, in their order.

    What is found is remembered in the `clips` of the cache folder (None: the usual one); files that
    are known are not opened.
    """
    index = _index_path(root, cache)
    known = _read(index)

    def check(path: Path) -> AudioFile:
        found = _unchanged(known, path)
        return found if found and found.decoded else check_file(path)

    checked = _in_threads(check, paths)
    old_enough_ns = time.time_ns() - _YOUNG_NS
    pairs = zip(map(str, paths), checked, strict=True)
    new = {path: file for path, file in pairs if max(file.stamp[2:], default=0) < old_enough_ns}
    if not new.items() <= known.items():
        # Without an index everything works, only slower; whoever writes features complains.
        with contextlib.suppress(OSError):
            _write(index, known | new)
    return checked


def hash_files(
    root: Path, paths: Sequence[Path], cache: Path | None = None
) -> tuple[AudioFile, ...]:
    """Return what is known of files, in their order, and of others the hash alone."""
    known, once = _read(_index_path(root, cache)), list(dict.fromkeys(paths))
    files = _in_threads(lambda path: _unchanged(known, path) or hash_file(path), once)
    found = dict(zip(once, files, strict=True))
    return tuple(found[path] for path in paths)


def hash_file(path: Path) -> AudioFile:
    """Hash the bytes of a file, whatever it holds."""
    try:
        with _faults(), path.open("rb", buffering=0) as file:
            return AudioFile(stamp_of(path), hashlib.file_digest(file, "sha256").hexdigest())
    except _FaultError as fault:
        return AudioFile(fault=str(fault))


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return inode, bytes, and times of modification and change in ns: the same if not written."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_unchanged(path: Path, stamp: tuple[int, ...]) -> bool:
    """Return whether a file is there and was not written since `stamp_of` gave this stamp."""
    try:
        return stamp_of(path) == stamp
    except OSError:
        return False


def unreadable(path: Path, fault: str, more: int = 0) -> str:
    """Return the words that refuse a file, and as many more."""
    others = f" and {more} more like it" if more else ""
    return (
        f"{path}: expected a WAV, FLAC or OGG clip, found {fault}{others} - "
        "repair or remove it, or pass --skip-bad to go on without it"
    )


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Turn what the system and libsndfile raise into a fault."""
    try:
        yield
    except FileNotFoundError as error:
        raise _FaultError("no such file") from error
    except PermissionError as error:
        raise _FaultError("one that you may not read (chmod u+r lets you)") from error
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        text = getattr(error, "error_string", None) or getattr(error, "strerror", None)
        reason = (text or str(error)).strip().removeprefix("Error : ").rstrip(".").lower()
        raise _FaultError(f"something else ({reason})") from error


@contextlib.contextmanager
def _mp3_is_quiet() -> Iterator[None]:
    """Keep stderr from libmpg123, which writes there of frames before a place that was sought.

    They are not asked for; what is, is decoded as from the start of the file.
    """
    with _STDERR, contextlib.ExitStack() as stack:
        for descriptor in (kept := os.dup(2), null := os.open(os.devnull, os.O_WRONLY)):
            stack.callback(os.close, descriptor)
        os.dup2(null, 2)
        stack.callback(os.dup2, kept, 2)
        yield


def _sound_in(file: FileIO) -> soundfile.SoundFile:
    """Read the header of a file, and hold it against the bytes that are there."""
    if file.seek(0, os.SEEK_END) == 0:
        raise _FaultError("an empty file")
    file.seek(0)
    sound = soundfile.SoundFile(file.fileno(), closefd=False)
    if sound.frames < 1 and (whole := _with_size(file)):
        sound = soundfile.SoundFile(whole)
    if sound.frames < 1:
        raise _FaultError("no samples")
    place = file.tell()  # libsndfile goes on here: it shares the place of a file without buffer
    if sound.format == "OGG" and _ogg_is_cut_off(file):
        raise _FaultError("a file that was cut off, its last page is not complete")
    _, announced, there = _wav_bytes(file) if sound.format in ("WAV", "WAVEX") else (0, 0, 0)
    if announced < _PIPED_BYTES and there < _WHOLE * announced:
        raise _FaultError(f"one that breaks off ({there} of {announced} bytes of samples)")
    file.seek(place)
    return sound


def _check_samples(sound: soundfile.SoundFile) -> tuple[float, float]:
    """Decode all samples; return their peak and the highest frequency that holds energy."""
    found, peaks, spectrum = 0, [], Spectrum(sound.samplerate, sound.subtype)
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        found += len(block)
        peaks.append(np.abs(block).max())
        spectrum.add(block.mean(axis=1), alone=found == len(block))
    peak = float(np.max(peaks, initial=0))
    _check_read(found, sound.frames, peak)
    return peak, spectrum.highest_hz


def _check_read(found: int, expected: int, peak: float) -> None:
    if found == 0:
        raise _FaultError("no samples")
    if found < expected - _LONGEST_CODEC_BLOCK:
        raise _FaultError(f"{found} of {expected} samples")
    if not math.isfinite(peak):
        raise _FaultError("samples that are not finite")
    if peak > _LOUDEST:
        raise _FaultError(f"samples as large as {peak:.2g}, where full scale is 1")


def _wav_bytes(file: FileIO) -> tuple[int, int, int]:
    """Return where a RIFF file's samples begin, how many bytes it announces and how many follow."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(12)[:4] != b"RIFF":
        return 0, 0, 0
    while len(chunk := file.read(8)) == 8:
        name, announced = struct.unpack("<4sI", chunk)
        if name == b"data":
            return file.tell(), announced, size - file.tell()
        file.seek(announced + announced % 2, os.SEEK_CUR)
    return 0, 0, 0


def _with_size(file: FileIO) -> BytesIO | None:
    """Return a WAV file that announces no samples, as recorders do that write into a pipe, mended.

    None if no samples follow: nothing, or only chunks, each of a name, its size and so many bytes.
    """
    start, announced, there = _wav_bytes(file)
    if announced or not there:
        return None
    file.seek(0)
    content = bytearray(file.read())
    place = start
    while place + 8 <= len(content):
        size = struct.unpack_from("<I", content, place + 4)[0]
        place += 8 + size + size % 2
    if place == len(content):
        return None
    content[start - 4 : start] = struct.pack("<I", min(there, _PIPED_BYTES))
    return BytesIO(content)


def _ogg_is_cut_off(file: FileIO) -> bool:
    """Return whether the last page of an OGG file ends behind the end of the file.

    A page (RFC 3533, section 6) is "OggS", 22 bytes of header, the number of segments, a length for
    each and the segments. A cut exactly between two pages is not noticed; what stands behind the
    last page, such as a tag, is passed over.
    """
    size = file.seek(0, os.SEEK_END)
    place = 0
    while place < size:
        file.seek(place)
        header = file.read(27)
        if header[:4] != b"OggS"[: len(header)]:
            return False
        lengths = file.read(header[-1]) if len(header) == 27 else b""
        if len(header) < 27 or len(lengths) < header[-1]:
            return True
        place += 27 + len(lengths) + sum(lengths)
    return place > size


def _in_threads(
    function: Callable[[Path], AudioFile], paths: Sequence[Path]
) -> tuple[AudioFile, ...]:
    """Map over threads; each takes several files at a time, since known ones take no time."""
    size = max(1, min(_MOST_AT_A_TIME, len(paths) // (_SHARES * _THREADS)))
    parts = [paths[start : start + size] for start in range(0, len(paths), size)]
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda part: [function(path) for path in part], parts)
        return tuple(chain.from_iterable(found))


def _unchanged(known: Mapping[str, AudioFile], path: Path) -> AudioFile | None:
    """Return what is known of a file, if it is still the same."""
    found = known.get(str(path))
    return found if found and is_unchanged(path, found.stamp) else None


def _index_path(root: Path, cache: Path | None) -> Path:
    # Another decoder may find other faults, and another version of this file other facts.
    name = digest(
        os.fsencode(f"{_VERSION} {soundfile.__libsndfile_version__} {root.absolute()}"), 32
    )
    return (cache or cache_folder()) / "clips" / f"{name}.json"


def _read(index: Path) -> dict[str, AudioFile]:
    """Read what was remembered; nothing where that is damaged or was written otherwise."""
    try:
        known = json.loads(index.read_text(encoding="utf-8"), object_hook=_file_or_all)
        return {path: file for path, file in known.items() if isinstance(file, AudioFile)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file_or_all(values: dict[str, Any]) -> AudioFile | dict[str, Any]:
    """Return what is known of a file as soon as it is read: as a table it takes more memory."""
    if "stamp" not in values:  # the table of all, by absolute path
        return values
    return AudioFile(**{**values, "stamp": tuple(values["stamp"])})


def _write(index: Path, known: Mapping[str, AudioFile]) -> None:
    """Write what is remembered as one JSON object, file by file: as a whole it would be large."""
    index.parent.mkdir(parents=True, exist_ok=True)
    with open_atomically(index) as stream:
        stream.write(b"{")
        for number, (path, file) in enumerate(known.items()):
            values = {name: getattr(file, name) for name in AudioFile.__slots__}
            before = ", " if number else ""
            stream.write(f"{before}{json.dumps(path)}: {json.dumps(values)}".encode())
        stream.write(b"}")
