"""What a process holds of mapped arrays stays below a limit; their values stay as they are."""

import numpy as np
import pytest

from nas_asc.features.mapped_pages import MappedPages, mapped_bytes

MEBIBYTE = 1 << 20
ROWS = 64  # of a mebibyte each

pytestmark = pytest.mark.skipif(mapped_bytes() == 0, reason="the system does not tell")


@pytest.fixture
def array(tmp_path):
    path = tmp_path / "array.npy"
    np.save(path, np.repeat(np.arange(ROWS, dtype=np.float16), MEBIBYTE // 2))
    return np.load(path, mmap_mode="c").reshape(ROWS, -1)


def read(array, pages):
    """Read every row; return the most that was held meanwhile, and the sum of each row."""
    before, held, sums = mapped_bytes(), [], []
    for row in array:
        sums.append(row.sum(dtype=np.float64))
        held.append(mapped_bytes() - before)
        pages.limit()
    return max(held), sums


def test_what_was_read_is_let_go_of_once_it_is_much(array):
    expected = [row * MEBIBYTE / 2 for row in range(ROWS)]
    most, sums = read(array, MappedPages([array], most_bytes=8 * MEBIBYTE))
    assert sums == expected
    assert MEBIBYTE <= most < 24 * MEBIBYTE  # the system maps some more than is read
    again, sums = read(array, MappedPages([array], most_bytes=8 * MEBIBYTE))
    assert sums == expected
    assert again < 24 * MEBIBYTE


def test_arrays_below_the_limit_stay(array):
    most, _ = read(array, MappedPages([array], most_bytes=ROWS * MEBIBYTE + 4096))
    assert most >= ROWS * MEBIBYTE
    assert read(array, MappedPages([array], most_bytes=80 * MEBIBYTE))[0] < MEBIBYTE


def test_arrays_in_memory_are_left_alone():
    ones = np.ones(MEBIBYTE)
    MappedPages([ones], most_bytes=0).limit()
    assert ones.all()
