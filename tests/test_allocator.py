import platform
import resource

import pytest
import torch

from nas_asc import allocator
from nas_asc.allocator import kept_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_memory_that_is_freed_and_taken_again_brings_no_new_pages():
    megabytes_8 = 2_000_000
    with kept_memory():
        torch.ones(megabytes_8)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(50):
            torch.ones(megabytes_8)
        pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    anew = 50 * 8_000_000 / 4096
    assert pages < anew / 3


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr(allocator.ctypes, "CDLL", None)
    with kept_memory():
        assert torch.ones(3).sum() == 3
