"""The C library's memory allocator, told to keep what is freed while tensors come and go.

Conventions: this is about speed alone; no result depends on it. It is asked for around the passes
over all clips and around a training, in the process that does them, and nowhere else.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of options in malloc.h
_NEVER = 2**31 - 1


@contextmanager
def malloc_keeps_memory() -> Iterator[None]:
    """Keep freed memory in the process for the length of a `with` block; give it back at its end.

    By default glibc gives the memory of each large tensor back to the system when it is freed, and
    the system hands it out anew in pages that it first fills with zeros: for a network of
    deepsound-64's size that is a tenth to a third of a training step. Does nothing with another C
    library. The choice itself stays: tensors made later in this process also come from the heap,
    which only costs anything in a process that shrinks.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        libc.malloc_trim(0)
