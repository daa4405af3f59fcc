"""What the header of each audio file says, read for all files at once.

A header costs about a millisecond; the samples behind it are decoded, and judged, with the
features.
"""

import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soundfile

_THREADS = 4
_WHOLE = 0.99  # some recorders announce a little more than they write
_UNKNOWN_BYTES = 0x7FFF0000  # so many or more are announced by programs that write into a pipe


@dataclass(frozen=True)
class Header:
    """Rate, channels and length of a file; `fault` says why it cannot be read, or is empty."""

    sample_rate_hz: int = 0
    channels: int = 0
    samples: int = 0
    fault: str = ""

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate_hz


def read_headers(paths: Sequence[Path]) -> tuple[Header, ...]:
    """Read the headers of files, in their order; a file that cannot be read has a fault."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(_read_header, paths))


def _read_header(path: Path) -> Header:
    if not path.is_file():
        return Header(fault="no such file")
    if path.stat().st_size == 0:
        return Header(fault="an empty file")
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", str(error))
        return Header(fault=f"something else ({reason.strip().rstrip('.').lower()})")
    if info.frames < 1:
        return Header(fault="no samples")
    announced, there = _wav_bytes(path) if info.format in ("WAV", "WAVEX") else (0, 0)
    if there < _WHOLE * announced:
        return Header(fault=f"one that breaks off ({there} of {announced} bytes of samples)")
    return Header(info.samplerate, info.channels, info.frames)


def _wav_bytes(path: Path) -> tuple[int, int]:
    """Give the bytes of samples that a RIFF header announces, and how many of them are there.

    A decoder reads what is there and says nothing, so that a copy that broke off looks whole.
    """
    with path.open("rb") as file:
        if file.read(12)[:4] != b"RIFF":
            return 0, 0
        while len(chunk := file.read(8)) == 8:
            name, announced = struct.unpack("<4sI", chunk)
            if name == b"data":
                there = path.stat().st_size - file.tell()
                return (announced if announced < _UNKNOWN_BYTES else 0), there
            file.seek(announced + announced % 2, os.SEEK_CUR)
    return 0, 0
