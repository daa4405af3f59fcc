import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nas_asc.errors import NasAscError
from nas_asc.feature_cache import FeatureCache, Layout, cache_folder, key_of, limit_bytes

LAYOUTS = {"features": Layout("<f2", (4, 250))}  # 2000 bytes of values
VALUES = np.arange(1000, dtype=np.float16).reshape(4, 250)
ENTRY_BYTES = 2128  # and 128 of .npy header


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path, 10**9)


def write(cache, key, values=VALUES):
    with cache.create({key: LAYOUTS}) as entries:
        for row in values:
            entries[key].append("features", row)


def keys(cache):
    return sorted(path.name for path in (cache.folder / "entries").glob("*"))


def leftovers(cache):
    return sorted(path.name for path in (cache.folder / "unfinished").glob("*"))


def age(cache, key, seconds):
    os.utime(cache.folder / "entries" / key, (1e9 - seconds, 1e9 - seconds))


def test_what_was_written_is_found(cache):
    write(cache, "a")

    assert np.array_equal(cache.find("a", LAYOUTS)["features"], VALUES)
    assert leftovers(cache) == []


def test_what_was_not_written_is_not_found(cache):
    assert cache.find("a", LAYOUTS) is None


def test_what_was_found_can_be_changed_without_harm(cache):
    write(cache, "a")
    found = cache.find("a", LAYOUTS)["features"]
    found[:] = 7

    assert np.array_equal(cache.find("a", LAYOUTS)["features"], VALUES)


