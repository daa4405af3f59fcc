"""The only decoder: formats, files that cannot be used, what a check finds and is remembered."""

import errno
import hashlib
import json
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nas_asc.datasets import check, decode, decoding, hash_files, load_dataset
from nas_asc.datasets.decoding import _ogg_is_cut_off, check_file, check_files
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

FORMATS = [
    ("clip.wav", "PCM_16", 2**-15),
    ("clip.wav", "PCM_24", 2**-23),
    ("clip.wav", "FLOAT", 0),
    ("clip.flac", "PCM_16", 2**-15),
    ("clip.flac", "PCM_24", 2**-23),
    ("clip.ogg", "VORBIS", 0.05),
]


def sine(frequency_hz, rate_hz, seconds=1.0, channels=1):
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * frequency_hz * time), (channels, 1)).astype(np.float32)


def write(path, waveform, rate_hz, subtype="PCM_16"):
    soundfile.write(path, waveform.T, rate_hz, subtype=subtype)
    return path


def noise(seconds=3, rate_hz=44100):
    return np.random.default_rng(0).normal(0, 0.1, (1, seconds * rate_hz)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("name", "subtype", "tolerance"), FORMATS)
def test_every_format_is_decoded_and_checked(tmp_path, name, subtype, tolerance, channels):
    waveform = sine(440, 32000, channels=channels)
    path = write(tmp_path / name, waveform, 32000, subtype)

    decoded, rate_hz = decode(path)
    assert rate_hz == 32000
    assert (decoded.dtype, decoded.shape) == (np.float32, (channels, 32000))
    np.testing.assert_allclose(decoded, waveform, atol=tolerance)

    file = check_file(path)
    facts = (file.fault, file.sample_rate_hz, file.channels, file.samples)
    assert facts == ("", 32000, channels, 32000)
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.peak == pytest.approx(0.5, abs=tolerance + 1e-4)


def test_no_more_is_decoded_than_asked_for(tmp_path):
    path = write(tmp_path / "long.wav", sine(440, 8000, seconds=10), 8000)
    assert decode(path, most_s=1)[0].shape == (1, 8800)


@pytest.mark.parametrize("seconds", [0.05, 3])
def test_the_highest_frequency_with_energy_is_found_in_a_file_of_a_higher_rate(tmp_path, seconds):
    samples = round(seconds * 44100)
    bins = np.fft.rfft(np.random.default_rng(0).normal(size=samples))
    bins[np.fft.rfftfreq(samples, 1 / 44100) > 4000] = 0
    limited = (0.05 * np.fft.irfft(bins, samples)).astype(np.float32)
    file = check_file(write(tmp_path / "limited.wav", limited[None], 44100, "PCM_24"))
    assert file.highest_hz == pytest.approx(4000, rel=0.15)
    assert check_file(write(tmp_path / "full.wav", noise(1), 44100)).highest_hz > 22000


NO_SAMPLES = np.zeros((1, 0), dtype=np.float32)
NOT_FINITE = np.array([[0.5, np.inf, -np.inf]], dtype=np.float32)
# What is found, and what made it so.
FAULTS = {
    "something else (format not recognised)": lambda path: path.write_bytes(b"no sound" * 100),
    "an empty file": Path.touch,
    "no such file": lambda path: None,
    "something else (is a directory)": Path.mkdir,
    "no samples": lambda path: write(path, NO_SAMPLES, 8000),
    "samples as large as 2e+38, where full scale is 1": lambda path: write(
        path, np.full((1, 3), 2e38, dtype=np.float32), 8000, "FLOAT"
    ),
    "samples that are not finite": lambda path: write(path, NOT_FINITE, 8000, "FLOAT"),
    "one that breaks off (2000 of 264600 bytes of samples)": lambda path: os.truncate(
        write(path, noise(), 44100), 2044
    ),
}


@pytest.mark.parametrize(("fault", "spoil"), FAULTS.items(), ids=FAULTS)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path, spoil, fault):
    path = tmp_path / "bad.wav"
    spoil(path)
    with pytest.raises(DatasetError) as caught:
        decode(path)
    assert str(caught.value) == (
        f"{path}: expected a WAV, FLAC or OGG clip, found {fault} - "
        "repair or remove it, or pass --skip-bad to go on without it"
    )
    assert check_file(path).fault == fault


@pytest.mark.parametrize(("amplitude", "used"), [(32768, True), (65504, True), (65600, False)])
def test_samples_beyond_what_float16_holds_are_a_fault(tmp_path, amplitude, used):
    """16-bit integers that somebody wrote as floats are held: the largest float16 is 65504."""
    loud = np.full((1, 3), amplitude, dtype=np.float32)
    path = write(tmp_path / "loud.wav", loud, 8000, "FLOAT")
    assert (check_file(path).fault == "") is used


