"""How much of mapped features a process holds.

The system can take back the memory of a mapped file that was only read. Until it does, that counts
as the process's own (unique set size) while no other process has mapped the same, and trainings
with different front ends do not: after an epoch a worker would hold all features of its front end,
however large. So what was read is let go of once it is much. It stays in the system's cache of
files, where reading it again costs some microseconds a clip.
"""

import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 27

_STATISTICS = Path("/proc/self/statm")


class MappedPages:
    """What this process holds of some mapped arrays, which it only reads.

    Where the system does not tell how much that is (other than Linux), nothing is let go of.
    """

    def __init__(self, arrays: Iterable[NDArray[np.generic]], most_bytes: int = MOST_BYTES) -> None:
        """Take the arrays that are mapped; those in memory are left alone."""
        self._maps = [each for each in map(_map_of, arrays) if each is not None]
        self._most_bytes = most_bytes
        self._too_large = sum(map(len, self._maps)) > most_bytes
        self._others_bytes = mapped_bytes()  # libraries, for the most part

    def limit(self) -> None:
        """Let go of the arrays if more than `most_bytes` of them was read: call it between reads.

        Arrays that are no larger together stay as they are. Changes made to the arrays are lost.
        """
        if self._too_large and mapped_bytes() - self._others_bytes > self._most_bytes:
            for each in self._maps:
                each.madvise(mmap.MADV_DONTNEED)
            self._others_bytes = mapped_bytes()


def mapped_bytes() -> int:
    """Return how much of mapped files this process holds; 0 where the system does not tell."""
    try:
        return int(_STATISTICS.read_bytes().split()[2]) * mmap.PAGESIZE
    except OSError:
        return 0


def _map_of(array: object) -> mmap.mmap | None:
    """Return the map that an array lies in."""
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
