"""From a sound file to samples, and what a check of the whole file finds; the only decoder.

Conventions: a waveform is float32, (channels, samples), full scale at 1. A function opens its file
once. libsndfile takes a WAV or OGG file that was cut off for a shorter clip, and says nothing; so
the bytes that such a file announces are counted here.
"""

import hashlib
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from nas_asc.errors import DatasetError

Waveform = NDArray[np.float32]

_BLOCK = 1 << 16  # samples that are checked at a time, a multiple of the spectrum's
_SPECTRUM = 1 << 12
_EMPTY_DB = 100.0  # below its loudest bin a spectrum is taken for empty: resampling leaves that
_LONGEST_CODEC_BLOCK = 8192  # some encoders announce up to one more than they wrote
_WHOLE = 0.99  # some recorders announce a little more than they write
_PIPED_BYTES = 0x7FFF0000  # so many or more are announced by programs that write into a pipe


@dataclass(frozen=True)
class AudioFile:
    """What a check of a sound file found.

    Attributes:
        stamp: inode, bytes, and the times of modification and change in ns; while they stay the
            same nothing was written.
        digest: the SHA-256 of its bytes.
        fault: what there is instead of sound that can be decoded; empty where nothing is wrong.
        decoded: whether its samples were looked at, or need not be; if not, `peak` and `highest_hz`
            are 0.
        peak: the largest magnitude of a sample.
        highest_hz: the highest frequency that holds energy.
    """

    stamp: tuple[int, ...] = ()
    digest: str = ""
    fault: str = ""
    decoded: bool = False
    sample_rate_hz: int = 0
    channels: int = 0
    samples: int = 0
    peak: float = 0.0
    highest_hz: float = 0.0

    @property
    def decodable(self) -> bool:
        """Whether it can be used."""
        return not self.fault

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate_hz


class _FaultError(Exception):
    """A file that cannot be used; its text is what there is instead of sound."""


def decode(path: Path, most_s: float = math.inf) -> tuple[Waveform, int]:
    """Decode a sound file.

    Args:
        path: of the file.
        most_s: how many seconds are wanted; a little more is decoded, for the resampling filter.

    Returns:
        The waveform and its sample rate in Hz.

    Raises:
        DatasetError: it cannot be decoded, is cut short, or holds no or non-finite samples.
    """
    try:
        with _faults(), path.open("rb", buffering=0) as file, _sound_in(file) as sound:
            wanted = sound.frames
            if math.isfinite(most_s):
                wanted = min(wanted, math.ceil((most_s + 0.1) * sound.samplerate))
            interleaved = sound.read(wanted, dtype="float32", always_2d=True)
            _check_length(len(interleaved), wanted)
            _check_finite(float(np.abs(interleaved).max()))
            return np.ascontiguousarray(interleaved.T), sound.samplerate
    except _FaultError as fault:
        raise DatasetError(unreadable(path, str(fault))) from fault


def check_file(path: Path, decode: bool = True) -> AudioFile:
    """Check a sound file: its header, its bytes and, if `decode`, all its samples."""
    stamp: tuple[int, ...] = ()
    digest = ""
    try:
        with _faults(), path.open("rb", buffering=0) as file:
            stamp = stamp_of(path)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            with _sound_in(file) as sound:
                peak, highest_hz = _check_samples(sound) if decode else (0.0, 0.0)
                facts = (sound.samplerate, sound.channels, sound.frames)
                return AudioFile(stamp, digest, "", decode, *facts, peak, highest_hz)
    except _FaultError as fault:
        return AudioFile(stamp, digest, str(fault), decoded=True)


