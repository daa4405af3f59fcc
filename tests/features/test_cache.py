import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from nas_asc.errors import NasAscError
from nas_asc.features.cache import FeatureCache, key_of
from nas_asc.files import cache_folder

SHAPE = (4, 250)  # 2000 bytes of values
VALUES = np.arange(1000, dtype=np.float16).reshape(4, 250)
FILE_BYTES = 2128  # and 128 of .npy header


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path)


def write(cache, key):
    with cache.create({key: SHAPE}) as append:
        for row in VALUES:
            append[key](row)


def names(cache):
    """Name the arrays that are there, with what is left of unfinished ones."""
    return sorted(path.name.split(".npy", 1)[0] for path in (cache.folder / "features").glob("*"))


def test_what_was_written_is_found_and_can_be_changed_without_harm(cache):
    assert cache.find("a", SHAPE) is None
    write(cache, "a")
    found = cache.find("a", SHAPE)
    assert np.array_equal(found, VALUES)
    found[:] = 7
    assert np.array_equal(cache.find("a", SHAPE), VALUES)


def test_keys_depend_on_values_and_not_on_order():
    assert key_of({"a": 1, "b": (2.0,)}) == key_of({"b": [2.0], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


@pytest.mark.parametrize(("rows", "error"), [(4, KeyboardInterrupt), (1, ValueError)])
def test_an_array_that_fails_or_lacks_rows_leaves_nothing(cache, rows, error):
    def fail():
        with cache.create({"a": SHAPE}) as append:
            append["a"](VALUES[:rows])
            if rows == 4:
                raise error

    with pytest.raises(error):
        fail()
    assert names(cache) == []


DAMAGE = {
    "cut short": lambda path: os.truncate(path, 1000),
    "empty": lambda path: os.truncate(path, 0),
    "cut in the header": lambda path: os.truncate(path, 20),
    "a pickle": lambda path: path.write_bytes(b"\x80\x04K\x01." * 400),
    "a zip": lambda path: path.write_bytes(b"PK\x03\x04" * 500),
    "of another shape": lambda path: np.save(path, VALUES.T),
    "of another type": lambda path: np.save(path, VALUES.astype(np.int16)),
    "of objects": lambda path: np.save(path, np.array([[None] * 250] * 4), allow_pickle=True),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_or_foreign_file_is_removed(cache, damage):
    write(cache, "a")
    damage(cache.folder / "features" / "a.npy")
    assert cache.find("a", SHAPE) is None
    assert names(cache) == []


def test_the_least_recently_used_are_evicted_and_stay_readable_to_who_has_them(cache):
    cache.limit_bytes = 3 * FILE_BYTES
    for key in "abc":
        write(cache, key)
    held = cache.find("b", SHAPE)
    for key, used_s in (("a", 1e9), ("b", 1e9 + 10), ("c", 1e9 + 20)):
        os.utime(cache.folder / "features" / f"{key}.npy", (used_s, used_s))
    cache.find("a", SHAPE)
    write(cache, "d")
    assert names(cache) == ["a", "c", "d"]
    assert np.array_equal(held, VALUES)


def test_room_is_a_quarter_of_the_limit(cache):
    cache.limit_bytes = 8000
    assert cache.has_room(SHAPE)
    assert not cache.has_room(SHAPE, SHAPE)
    cache.limit_bytes = 7999
    assert not cache.has_room(SHAPE)


WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from nas_asc.features.cache import FeatureCache
cache = FeatureCache(Path(sys.argv[1]))
with cache.lock("a"), cache.create({"a": (4, 250)}) as append:
    append["a"](np.zeros(250, np.float16))
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("key", ["a", "b"])
def test_what_a_killed_writer_leaves_is_removed(cache, key):
    command = [sys.executable, "-c", WRITER, str(cache.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "writing\n"
        write(cache, "c")
        assert names(cache) == ["a", "c"], "a living writer must be left alone"
        os.kill(writer.pid, signal.SIGKILL)

    assert cache.find("a", SHAPE) is None
    with cache.lock("a"):
        if key == "b":  # nobody asks for `a` again
            (left,) = (cache.folder / "features").glob("*.part*")
            os.utime(left, (1e9, 1e9))
        write(cache, key)
    assert names(cache) == [key, "c"]
    assert list((cache.folder / "locks").iterdir()) == []


def test_a_lock_is_held_by_one_at_a_time(cache):
    order = []

    def wait():
        with FeatureCache(cache.folder).lock("a"):
            order.append("second")

    with cache.lock("a"):
        other = threading.Thread(target=wait)
        other.start()
        other.join(0.2)
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_a_write_that_the_disk_refuses_is_one_line(cache):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    words = "expected a cache folder that can be read and .* set NAS_ASC_CACHE to another folder"
    try:
        with (
            pytest.raises(NasAscError, match=f"^{cache.folder}: {words}\\Z"),
            cache.create({"a": (100_000,)}) as append,
        ):
            append["a"](np.zeros(100_000, np.float16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(cache) == []


def test_a_folder_that_does_not_do_is_one_line(cache, tmp_path, monkeypatch):
    cache.limit_bytes = 1000
    with pytest.raises(NasAscError, match="at most 1000 bytes, found 2000 - set NAS_ASC_CACHE_B"):
        write(cache, "a")
    cache.limit_bytes = 10**9
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NasAscError, match="expected a cache folder that can be read and written"):
        write(FeatureCache(tmp_path / "file" / "cache"), "a")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1999))
    with pytest.raises(NasAscError, match="expected 2000 bytes free, found 1999 - free some"):
        write(cache, "a")


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (errno.EMFILE, "found too many open files", NasAscError),
        (errno.ENOMEM, "Cannot allocate memory", MemoryError),  # not the disk's: a trial's
    ],
)
def test_a_file_that_cannot_be_opened_now_is_not_removed(cache, monkeypatch, code, words, error):
    def refuse(*given, **options):
        raise OSError(code, os.strerror(code))

    write(cache, "a")
    monkeypatch.setattr("numpy.lib.format.open_memmap", refuse)
    with pytest.raises(error, match=words):
        cache.find("a", SHAPE)
    assert names(cache) == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_can_be_read(cache):
    write(cache, "a")
    (cache.folder / "features").chmod(0o500)
    try:
        assert cache.find("a", SHAPE) is not None
    finally:
        (cache.folder / "features").chmod(0o700)


def test_the_environment_names_folder_and_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "here"))
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", "12345")
    cache = FeatureCache()
    assert (cache.folder, cache.limit_bytes) == (tmp_path / "here", 12345)
    monkeypatch.delenv("NAS_ASC_CACHE")
    monkeypatch.delenv("NAS_ASC_CACHE_BYTES")
    assert (cache_folder().name, FeatureCache(tmp_path).limit_bytes) == ("nas-asc", 2**33)
    for text in ("", "8GB", "-1", "0", "1.5"):
        monkeypatch.setenv("NAS_ASC_CACHE_BYTES", text)
        with pytest.raises(NasAscError, match="expected a whole number of bytes"):
            FeatureCache(tmp_path)
