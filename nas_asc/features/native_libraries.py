"""What native libraries are asked for: torchaudio's extension, glibc's allocator, torch's threads.

torchaudio 2.11 is the last release, and its wheel is linked against one CUDA version: beside a
CPU-only torch its extension fails with OSError, beside a torch of a newer CUDA with RuntimeError,
and either kills `import torchaudio`. What this project uses (mel filters, windows, resampling,
masking) is pure torch. So the rest of the package takes `torchaudio` from here: as it is installed,
or, only where the extension itself failed, one whose `lfilter` and `overdrive` run in Python and
which has no `forced_align`.

Allocator and threads are about speed alone; no result depends on them.
"""

import ctypes
import importlib
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

_EXTENSION = "torchaudio._extension"
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of options in malloc.h
_NEVER = 2**31 - 1
_MADV_HUGEPAGE = 14  # in mman.h
_LARGE_PAGE, _LARGE_PAGES = 1 << 21, 512  # bytes, and how many: a gigabyte


@contextmanager
def malloc_keeps_memory() -> Iterator[None]:
    """Keep freed memory in the process for the length of a `with` block; give it back at its end.

    By default glibc gives the memory of each large tensor back to the system, which hands it out
    anew in pages filled with zeros: for a network of deepsound-64's size a tenth to a third of a
    training step. What the heap grows by is asked for in large pages, of which a processor has to
    look up fewer: in float32 another fifteenth to a seventh. Does nothing with another C library.
    The choice itself stays: tensors made later also come from the heap, which only costs anything
    in a process that shrinks.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    _ask_for_large_pages(libc)
    try:
        yield
    finally:
        libc.malloc_trim(0)


def _ask_for_large_pages(libc: ctypes.CDLL) -> None:
    """Have the system back the next gigabyte of the heap by large pages, once it is written to.

    Linux leaves them to who asks ("madvise") on most machines, and glibc only does if an
    environment variable said so when the process began. Memory that is never used is never taken.
    """
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    address = libc.malloc((_LARGE_PAGES + 1) * _LARGE_PAGE)
    if address:
        first = -(-address // _LARGE_PAGE) * _LARGE_PAGE
        libc.madvise(first, _LARGE_PAGES * _LARGE_PAGE, _MADV_HUGEPAGE)  # or else small ones
        libc.free(address)


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """Limit torch to one thread here and in threads started meanwhile; yield how many it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def import_torchaudio() -> tuple[ModuleType, bool]:
    """Import torchaudio; also return whether its native extension is loaded.

    ImportError, OSError or RuntimeError where they did not come from the extension.
    """
    before = set(sys.modules)
    try:
        module = importlib.import_module("torchaudio")
    except (OSError, RuntimeError) as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not any(_belongs(str(frame.f_globals.get("__name__")), _EXTENSION) for frame in frames):
            raise
        for name in set(sys.modules) - before:
            if _belongs(name, "torchaudio"):  # left half made
                del sys.modules[name]
        sys.modules[_EXTENSION] = _stand_in()
        module = importlib.import_module("torchaudio")
    return module, bool(sys.modules[_EXTENSION]._IS_TORCHAUDIO_EXT_AVAILABLE)


def _belongs(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def _stand_in() -> ModuleType:
    """Build what the rest of torchaudio 2.11 asks of its `_extension` module."""
    module = ModuleType(_EXTENSION, "Stand-in for the native extension, which cannot load here.")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        _load_lib=lambda _: False,
        fail_if_no_align=lambda function: function,  # it fails by itself
    )
    return module


torchaudio, NATIVE = import_torchaudio()
