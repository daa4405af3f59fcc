"""Training clips that are parts of one recording, joined in time.

TAU Urban Acoustic Scenes 2022 Mobile has each recording of 10 s in ten files of a second, which
their names count; longer recordings can be cut into windows. Whoever trains on stretches from
anywhere in a recording needs it whole; what judges stays as it is.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from math import ceil
from pathlib import Path

from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.lengths import fitting_length_s
from nas_asc.datasets.tau import CLIP_NAME


@dataclass(frozen=True)
class JoinedClips:
    """The training clips of a data set, joined.

    Attributes:
        dataset: with a clip for each recording, all of them equally long.
        parts: of each recording its parts in the order of time, numbers among the training clips.
    """

    dataset: Dataset
    parts: tuple[tuple[int, ...], ...]


def join_training_clips(dataset: Dataset) -> JoinedClips | None:
    """Join the training clips that are seconds of one recording, as names say, or its windows.

    A recording of which seconds are missing is the others one after the other, and goes on with its
    first ones again. None where no two clips are of one recording.
    """
    training = [dataset.clips[index] for index in dataset.indices("train")]
    if dataset.windowed:
        return _joined_windows(dataset, training)
    found: defaultdict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for number, clip in enumerate(training):
        recording, second = _place(clip)
        found[recording].append((second, number))
    most = max(map(len, found.values()), default=1)
    if most == 1:
        return None
    parts = tuple(
        tuple(islice(cycle(number for _, number in sorted(pairs)), most))
        for pairs in found.values()
    )
    clips = []
    for numbers in parts:
        first, *others = (training[number] for number in numbers)
        clips.append(replace(first, further=tuple(clip.path for clip in others)))
    return JoinedClips(replace(dataset, clips=tuple(clips), clip_s=most * dataset.clip_s), parts)


def _joined_windows(dataset: Dataset, training: Sequence[Clip]) -> JoinedClips | None:
    """Join windows to the files that they are of, as long as clips would be without windows.

    Longer files are cut, shorter ones begin again.
    """
    found: defaultdict[Path, list[int]] = defaultdict(list)
    for number, clip in enumerate(training):
        found[clip.path].append(number)
    most = max(map(len, found.values()), default=1)
    if most == 1:
        return None
    ends_s = [training[numbers[-1]].start_s + dataset.clip_s for numbers in found.values()]
    length_s = max(dataset.clip_s, fitting_length_s(ends_s))
    clips = []
    for (path, numbers), end_s in zip(found.items(), ends_s, strict=True):
        again = (path,) * (ceil(length_s / end_s - 1e-6) - 1)
        clips.append(replace(training[numbers[0]], further=again))
    parts = tuple(tuple(islice(cycle(numbers), most)) for numbers in found.values())
    return JoinedClips(replace(dataset, clips=tuple(clips), clip_s=length_s), parts)


def _place(clip: Clip) -> tuple[Hashable, int]:
    """Return the recording of a clip, and which second of it it is; one without is its own."""
    match = CLIP_NAME.fullmatch(clip.path.stem)
    if match is None or match["second"] is None:
        return clip.path, 0
    named = match.group("scene", "city", "location", "segment", "device")
    return (*named, clip.label, clip.fine), int(match["second"])
