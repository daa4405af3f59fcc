import os
import time

import pytest

from nas_asc import clip_index
from nas_asc.clip_index import ClipIndex
from nas_asc.errors import DatasetError
from nas_asc.feature_cache import FeatureCache

# sha256 of b"abc", from FIPS 180-2
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A file old enough to be remembered."""
    monkeypatch.setattr(clip_index, "_YOUNG_NS", 0)
    path = tmp_path / "clip.wav"
    path.write_bytes(b"abc")
    return path


def digests(cache, *paths):
    return [record.digest for record in ClipIndex(cache, paths[0].parent).look_up(paths, 2)]


def test_a_file_is_known_by_its_bytes(cache, clip):
    assert digests(cache, clip) == [ABC]


def test_a_file_that_did_not_change_is_not_read_again(cache, clip, monkeypatch):
    digests(cache, clip)
    monkeypatch.setattr(clip_index.hashlib, "file_digest", None)

    assert digests(cache, clip) == [ABC]


def test_new_bytes_of_the_same_size_and_time_are_noticed(cache, clip):
    digests(cache, clip)
    status = clip.stat()
    clip.write_bytes(b"xyz")
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert digests(cache, clip) != [ABC]


def test_a_file_moved_into_the_place_of_another_is_noticed(cache, clip, tmp_path):
    digests(cache, clip)
    status = clip.stat()
    other = tmp_path / "other.wav"
    other.write_bytes(b"xyz")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(clip)

    assert digests(cache, clip) != [ABC]


def test_a_file_changed_just_now_is_read_again(cache, clip, monkeypatch):
    monkeypatch.setattr(clip_index, "_YOUNG_NS", 10**12)
    digests(cache, clip)
    read = []
    file_digest = clip_index.hashlib.file_digest
    monkeypatch.setattr(
        clip_index.hashlib, "file_digest", lambda *given: read.append(1) or file_digest(*given)
    )

    digests(cache, clip)

    assert read == [1]
    assert time.time_ns() - clip.stat().st_mtime_ns < 10**12


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"stamp": [1]}}'])
def test_a_damaged_index_is_made_anew(cache, clip, damage):
    digests(cache, clip)
    (index,) = (cache.folder / "clips").iterdir()
    index.write_text(damage)

    assert digests(cache, clip) == [ABC]
    assert ABC in index.read_text()


def test_other_files_of_the_folder_stay_known(cache, clip):
    other = clip.with_name("other.wav")
    other.write_bytes(b"abc")
    digests(cache, clip)
    digests(cache, other)

    (index,) = (cache.folder / "clips").iterdir()
    assert index.read_text().count(ABC) == 2


def test_a_file_that_is_gone_is_named(cache, tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.wav: expected a clip, found no such file"):
        digests(cache, tmp_path / "gone.wav")


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, clip):
    (tmp_path / "file").write_text("in the way")

    assert digests(FeatureCache(tmp_path / "file"), clip) == [ABC]
