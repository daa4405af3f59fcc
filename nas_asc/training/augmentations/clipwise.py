"""What augmentations share: draws for each clip of a batch, and the axes of its first input.

Conventions: what is drawn is on the CPU until `moved`; a stretch of time is given by its ends as
shares of the clip, so that it is the same in planes with other numbers of frames. Planes are (clip,
channels, mel, frame), waveforms (clip, channels, sample).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import log

import numpy as np
import torch
from torch import Tensor

from nas_asc.architectures import FrontEnd, band_corners_hz
from nas_asc.features import POWER_FLOOR
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved

LOG_FLOOR = log(POWER_FLOOR)  # of log-mels, before they are standardised


def symmetric_beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` values of Beta(alpha, alpha), float64, by numpy: torch's takes no generator."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count))


def drawn(probability: float, count: int, generator: torch.Generator) -> Tensor:
    """Draw which of so many clips are changed, each with a probability: bool, (clip,)."""
    return torch.rand(count, generator=generator) < probability


def column(values: Tensor, like: Tensor) -> Tensor:
    """Bring a value for each clip into the shape and type in which it multiplies an input."""
    return values.to(like).view(-1, *[1] * (like.dim() - 1))


def front_end_of(batch: Batch) -> FrontEnd:
    """Return what made the features of a batch.

    Raises:
        ValueError: the clips do not say.
    """
    if batch.frontend is None:
        raise ValueError("expected clips with their front end, got none, make Clips(frontend=...)")
    return batch.frontend


def is_waveform(batch: Batch) -> bool:
    """Check whether the first input is a waveform, and no log-mels."""
    return batch.inputs[0].dim() < 4


def is_scaled_log_mel(batch: Batch) -> bool:
    """Check whether powers cannot be told from the first input: log-mels from 0 to 1 ("peak")."""
    return not (is_waveform(batch) or batch.has_level)


def frames_a_second(batch: Batch) -> float:
    """Return how many frames of the first plane, or samples of a waveform, a second has."""
    frontend = front_end_of(batch)
    return frontend.sample_rate_hz / (1 if is_waveform(batch) else frontend.hop)


@cache
def mel_corners_hz(frontend: FrontEnd, mels: int) -> Tensor:
    """Return the corners of the bands of a plane of so many mel bins, float64, (mel + 2,)."""
    limits_hz = (float(frontend.f_min_hz), float(frontend.f_max_hz))
    return torch.tensor(band_corners_hz(mels, *limits_hz), dtype=torch.float64)


def with_time_last(batch: Batch, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the first input along time, its last axis; in a second plane it is the one before."""
    maps = batch.inputs[0]
    if not batch.second_plane:
        return change(maps)
    turned = change(maps[:, 1:].transpose(2, 3)).transpose(2, 3)
    return torch.cat([change(maps[:, :1]), turned], dim=1)


def first_plane(batch: Batch) -> Tensor:
    """Return the log-mels that are not transposed."""
    return batch.inputs[0][:, :1] if batch.second_plane else batch.inputs[0]


def with_first(batch: Batch, maps: Tensor) -> Batch:
    """Replace the first input, which is not standardised yet; mean spectra become those of it.

    They move by as much as the means over channels and time do. Beside log-mels that are scaled
    ("peak") they are of others, and stay.
    """
    maps = maps.contiguous()  # means of another order of memory would be rounded otherwise
    changed = replace(batch, inputs=(maps, *batch.inputs[1:]))
    if len(batch.inputs) == 1 or is_waveform(batch) or is_scaled_log_mel(batch):
        return changed
    distance = first_plane(changed).mean((1, 3)) - first_plane(batch).mean((1, 3))
    return replace(changed, inputs=(maps, *[each + distance for each in batch.inputs[1:]]))


def with_some(batch: Batch, some: Tensor, change: Callable[[Batch, Tensor], Tensor]) -> Batch:
    """Change the first input of some clips alone; which, is known on the CPU: bool, (clip,).

    `change` gets a batch of these clips, its first input alone, and their numbers on the CPU.
    """
    numbers = some.nonzero().flatten()
    if not len(numbers):
        return batch
    maps = batch.inputs[0]
    rows = moved(numbers, maps.device)
    chosen = replace(
        batch, inputs=(maps.index_select(0, rows),), targets=batch.targets.index_select(0, rows)
    )
    return with_first(batch, maps.index_copy(0, rows, change(chosen, numbers)))


def in_stretch(ends: Tensor, like: Tensor) -> Tensor:
    """Tell which positions of the last axis lie in a stretch of each clip: bool, for `like`.

    `ends` are shares of the axis, (2, clip), on the device of `like`.
    """
    size = like.shape[-1]
    first, last = (ends * size).round().unsqueeze(-1)
    position = torch.arange(size, device=like.device)
    inside: Tensor = (position >= first) & (position < last)
    return inside.view(len(like), *[1] * (like.dim() - 2), size)


def interpolated(maps: Tensor, place: Tensor) -> Tensor:
    """Take values of the last axis, linearly from both neighbours, from places: (clip, position).

    What lies beyond the end is taken from the last position.
    """
    last = maps.shape[-1] - 1
    shape = (len(maps), *[1] * (maps.dim() - 2), place.shape[-1])
    place = place.clamp(max=last).view(shape)
    before = place.long()
    after = (before + 1).clamp(max=last)
    wide = (*maps.shape[:-1], place.shape[-1])
    earlier, later = (maps.gather(-1, at.expand(wide)) for at in (before, after))
    return torch.lerp(earlier, later, (place - before).to(maps))
