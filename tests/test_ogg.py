"""OGG files that were cut off, as an interrupted download leaves them."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nas_asc.audio import decode
from nas_asc.errors import DatasetError
from nas_asc.ogg import is_cut_off


@pytest.fixture
def recording(tmp_path):
    """Three seconds of noise: many pages."""
    path = tmp_path / "noise.ogg"
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * 44100)
    soundfile.write(path, noise, 44100)
    return path


def test_a_whole_file_is_whole(recording):
    assert not is_cut_off(recording)
    assert decode(recording)[0].shape == (1, 3 * 44100)


def pages(path):
    return path.read_bytes().count(b"OggS")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_named(recording, share):
    assert pages(recording) > 3
    os.truncate(recording, int(recording.stat().st_size * share))
    assert is_cut_off(recording)
    with pytest.raises(DatasetError, match=r"noise\.ogg.*cut off"):
        decode(recording)


def test_one_byte_less_is_noticed(recording):
    os.truncate(recording, recording.stat().st_size - 1)
    assert is_cut_off(recording)


def test_a_mark_inside_a_segment_is_no_page(recording):
    whole = recording.read_bytes()
    place = len(whole) - 40  # inside the last segments
    recording.write_bytes(whole[:place] + b"OggS" + whole[place + 4 :])
    assert not is_cut_off(recording)


@pytest.mark.parametrize("tail", [b"\0", 5000 * b"\0", b"TAG" + 125 * b" "])
def test_what_stands_behind_the_last_page_is_no_cut(recording, tail):
    recording.write_bytes(recording.read_bytes() + tail)
    assert not is_cut_off(recording)
    assert decode(recording)[0].shape == (1, 3 * 44100)


@pytest.mark.parametrize("left", [2, 20, 27, 30])
def test_a_cut_inside_the_header_of_a_page_is_noticed(recording, left):
    place = recording.read_bytes().rindex(b"OggS")
    os.truncate(recording, place + left)
    assert is_cut_off(recording)


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.zeros(100), 8000)
    assert not is_cut_off(path)
    path.write_bytes(b"")
    assert not is_cut_off(path)


@pytest.mark.slow
@pytest.mark.data
def test_real_recordings_are_whole():
    recordings = sorted(Path(os.environ["NAS_ASC_DATA"]).rglob("*.ogg"))
    assert len(recordings) == 400
    assert not any(is_cut_off(path) for path in recordings)
