"""The C library's memory allocator, told to keep what a training frees.

By default glibc gives the memory of each large tensor back to the system when it is freed, and the
system hands it out anew in pages that it first fills with zeros: for a network of deepsound-64's
size that is a tenth to a third of a training step.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of options in malloc.h
_NEVER = 2**31 - 1


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory in the process for the length of a `with` block; give it back at its end.

    Does nothing where the C library is not glibc. The choice itself stays: tensors made later in
    this process also come from the heap, which only costs anything in a process that shrinks.
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
