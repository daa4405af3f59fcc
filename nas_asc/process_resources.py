"""The threads and the memory of a process, while torch computes much of the same."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of options in malloc.h
_NEVER = 2**31 - 1


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """Let torch use one thread here and in threads started meanwhile; yields how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


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