def test_a_clip_of_huge_samples_is_named_or_left_out_before_any_training(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(6):
            write(tmp_path / label / f"{number}.wav", noise(1, 8000), 8000, "FLOAT")
    huge = write(tmp_path / "a" / "3.wav", noise(1, 8000) * np.float32(1e29), 8000, "FLOAT")
    with pytest.raises(DatasetError, match=r"a/3\.wav: .* as large as [345].*e\+28, .* --skip-bad"):
        load_dataset(tmp_path)
    assert [f.text for f in check(tmp_path) if f.subject == "clip"] == [
        f"{huge}: cannot be read, found {check_file(huge).fault}"
    ]
    without = load_dataset(DataSource(paths=(str(tmp_path),), skip_bad=True))
    assert len(without.clips) == 11


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_file_that_was_piped_and_announces_no_samples_is_read(tmp_path, channels):
    waveform = sine(440, 8000, channels=channels)
    path = write(tmp_path / "piped.wav", waveform, 8000)
    content = path.read_bytes()
    for size in (0, 0xFFFFFFFF):
        four = size.to_bytes(4, "little")
        path.write_bytes(content[:4] + four + content[8:40] + four + content[44:])
        np.testing.assert_allclose(decode(path)[0], waveform, atol=2**-15)
        assert (check_file(path).fault, check_file(path).samples) == ("", 8000)
    path.write_bytes(content[:40] + bytes(4) + b"LIST" + b"\4\0\0\0" + b"INFO")
    assert check_file(path).fault == "no samples"


def test_a_file_without_read_permission_is_named_with_the_way_out(tmp_path, monkeypatch):
    """The refusal is the system's, which lets root read everything."""
    path = write(tmp_path / "closed.wav", sine(440, 8000), 8000)

    def refuse(self, *mode, **settings):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert "may not read (chmod u+r" in check_file(path).fault


@pytest.mark.parametrize("name", ["damaged.flac", "damaged.ogg"])
def test_a_clip_with_a_hole_is_not_decoded_to_less(tmp_path, name):
    path = write(tmp_path / name, noise(), 44100, None)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(1000) + content[middle + 1000 :])

    with pytest.raises(DatasetError, match=r"damaged\.\w+: expected .*, found .* - repair"):
        decode(path)
    assert check_file(path).fault


@pytest.fixture
def ogg(tmp_path):
    """Three seconds of noise: many pages."""
    path = write(tmp_path / "noise.ogg", noise(), 44100, None)
    assert path.read_bytes().count(b"OggS") > 3
    return path


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.999])
def test_an_ogg_file_that_was_cut_off_is_named(ogg, share):
    assert decode(ogg)[0].shape == (1, 3 * 44100)
    os.truncate(ogg, int(ogg.stat().st_size * share))
    with pytest.raises(DatasetError, match=r"noise\.ogg.*cut off"):
        decode(ogg)
    assert "cut off" in check_file(ogg, decode=False).fault


def test_a_cut_inside_a_page_is_noticed_and_nothing_else(ogg):
    whole = ogg.read_bytes()
    last, inside = whole.rindex(b"OggS"), len(whole) - 40
    for length in (len(whole) - 1, *(last + left for left in (2, 20, 27, 30))):
        assert _ogg_is_cut_off(BytesIO(whole[:length])), length
    for tail in (b"", b"\0", 5000 * b"\0", b"TAG" + 125 * b" "):
        assert not _ogg_is_cut_off(BytesIO(whole + tail))
    assert not _ogg_is_cut_off(BytesIO(whole[:inside] + b"OggS" + whole[inside + 4 :]))
    assert not _ogg_is_cut_off(BytesIO(b"RIFF" + whole))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A clip old enough to be remembered."""
    monkeypatch.setattr(decoding, "_YOUNG_NS", 0)
    return write(tmp_path / "clip.wav", noise(), 44100)


@pytest.fixture
def opened(monkeypatch):
    """List the files that are opened."""
    paths = []
    monkeypatch.setattr(decoding, "check_file", lambda p: paths.append(p) or check_file(p))
    return paths


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


def test_faults_are_remembered_but_files_that_are_gone_are_not(cache, clip, opened):
    clip.write_bytes(b"no sound")
    for _ in range(2):
        assert check_files(clip.parent, [clip], cache)[0].fault
    assert opened == [clip]
    clip.unlink()
    assert check_files(clip.parent, [clip], cache)[0].fault == "no such file"


@pytest.mark.parametrize("moved", [False, True])
def test_new_bytes_of_the_same_size_and_time_are_noticed(cache, clip, moved):
    (before,) = check_files(clip.parent, [clip], cache)
    status = clip.stat()
    write(clip.with_name("other.wav") if moved else clip, -noise(), 44100)
    if moved:
        clip.with_name("other.wav").replace(clip)
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))
    (after,) = check_files(clip.parent, [clip], cache)
    assert clip.stat().st_size == status.st_size
    assert after.digest not in (before.digest, "")


def test_a_file_changed_just_now_is_read_again(cache, clip, opened, monkeypatch):
    monkeypatch.setattr(decoding, "_YOUNG_NS", 10**12)
    for _ in range(2):
        check_files(clip.parent, [clip], cache)
    assert opened == [clip, clip]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"stamp": [1]}}'])
def test_a_damaged_index_is_made_anew(cache, clip, damage):
    (file,) = check_files(clip.parent, [clip], cache)
    (index,) = (cache / "clips").iterdir()
    index.write_text(damage)
    assert check_files(clip.parent, [clip], cache) == (file,)
    assert file.digest in index.read_text()


def test_other_files_of_the_folder_stay_known(cache, clip):
    other = write(clip.with_name("other.wav"), noise(), 44100)
    for path in (clip, other):
        check_files(clip.parent, [path], cache)
    (index,) = (cache / "clips").iterdir()
    assert json.loads(index.read_text()).keys() == {str(clip), str(other)}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, clip):
    (tmp_path / "file").write_text("in the way")
    assert check_files(clip.parent, [clip], tmp_path / "file") == (check_file(clip),)
