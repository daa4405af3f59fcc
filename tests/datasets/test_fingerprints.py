import json
import os

import numpy as np
import pytest
import soundfile

from nas_asc.datasets import check_files, fingerprints, hash_files
from nas_asc.datasets.decoding import check_file


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A clip old enough to be remembered."""
    monkeypatch.setattr(fingerprints, "_YOUNG_NS", 0)
    return write(tmp_path / "clip.wav", 1)


@pytest.fixture
def opened(monkeypatch):
    """List the files that are opened."""
    paths = []
    monkeypatch.setattr(
        fingerprints,
        "check_file",
        lambda path, decode: paths.append(path) or check_file(path, decode),
    )
    return paths


def write(path, seed):
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, 100), 8000)
    return path


def index_of(cache):
    (index,) = (cache / "clips").iterdir()
    return index


def test_a_file_that_did_not_change_is_not_opened_again(cache, clip, opened):
    first = check_files(clip.parent, [clip], cache)
    assert first == (check_file(clip),)
    assert check_files(clip.parent, [clip], cache) == first
    assert opened == [clip]


def test_a_file_that_nobody_checked_is_hashed(cache, clip):
    (hashed,) = hash_files(clip.parent, [clip], cache)
    (checked,) = check_files(clip.parent, [clip], cache)
    assert (hashed.digest, hashed.stamp) == (checked.digest, checked.stamp)
    assert hash_files(clip.parent, [clip], cache) == (checked,)
    assert hash_files(clip.parent, [clip.with_name("gone")], cache)[0].fault == "no such file"


def test_a_file_of_a_good_header_is_decoded_when_that_is_asked_for(cache, clip, opened):
    for decode in (False, False, True, False, True):
        (file,) = check_files(clip.parent, [clip], cache, decode=decode)
        assert file.digest == check_file(clip).digest
    assert (file.decoded, file.peak > 0, opened) == (True, True, [clip, clip])


def test_a_fault_is_remembered_too(cache, clip, opened):
    clip.write_bytes(b"no sound")
    for _ in range(2):
        assert not check_files(clip.parent, [clip], cache)[0].decodable
    assert opened == [clip]


def rewrite(clip, other):
    write(clip, 2)


def move(clip, other):
    write(other, 2).replace(clip)


@pytest.mark.parametrize("change", [rewrite, move])
def test_new_bytes_of_the_same_size_and_time_are_noticed(cache, clip, change):
    (before,) = check_files(clip.parent, [clip], cache)
    status = clip.stat()
    change(clip, clip.with_name("other.wav"))
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))

    (after,) = check_files(clip.parent, [clip], cache)
    assert clip.stat().st_size == status.st_size
    assert after.digest not in (before.digest, "")


def test_a_file_changed_just_now_is_read_again(cache, clip, opened, monkeypatch):
    monkeypatch.setattr(fingerprints, "_YOUNG_NS", 10**12)
    for _ in range(2):
        check_files(clip.parent, [clip], cache)
    assert opened == [clip, clip]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"stamp": [1]}}'])
def test_a_damaged_index_is_made_anew(cache, clip, damage):
    (file,) = check_files(clip.parent, [clip], cache)
    index_of(cache).write_text(damage)
    assert check_files(clip.parent, [clip], cache) == (file,)
    assert file.digest in index_of(cache).read_text()


def test_other_files_of_the_folder_stay_known(cache, clip):
    other = write(clip.with_name("other.wav"), 2)
    for path in (clip, other):
        check_files(clip.parent, [path], cache)
    assert json.loads(index_of(cache).read_text()).keys() == {str(clip), str(other)}


def test_a_file_that_is_gone_is_told(cache, clip):
    check_files(clip.parent, [clip], cache)
    clip.unlink()
    assert check_files(clip.parent, [clip], cache)[0].fault == "no such file"


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, clip):
    (tmp_path / "file").write_text("in the way")
    assert check_files(clip.parent, [clip], tmp_path / "file") == (check_file(clip),)
