"""The clips of a data set, their classes and their splits, as values.

Conventions: a split is "train", "validation" or "test"; a group names a recording (or its place),
and no group is meant to lie in two splits; clips are in the order of their paths, and every array
made from a data set keeps that order.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from nas_asc.datasets.splits import SPLITS
from nas_asc.study import DataSource


@dataclass(frozen=True, slots=True)  # there are many
class Clip:
    """One labelled recording, or a window of one.

    Attributes:
        label: index into the classes of its data set.
        start_s: where in the file the clip begins.
        city: where it was recorded; None where that is not known.
        fine: index into the finer classes of its data set; None where there are none.
        further: files that it goes on in; see `join_training_clips`.
    """

    path: Path
    label: int
    split: str
    group: str
    device: str | None
    fold: int | None
    start_s: float = 0.0
    city: str | None = None
    fine: int | None = None
    further: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Labelled clips, ready to use.

    Attributes:
        root: the folder that holds all files.
        edition: the published name of the data set that the clips are of, if it is one alone.
        highest_hz: what at least half of the clips hold energy up to; infinity where not known.
        align: where a clip shorter than `clip_s` lies in it, at the "start" or in the "center".
        source: what the data set was read from, and how; `split_seed` is that of drawn splits.
        class_map: the finer classes, sorted, each with the class that it lies in; empty where clips
            have labels of one kind.
    """

    name: str
    root: Path
    classes: tuple[str, ...]  # sorted
    clips: tuple[Clip, ...]
    clip_s: float  # every clip is padded or cut to that
    synthetic: bool  # made by this program; the name then begins "synthetic"
    sample_rate_hz: int  # of most clips
    channels: int  # of most clips
    notes: tuple[str, ...]  # what was decided on the way, one sentence each
    skipped: tuple[Path, ...]  # left out because they cannot be decoded
    highest_hz: float = inf
    align: str = "start"
    source: DataSource = field(default_factory=DataSource)
    split_seed: int = 0
    edition: str | None = None
    class_map: tuple[tuple[str, str], ...] = ()

    def indices(self, split: str) -> tuple[int, ...]:
        """Return the positions in `clips` of one split."""
        if split not in SPLITS:
            raise ValueError(f"expected one of {', '.join(SPLITS)}, got {split!r}")
        return tuple(index for index, clip in enumerate(self.clips) if clip.split == split)

    @property
    def fine_classes(self) -> tuple[str, ...]:
        """The finer classes, sorted; empty where clips have labels of one kind."""
        return tuple(name for name, _ in self.class_map)

    @property
    def with_fine_labels(self) -> "Dataset":
        """The same clips by their finer classes.

        Raises:
            ValueError: they have labels of one kind.
        """
        if not self.class_map:
            raise ValueError("expected clips with labels of two kinds, got one")
        clips = tuple(replace(c, label=c.fine or 0, fine=None) for c in self.clips)
        return replace(self, classes=self.fine_classes, clips=clips, class_map=())

    def with_validation(self, most: int | None) -> "Dataset":
        """Return the data set with the validation clips of at most so many files, spread evenly."""
        validation = [self.clips[index] for index in self.indices("validation")]
        files = list(dict.fromkeys(clip.path for clip in validation))
        if most is None or len(files) <= most:
            return self
        kept = {files[number * len(files) // most] for number in range(most)}
        clips = tuple(c for c in self.clips if c.split != "validation" or c.path in kept)
        return replace(self, clips=clips)

    @property
    def hop_s(self) -> float | None:
        """From the start of one window of a file to that of the next; None without windows."""
        return self.source.window_hop_s

    @property
    def windowed(self) -> bool:
        """Whether `clips` are the windows of files."""
        return self.hop_s is not None

    @property
    def file_numbers(self) -> tuple[int, ...]:
        """The number of the file of each clip, from 0, in the order of `files`."""
        numbers = {clip.path: number for number, clip in enumerate(self.files)}
        return tuple(numbers[clip.path] for clip in self.clips)

    @property
    def files(self) -> tuple[Clip, ...]:
        """The clips, of windows only the first of each file."""
        return tuple({clip.path: clip for clip in reversed(self.clips)}.values())[::-1]

    @property
    def devices(self) -> tuple[str, ...]:
        """The recording devices, sorted; empty where the data do not name them."""
        return tuple(sorted({clip.device for clip in self.clips if clip.device is not None}))

    @property
    def cities(self) -> tuple[str, ...]:
        """The cities of the recordings, sorted; empty where the data do not name them."""
        return tuple(sorted({clip.city for clip in self.clips if clip.city is not None}))

    @property
    def unseen_devices(self) -> tuple[str, ...]:
        """The devices that no training clip comes from, sorted."""
        seen = {clip.device for clip in self.clips if clip.split == "train"}
        return tuple(device for device in self.devices if device not in seen)

    @property
    def imbalance(self) -> float:
        """How many times as many training clips the largest class has as the smallest."""
        counts = Counter(clip.label for clip in self.clips if clip.split == "train")
        return max(counts.values()) / min(counts.values()) if counts else 1.0

    def describe(self) -> dict[str, object]:
        """Return the data set in numbers, ready for JSON; `clips` and `classes` are counts.

        Where clips are cut into windows, clips and splits count files, and `windows` their windows.
        """
        splits = Counter(clip.split for clip in self.files)
        return {
            "name": self.name,
            "clips": len(self.files),
            **({"windows": len(self.clips)} if self.windowed else {}),
            "classes": len(self.classes),
            "splits": {split: splits[split] for split in SPLITS},
            "clip_s": self.clip_s,
            "sample_rate_hz": self.sample_rate_hz,
            "channels": self.channels,
            "synthetic": self.synthetic,
            "devices": list(self.devices),
            "unseen_devices": list(self.unseen_devices),
            "skipped": len(self.skipped),
        }
