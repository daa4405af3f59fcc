"""Training clips that are seconds of one recording, joined."""

from dataclasses import replace
from pathlib import Path

from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.joining import join_training_clips
from nas_asc.study.data_source import DataSource

ROOT = Path("audio")


def clips(*names, split="train", label=0):
    return [Clip(ROOT / f"{name}.wav", label, split, "g", "a", None) for name in names]


def dataset(*found, clip_s=1.0, **changed):
    data = Dataset("tau", ROOT, ("bus", "tram"), found, clip_s, False, 44100, 1, (), ())
    return replace(data, **changed)


def test_the_seconds_of_a_recording_are_joined_in_their_order():
    whole = dataset(
        *clips("bus-lyon-1-7-1-a", "bus-lyon-1-7-2-a", "bus-lyon-1-7-0-a"),
        *clips("bus-lyon-1-7-2-s1", "bus-lyon-1-7-0-s1", "bus-lyon-1-7-1-s1", label=1),
        *clips("bus-lyon-1-8-0-a", split="validation"),
        *clips("bus-lyon-1-9-0-a", split="test"),
    )
    joined = join_training_clips(whole)
    assert joined is not None
    first, second = joined.dataset.clips
    assert [path.stem for path in (first.path, *first.further)] == [
        f"bus-lyon-1-7-{number}-a" for number in range(3)
    ]
    assert joined.parts == ((2, 0, 1), (4, 5, 3))
    assert (first.label, second.label, second.path.stem) == (0, 1, "bus-lyon-1-7-0-s1")
    assert joined.dataset.clip_s == 3.0


def test_what_has_fewer_parts_begins_again():
    """Also a clip whose name counts no seconds."""
    named = ("bus-lyon-1-7-0-a", "bus-lyon-1-7-3-a", "bus-lyon-1-7-9-a", "bus-lyon-1-8-4-a")
    joined = join_training_clips(dataset(*clips(*named, "bus-lyon-1-7-a"), clip_s=0.5))
    assert joined is not None
    assert joined.parts == ((0, 1, 2), (3, 3, 3), (4, 4, 4))
    assert joined.dataset.clip_s == 1.5


def test_clips_of_ten_seconds_stay():
    assert join_training_clips(dataset(*clips("bus-lyon-1-7-a", "bus-lyon-1-8-a"))) is None
    assert join_training_clips(dataset(*clips("bus-lyon-1-7-0-a", "bus-lyon-1-8-0-a"))) is None


def windows(name, starts_s, split="train"):
    return [replace(clip, start_s=s) for clip in clips(name, split=split) for s in starts_s]


def test_windows_are_joined_to_files_as_long_as_most():
    """Of 40 files 38 have 5 s; one of 2 s begins again, one of 10 s is cut."""
    whole = [window for n in range(38) for window in windows(f"{n}", range(5))]
    found = [*windows("short", range(2)), *whole, *windows("long", range(10))]
    others = windows("judged", range(5), "validation")
    joined = join_training_clips(dataset(*found, *others, source=DataSource(window_s=1.0)))
    assert joined is not None
    assert joined.dataset.clip_s == 5.0
    short, first, *_, last = joined.dataset.clips
    assert len(joined.dataset.clips) == 40
    assert short.further == (short.path, short.path)
    assert (first.further, last.further) == ((), ())
    assert {clip.start_s for clip in joined.dataset.clips} == {0.0}
    assert joined.parts[0] == (0, 1) * 5
    assert joined.parts[1] == (2, 3, 4, 5, 6, 2, 3, 4, 5, 6)
    assert joined.parts[-1] == tuple(range(192, 202))


def test_files_of_one_window_stay():
    found = [*windows("a", [0.0]), *windows("b", [0.0])]
    assert join_training_clips(dataset(*found, source=DataSource(window_s=1.0))) is None
