"""Labels and speakers in file names, and clips that are put into a split by them."""

from itertools import product
from pathlib import PurePosixPath

import pytest
from made_folders import DIGITS, notes_of, refusal, splits_of, write_clip

from nas_asc.datasets import load_dataset
from nas_asc.datasets.names import parse_names
from nas_asc.errors import ConfigError
from nas_asc.study import DataSource


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def digits(tmp_path):
    """Return a flat folder of two digits of four speakers, two takes each."""
    for name in DIGITS:
        write_clip(tmp_path / "digits" / name, 0.05)
    return tmp_path / "digits"


def test_a_flat_folder_is_offered_a_pattern_that_works(digits):
    text = refusal(digits)
    assert "label would be 0, 1: 2 values; field2 would be ann, bob, cy, ...: 4 values" in text
    pattern = text.partition("--names '")[2].partition("'")[0]
    assert load_dataset(DataSource.of(digits, names=pattern)).classes == ("0", "1")


def test_names_without_separators_are_offered_fields_of_fixed_places(tmp_path):
    for speaker, text, emotion, take in product((3, 8), (1, 2), "FNW", "ab"):
        write_clip(tmp_path / "wav" / f"{speaker:02d}a{text:02d}{emotion}{take}.wav", 0.05)
    text = refusal(tmp_path)
    assert "field4 would be F, N, W: 3 values" in text
    offered = text.partition("--names '")[2].partition("'")[0]
    assert offered == "{label:2}{field2:1}{field3:2}{field4:1}{field5:1}"
    meant = offered.replace("label", "speaker").replace("field4", "label")
    assert load_dataset(DataSource.of(tmp_path, names=meant)).classes == ("F", "N", "W")


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{label}_{take}", "dog_bark_3.wav", {"label": "dog_bark", "take": "3"}),
        ("{label}_{take}.wav", "x/dog_3.WAV", {"label": "dog", "take": "3"}),
        ("{label}{take}", "rain12.ogg", {"label": "rain", "take": "12"}),
        ("{label}/{speaker}-*", "a/dog/ann-x-3.wav", {"label": "dog", "speaker": "ann"}),
        ("{label}_{speaker}_{take}", "dog_3.wav", None),
        (
            "{speaker:2}{text:3}{label:1}{take:1}",
            "wav/03a01Fa.wav",
            {"speaker": "03", "text": "a01", "label": "F", "take": "a"},
        ),
        ("{speaker:2}{label:1}", "03Fa.wav", None),
    ],
)
def test_a_pattern_reads_names(pattern, path, fields):
    assert parse_names(pattern).read(PurePosixPath(path)) == fields


@pytest.mark.parametrize(
    "pattern", ["", "label", "{label", "{a b}", "{label}_{label}", "{label:0}"]
)
def test_a_pattern_without_sense_is_refused(pattern):
    with pytest.raises(ConfigError, match="--names: expected fields"):
        parse_names(pattern)


def test_a_speaker_of_names_lies_in_one_split(digits):
    dataset = load_dataset(DataSource.of(digits, names="{label}_{speaker}_{take}"))
    splits = splits_of(dataset, lambda clip: clip.path.stem.split("_")[1])
    assert [len(speakers) for speakers in splits.values()] == [2, 1, 1]
    assert {clip.group for clip in dataset.clips} == {"ann", "bob", "cy", "di"}


def test_clips_are_put_into_splits_as_asked(digits):
    names = "{label}_{speaker}_{take}"
    asked = DataSource.of(digits, names=names, validation="speaker:ann", test="speaker:bob,cy")
    splits = splits_of(load_dataset(asked), lambda clip: clip.path.stem.split("_")[1])
    assert splits == {"train": {"di"}, "validation": {"ann"}, "test": {"bob", "cy"}}
    one = load_dataset(DataSource.of(digits, names=names, test="speaker:bob"))
    splits = splits_of(one, lambda clip: clip.path.stem.split("_")[1])
    assert splits["test"] == {"bob"}
    assert [len(speakers) for speakers in splits.values()] == [2, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test": "speaker:an"}, "got 'an'; found ann, bob, cy, di, did you mean 'ann'?"),
        ({"test": "voice:ann"}, "got 'voice'; found"),
        ({"test": "ann"}, "expected FIELD:VALUE"),
        ({"test": "speaker:ann", "validation": "take:0"}, "got 2 clips in both"),
        ({"group": "name:voice"}, "got 'voice'; found"),
        ({"group": "folders"}, "did you mean 'folder'?"),
        ({"columns": "lable=x"}, "did you mean 'label'?"),
    ],
)
def test_options_that_name_what_there_is_not_are_refused(settings, message, digits):
    assert message in refusal(DataSource.of(digits, names="{label}_{speaker}_{take}", **settings))


def test_what_is_asked_wins_over_a_split_column_and_says_so(tmp_path):
    rows = ["file,label,split,mic"]
    for label, mic, n in product(("dog", "rain"), "abc", range(2)):
        rows.append(f"{label}{mic}{n}.wav,{label},{'train' if n else 'test'},{mic}")
        write_clip(tmp_path / f"{label}{mic}{n}.wav", 0.05)
    (tmp_path / "meta.csv").write_text("\n".join(rows))
    both = load_dataset(DataSource.of(tmp_path, validation="mic:a", test="mic:b"))
    mics = splits_of(both, lambda clip: clip.path.stem[-2])
    assert mics == {"train": {"c"}, "validation": {"a"}, "test": {"b"}}
    assert "the splits or folds of the data are not used" in notes_of(both)
    one = load_dataset(DataSource.of(tmp_path, validation="mic:a"))
    assert splits_of(one)["test"] == {"dogb0", "dogc0", "rainb0", "rainc0"}
    assert splits_of(one)["train"] == {"dogb1", "dogc1", "rainb1", "rainc1"}
    assert "before what the data say" in notes_of(one)
