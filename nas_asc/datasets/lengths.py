"""How long the clips of a data set are, and where the windows of its recordings lie.

Conventions: seconds. Without a length that is asked for, clips are as long as 95 % of them need, up
to 10 s. Windows cover every sample of a recording: they begin every hop, and where the last of
these does not reach the end, one more ends with the recording.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, inf
from pathlib import Path

from nas_asc.datasets.dataset import Clip
from nas_asc.datasets.decoding import check_file, unreadable
from nas_asc.errors import DatasetError
from nas_asc.study import DataSource

_FITTING = 0.95  # share of the clips that is to fit
_LONGEST_S = 10.0
_SHORTEST_S = 0.02
_STEPS_S = ((0.1, 0.01), (0.5, 0.05), (2.0, 0.1), (inf, 0.5))  # below a length, steps of so much
_SLACK = 0.03  # share of a length that counts as nothing: 5.02 s are said as 5 s
_MUCH = 0.2  # share of all sound that is cut off, above which another way is named
_SAME_S = 1e-6  # less than a sample


def fitting_length_s(durations_s: Sequence[float]) -> float:
    """Return the clip length for recordings: the 95th percentile up to 10 s, as one would say it.

    Of few clips the percentile is the lower neighbour, so that one long recording among ten short
    ones does not decide.
    """
    ordered = sorted(durations_s)
    length_s = min(_LONGEST_S, ordered[floor(_FITTING * (len(ordered) - 1))])
    step_s = next(step_s for below_s, step_s in _STEPS_S if length_s < below_s)
    steps = ceil((1 - _SLACK) * length_s / step_s - 1e-9)
    return max(_SHORTEST_S, round(steps * step_s, 2))


def clip_length_s(source: DataSource, durations_s: Sequence[float]) -> float:
    """Return how long the clips of a source are that has recordings of such durations."""
    return source.window_s or source.clip_s or fitting_length_s(durations_s)


def window_starts_s(duration_s: float, window_s: float, hop_s: float) -> tuple[float, ...]:
    """Return where the windows of a recording begin; a shorter one has one, to be padded."""
    last_s = duration_s - window_s
    if last_s < _SAME_S:
        return (0.0,)
    starts = [hop_s * number for number in range(floor((last_s + _SAME_S) / hop_s) + 1)]
    return (*starts, last_s) if last_s - starts[-1] > _SAME_S else tuple(starts)


def windows_of_file(path: Path, window_s: float, hop_s: float) -> tuple[float, ...]:
    """Return where the windows of a sound file begin; DatasetError where it cannot be read."""
    file = check_file(path, decode=False)
    if file.fault:
        raise DatasetError(unreadable(path, file.fault))
    return window_starts_s(file.duration_s, window_s, hop_s)


def windows_of(clip: Clip, duration_s: float, source: DataSource) -> list[Clip]:
    """Return the windows of a recording, or the recording itself where none are asked for."""
    window_s, hop_s = source.window_s, source.window_hop_s
    if window_s is None or hop_s is None:
        return [clip]
    starts_s = window_starts_s(duration_s, window_s, hop_s)
    return [replace(clip, start_s=start_s) for start_s in starts_s]


def length_note(source: DataSource, clip_s: float, durations_s: Sequence[float]) -> str:
    """Return in words how long clips are, and how many are padded, cut, or cut into windows."""
    slack_s = min(0.05, clip_s / 10)
    padded = sum(duration_s < clip_s - slack_s for duration_s in durations_s)
    cut = sum(duration_s > clip_s + slack_s for duration_s in durations_s)
    centred = " on both sides" if source.align == "center" else ""
    if (hop_s := source.window_hop_s) is not None:
        count = sum(len(window_starts_s(each, clip_s, hop_s)) for each in durations_s)
        return (
            f"windows: {count:,} of {clip_s:g} s from {len(durations_s):,} files, one every "
            f"{hop_s:g} s and the last at the end; {padded} shorter files are padded{centred}"
        )
    reason = "as asked" if source.clip_s else "what 95 % of the clips need, up to 10 s"
    way_on = ""
    lost_s = sum(max(0.0, duration_s - clip_s) for duration_s in durations_s)
    if lost_s > _MUCH * sum(durations_s):
        way_on = f"; --window {clip_s:g}s would use the whole of long recordings"
    return (
        f"clip length: {clip_s:g} s, {reason}; {padded} shorter are padded{centred}, "
        f"{cut} longer are cut{way_on}"
    )