def hash_file(path: Path) -> AudioFile:
    """Hash the bytes of a file, whatever it holds."""
    try:
        with _faults(), path.open("rb", buffering=0) as file:
            stamp = stamp_of(path)
            return AudioFile(stamp, hashlib.file_digest(file, "sha256").hexdigest())
    except _FaultError as fault:
        return AudioFile(fault=str(fault))


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return the stamp of a file.

    Raises:
        OSError: it is absent or cannot be read.
    """
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def unreadable(path: Path, fault: str, more: int = 0) -> str:
    """Write the refusal of a file, and of as many more."""
    others = f" and {more} more like it" if more else ""
    return (
        f"{path}: expected a WAV, FLAC or OGG clip, found {fault}{others} - "
        "repair or remove it, or pass --skip-bad to go on without it"
    )


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what the system and libsndfile raise into a fault."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise _FaultError(_reason(error)) from error


def _sound_in(file: FileIO) -> soundfile.SoundFile:
    """Read the header of a file, and hold it against the bytes that are there."""
    if file.seek(0, os.SEEK_END) == 0:
        raise _FaultError("an empty file")
    file.seek(0)
    sound = soundfile.SoundFile(file.fileno(), closefd=False)
    if sound.frames < 1:
        raise _FaultError("no samples")
    place = file.tell()  # libsndfile goes on here: it shares the place of a file without buffer
    _check_whole(file, sound.format)
    file.seek(place)
    return sound


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return f"something else ({text.strip().removeprefix('Error : ').rstrip('.').lower()})"


def _check_samples(sound: soundfile.SoundFile) -> tuple[float, float]:
    """Decode all samples; return their peak and the highest frequency that holds energy."""
    found, peaks, power = 0, [], np.zeros(_SPECTRUM // 2 + 1)
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        found += len(block)
        peaks.append(np.abs(block).max())
        power += _power(block.mean(axis=1), alone=found == len(block))
    _check_length(found, sound.frames)
    peak = float(np.max(peaks))
    _check_finite(peak)
    holds = np.flatnonzero(power > power.max() * 10 ** (-_EMPTY_DB / 10))
    return peak, float(holds[-1]) * sound.samplerate / _SPECTRUM if holds.size else 0.0


@np.errstate(all="ignore")  # samples without bounds
def _power(samples: NDArray[np.float32], alone: bool) -> NDArray[np.float64]:
    """Sum the power spectra of what fills one; of the rest only if nothing else stands there."""
    length = min(len(samples), _SPECTRUM) if alone else _SPECTRUM
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    window = np.hanning(length).astype(np.float32)
    power: NDArray[np.float64] = (np.abs(np.fft.rfft(frames * window, _SPECTRUM)) ** 2).sum(
        axis=0, dtype=np.float64
    )
    return power


def _check_length(found: int, expected: int) -> None:
    if found == 0:
        raise _FaultError("no samples")
    if found < expected - _LONGEST_CODEC_BLOCK:
        raise _FaultError(f"{found} of {expected} samples")


def _check_finite(peak: float) -> None:
    if not math.isfinite(peak):
        raise _FaultError("samples that are not finite")


def _check_whole(file: FileIO, kind: str) -> None:
    if kind == "OGG" and _ogg_is_cut_off(file):
        raise _FaultError("a file that was cut off, its last page is not complete")
    announced, there = _wav_bytes(file) if kind in ("WAV", "WAVEX") else (0, 0)
    if there < _WHOLE * announced:
        raise _FaultError(f"one that breaks off ({there} of {announced} bytes of samples)")


def _wav_bytes(file: FileIO) -> tuple[int, int]:
    """Count the bytes of samples that a RIFF header announces, and those that are there."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(12)[:4] != b"RIFF":
        return 0, 0
    while len(chunk := file.read(8)) == 8:
        name, announced = struct.unpack("<4sI", chunk)
        if name == b"data":
            return (announced if announced < _PIPED_BYTES else 0), size - file.tell()
        file.seek(announced + announced % 2, os.SEEK_CUR)
    return 0, 0


def _ogg_is_cut_off(file: FileIO) -> bool:
    """Tell whether the last page of an OGG file ends behind the end of the file.

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