def test_keys_depend_on_values_and_not_on_order():
    assert key_of({"a": 1, "b": (2.0,)}) == key_of({"b": [2.0], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_an_entry_that_fails_leaves_nothing(cache):
    def fail():
        with cache.create({"a": LAYOUTS}) as entries:
            entries["a"].append("features", VALUES)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert (keys(cache), leftovers(cache)) == ([], [])


def test_an_entry_with_rows_missing_is_our_mistake(cache):
    with pytest.raises(ValueError, match="expected 2128 bytes, got 628"):
        write(cache, "a", VALUES[:1])

    assert keys(cache) == []


DAMAGE = {
    "cut short": lambda path: os.truncate(path, 1000),
    "empty": lambda path: os.truncate(path, 0),
    "cut in the header": lambda path: os.truncate(path, 20),
    "garbage": lambda path: path.write_bytes(b"\x80\x04K\x01." * 400),
    "a zip": lambda path: path.write_bytes(b"PK\x03\x04" * 500),
    "of another shape": lambda path: np.save(path, VALUES.T),
    "of another type": lambda path: np.save(path, VALUES.astype(np.int16)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_removed(cache, damage):
    write(cache, "a")
    damage(cache.folder / "entries" / "a" / "features.npy")

    assert cache.find("a", LAYOUTS) is None
    assert keys(cache) == []


def test_the_least_recently_used_entries_are_evicted(tmp_path):
    cache = FeatureCache(tmp_path, 3 * ENTRY_BYTES)
    for key, seconds in (("a", 30), ("b", 20), ("c", 10)):
        write(cache, key)
        age(cache, key, seconds)
    cache.find("a", LAYOUTS)

    write(cache, "d")

    assert keys(cache) == ["a", "c", "d"]


def test_an_entry_in_use_here_is_not_evicted(tmp_path):
    cache = FeatureCache(tmp_path, 2 * ENTRY_BYTES)
    write(cache, "a")
    row = cache.find("a", LAYOUTS)["features"][1]
    age(cache, "a", 100)
    write(cache, "b")
    write(cache, "c")

    assert keys(cache) == ["a", "c"]
    assert np.array_equal(row, VALUES[1])

    del row
    write(cache, "d")

    assert keys(cache) == ["c", "d"]


def test_an_entry_removed_by_another_process_stays_readable(cache):
    write(cache, "a")
    found = cache.find("a", LAYOUTS)["features"]
    FeatureCache(cache.folder)._discard(cache.folder / "entries" / "a", "test")

    assert keys(cache) == []
    assert np.array_equal(found, VALUES)


def test_an_entry_above_the_limit_says_which_limit_to_raise(tmp_path):
    with pytest.raises(NasAscError, match="at most 1000 bytes, found 2000 - set NAS_ASC_CACHE_B"):
        write(FeatureCache(tmp_path, 1000), "a")


def test_room_is_a_quarter_of_the_limit(tmp_path):
    assert FeatureCache(tmp_path, 8000).has_room(LAYOUTS)
    assert not FeatureCache(tmp_path, 7999).has_room(LAYOUTS)
    assert not FeatureCache(tmp_path, 8000).has_room(LAYOUTS, LAYOUTS)


def test_two_writers_of_one_entry_agree(cache):
    with cache.create({"a": LAYOUTS}) as mine:
        mine["a"].append("features", VALUES)
        write(cache, "a")

    assert np.array_equal(cache.find("a", LAYOUTS)["features"], VALUES)
    assert leftovers(cache) == []


KILLED_WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from nas_asc.feature_cache import FeatureCache, Layout
cache = FeatureCache(Path(sys.argv[1]))
with cache.lock("a"), cache.create({"a": {"features": Layout("<f2", (4, 250))}}) as entries:
    entries["a"].append("features", np.zeros(250, np.float16))
    print("writing", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_writer_leaves_is_cleaned(cache):
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(cache.folder)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout.readline() == "writing\n"
        assert len(leftovers(cache)) == 2
        write(cache, "b")
        assert len(leftovers(cache)) == 2, "a living writer must be left alone"
        os.kill(writer.pid, signal.SIGKILL)

    assert cache.find("a", LAYOUTS) is None
    with cache.lock("a"):
        write(cache, "a")
    assert keys(cache) == ["a", "b"]
    assert leftovers(cache) == []
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


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from nas_asc.errors import NasAscError
from nas_asc.feature_cache import FeatureCache, Layout
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
cache = FeatureCache(Path(sys.argv[1]))
try:
    with cache.create({"a": {"features": Layout("<f2", (100_000,))}}) as entries:
        entries["a"].append("features", np.zeros(100_000, np.float16))
except NasAscError as error:
    print(error)
"""


def test_a_write_that_the_disk_refuses_is_one_line(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert result.stdout.startswith(
        f"{tmp_path}: expected a cache folder that can be read and written"
    )
    assert result.stdout.endswith("or set NAS_ASC_CACHE to another folder\n")
    assert result.stdout.count("\n") == 1
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_a_disk_without_room_is_noticed_before_anything_is_written(cache, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1999))

    with pytest.raises(NasAscError, match="expected 2000 bytes free, found 1999 - free some"):
        write(cache, "a")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(NasAscError, match="expected a cache folder that can be read and written"):
        write(FeatureCache(tmp_path / "file" / "cache"), "a")


def test_an_entry_that_cannot_be_opened_now_is_not_removed(cache, monkeypatch):
    def refuse(*given, **options):
        raise OSError(errno.EMFILE, "Too many open files")

    write(cache, "a")
    monkeypatch.setattr("numpy.lib.format.open_memmap", refuse)

    with pytest.raises(NasAscError, match="found too many open files"):
        cache.find("a", LAYOUTS)
    assert keys(cache) == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_can_be_read(cache):
    write(cache, "a")
    (cache.folder / "entries").chmod(0o500)
    try:
        assert cache.find("a", LAYOUTS) is not None
    finally:
        (cache.folder / "entries").chmod(0o700)


def test_the_environment_names_folder_and_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "here"))
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", "12345")

    cache = FeatureCache()

    assert (cache.folder, cache.limit_bytes) == (tmp_path / "here", 12345)


def test_the_user_folder_and_8_gib_are_the_default(monkeypatch):
    monkeypatch.delenv("NAS_ASC_CACHE", raising=False)
    monkeypatch.delenv("NAS_ASC_CACHE_BYTES", raising=False)

    assert cache_folder().name == "nas-asc"
    assert limit_bytes() == 2**33


@pytest.mark.parametrize("text", ["", "8GB", "-1", "0", "1.5"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("NAS_ASC_CACHE_BYTES", text)

    with pytest.raises(NasAscError, match="expected a whole number of bytes"):
        FeatureCache(Path("anywhere"))
