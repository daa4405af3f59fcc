"""The clips of a data set, their classes and their splits, as values.

Conventions: a split is "train", "validation" or "test"; a group names a recording (or its place),
and no group is meant to lie in two splits; clips are in the order of their paths, and every array
made from a data set keeps that order.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Clip:
    """One labelled recording; `label` is an index into the classes of its data set."""

    path: Path
    label: int
    split: str
    group: str
    device: str | None
    fold: int | None


@dataclass(frozen=True)
class Dataset:
    """A folder of labelled clips, ready to use.

    Attributes:
        classes: the class names, sorted.
        clip_s: the length that every clip is padded or cut to, in seconds.
        synthetic: whether the clips were made by this program; the name then begins "synthetic".
        sample_rate_hz: the rate of most clips.
        channels: the channel count of most clips.
        notes: what was decided on the way, one sentence each.
        skipped: the clips left out because they cannot be decoded.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    clip_s: float
    synthetic: bool
    sample_rate_hz: int
    channels: int
    notes: tuple[str, ...]
    skipped: tuple[Path, ...]

    def indices(self, split: str) -> tuple[int, ...]:
        """Return the positions in `clips` of one split."""
        if split not in SPLITS:
            raise ValueError(f"expected one of {', '.join(SPLITS)}, got {split!r}")
        return tuple(index for index, clip in enumerate(self.clips) if clip.split == split)

    @property
    def devices(self) -> tuple[str, ...]:
        """The recording devices, sorted; empty where the data do not name them."""
        return tuple(sorted({clip.device for clip in self.clips if clip.device is not None}))

    @property
    def unseen_devices(self) -> tuple[str, ...]:
        """The devices that no training clip comes from, sorted."""
        seen = {clip.device for clip in self.clips if clip.split == "train"}
        return tuple(device for device in self.devices if device not in seen)

    def describe(self) -> dict[str, object]:
        """Return the data set in numbers, ready for JSON; `clips` and `classes` are counts."""
        splits = Counter(clip.split for clip in self.clips)
        return {
            "name": self.name,
            "clips": len(self.clips),
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
